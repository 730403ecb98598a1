"""LK1xx: connections that are not given back."""

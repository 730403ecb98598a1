"""LK2xx: connections that are held while something else is waited for, or another one is taken."""

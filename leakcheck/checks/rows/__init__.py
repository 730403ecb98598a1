"""LK3xx: statements, commits and connections once a row."""

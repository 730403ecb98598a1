"""Find database connections that are never given back, and show the path that leaks them."""

__version__ = "0.1.0"

"""LK5xx: acquires that give up at once, and such as are tried again too soon."""

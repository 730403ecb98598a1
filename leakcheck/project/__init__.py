"""Which files there are, what they define, and what a name in one of them stands for."""

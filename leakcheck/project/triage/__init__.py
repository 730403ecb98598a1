"""Which files are worth checking, by their raw bytes."""

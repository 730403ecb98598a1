"""Rewrites that give connections back: planned by the engine, applied by `--fix`."""

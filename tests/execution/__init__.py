"""Proof by execution: programs run against fake drivers that fail on purpose, and leakcheck is held to what is seen."""

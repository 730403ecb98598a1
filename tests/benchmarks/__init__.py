"""How long leakcheck takes beside its peers: `python -m tests.benchmarks --help`."""

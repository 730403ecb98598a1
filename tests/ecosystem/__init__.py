"""leakcheck over pinned packages that other people wrote: what it finds, what changed, and how much of it is right."""

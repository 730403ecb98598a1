"""One module a rule family: what counts as a finding, and how it is told."""

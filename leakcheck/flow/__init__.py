"""The abstract interpreter: runs a function body over sets of states, one exit kind at a time."""

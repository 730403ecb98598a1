"""Findings that somebody decided to live with: silenced by a comment, or listed in a baseline."""

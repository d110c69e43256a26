"""Versions, changelog, the release commit, and what a tag claims."""

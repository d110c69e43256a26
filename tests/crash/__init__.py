"""The release, killed on both sides of every effect it has: `python -m tests.crash`."""

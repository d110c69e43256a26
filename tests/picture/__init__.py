"""Draws panels of the dashboard from what a real Prometheus answers: `python -m tests.picture`."""

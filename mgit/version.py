"""The one place that holds the version; the release pipeline rewrites it."""

__version__ = "0.0.0"

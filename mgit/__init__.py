"""mgit keeps every Git repository of a company found, current and accounted for."""

from mgit.version import __version__

__all__ = ["__version__"]

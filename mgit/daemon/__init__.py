"""`mgit serve`: syncs its sources again and again, and says how it is."""

from __future__ import annotations

from mgit.daemon.service import serve

__all__ = ["serve"]

"""`mgit serve`: syncs its sources again and again, and says how it is. See `service`."""

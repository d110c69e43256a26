"""The public surface of mgit: what others rely on, as a flat list that can be compared."""

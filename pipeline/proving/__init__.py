"""Shows afterwards that a release is what it says: its folder, its tag, its journal."""

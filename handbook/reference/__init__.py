"""Pages that are made from the code. Each is a function that returns the whole text."""

"""Taking a published version out of circulation, as far as each place allows."""

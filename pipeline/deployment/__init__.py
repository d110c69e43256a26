"""Environments, and how an image gets live in one of them."""

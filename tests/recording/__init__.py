"""Recordings of the real command line on a real terminal, as asciicasts and as pictures that move."""

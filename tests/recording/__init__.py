"""The real command line on a real terminal, as asciicasts and as pictures that move."""

"""What a person may have meant by a word that nobody knows."""

from __future__ import annotations

from collections.abc import Iterable


def meant(word: str, known: Iterable[str], prefix: str = "") -> str:
    """`; did you mean WORD?`, or nothing where no known word is much like it."""
    # Loaded only when a mistake was made.
    from difflib import get_close_matches

    near = get_close_matches(word.lower(), list(known), n=1, cutoff=0.6)
    return f"; did you mean {prefix}{near[0]}?" if near else ""

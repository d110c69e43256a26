"""What a caller says of its trace: the `traceparent` field of W3C Trace Context (Level 1, 3.2).

Pure. Read strictly: what is not sound counts for nothing, as that specification has it.
"""

from __future__ import annotations

import re

_FIELD = re.compile(
    r"(?P<version>[0-9a-f]{2})-(?P<trace>[0-9a-f]{32})-(?P<span>[0-9a-f]{16})-(?P<flags>[0-9a-f]{2})"
    r"(?P<more>-[!-~]*)?"
)
_LONGEST = 512


def parse_traceparent(text: str) -> str:
    """The field as version 00 spells it; empty for one that is not sound.

    A later version may add to its end; what this version knows of it is kept.

    Args:
        text: the field's value as it came, of any length.
    """
    found = _FIELD.fullmatch(text.strip(" \t")) if len(text) <= _LONGEST else None
    if found is None or found["version"] == "ff":
        return ""
    if found["version"] == "00" and found["more"] is not None:
        return ""
    if not (found["trace"].strip("0") and found["span"].strip("0")):
        return ""
    return f"00-{found['trace']}-{found['span']}-{found['flags']}"


def trace_of(traceparent: str) -> str:
    """The id of the trace in a sound field; empty for an empty one."""
    return traceparent[3:35]

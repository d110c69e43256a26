"""What the fuzz targets share: how many examples, where finds are kept, and shapes of input."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.database import DirectoryBasedExampleDatabase

EXAMPLES = int(os.environ.get("MGIT_FUZZ_EXAMPLES", "80"))
_FOLDER = os.environ.get("MGIT_FUZZ_FOLDER")
_EXTRA: dict[str, Any] = (
    {"database": DirectoryBasedExampleDatabase(_FOLDER), "derandomize": False} if _FOLDER else {}
)

Test = Callable[..., None]


def fuzz(
    *strategies: st.SearchStrategy[Any], **named: st.SearchStrategy[Any]
) -> Callable[[Test], Test]:
    """`given`, with as many examples as the short or the long form wants."""

    def decorate(test: Test) -> Test:
        return settings(
            max_examples=EXAMPLES,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
            **_EXTRA,
        )(given(*strategies, **named)(test))

    return decorate


def pieces(*known: str) -> st.SearchStrategy[str]:
    """Text made of words that a parser knows, and of anything between them."""
    words = st.sampled_from(known)
    return st.lists(words | st.text(max_size=4) | DIGITS, max_size=14).map("".join)


def byte_pieces(*known: bytes) -> st.SearchStrategy[bytes]:
    """The same of bytes."""
    return st.lists(st.sampled_from(known) | st.binary(max_size=6), max_size=14).map(b"".join)


def changed(whole: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    """A sound input in which some bytes are others, or a part is missing or stands twice."""

    @st.composite
    def build(draw: st.DrawFn) -> bytes:
        data = bytearray(draw(whole))
        for _ in range(draw(st.integers(0, 4))):
            if not data:
                break
            at = draw(st.integers(0, len(data) - 1))
            much = draw(st.integers(0, 9))
            match draw(st.integers(0, 2)):
                case 0:
                    data[at] = draw(st.integers(0, 255))
                case 1:
                    del data[at : at + much]
                case _:
                    data[at:at] = data[at : at + much]
        return bytes(data)

    return build()


# Numbers around the limits of machines, and one longer than Python turns into an int.
DIGITS = st.sampled_from(
    [
        "0",
        "1",
        "00",
        "-1",
        "65535",
        "65536",
        "2147483648",
        "9" * 20,
        "9" * 400,
        "9" * 5000,
        "²",
        "٣",
    ]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)

"""What a caller says of its trace (W3C Trace Context), read strictly."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgit.telemetry.traceparent import parse_traceparent, trace_of

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SOUND = f"00-{TRACE}-{SPAN}-01"


def test_a_sound_one_is_kept() -> None:
    assert parse_traceparent(SOUND) == SOUND
    assert parse_traceparent(f" {SOUND}\t") == SOUND
    assert trace_of(SOUND) == TRACE


def test_one_of_a_later_version_is_read_as_far_as_this_one_goes() -> None:
    assert parse_traceparent(f"01-{TRACE}-{SPAN}-01-more") == SOUND
    assert parse_traceparent(f"cc-{TRACE}-{SPAN}-00") == f"00-{TRACE}-{SPAN}-00"


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "00",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE}-{SPAN}-1",
        f"00-{TRACE}-{SPAN}-01-more",
        f"01-{TRACE}-{SPAN}-01more",
        f"{SOUND}, {SOUND}",
        f"{SOUND}\n",
        SOUND.replace("4", "٤"),
    ],
)
def test_anything_else_is_none(wrong: str) -> None:
    assert parse_traceparent(wrong) == ""
    assert trace_of(parse_traceparent(wrong)) == ""


@given(st.text(max_size=80) | st.from_regex(r"[0-9a-f-]{50,60}", fullmatch=True))
def test_whatever_comes_out_is_sound(text: str) -> None:
    found = parse_traceparent(text)
    assert found in ("", parse_traceparent(found))
    assert len(found) in (0, len(SOUND))

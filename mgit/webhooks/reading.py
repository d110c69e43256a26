"""Reads a body into a checked type."""

from __future__ import annotations

from typing import Annotated, TypeVar

import msgspec

from mgit.webhooks.values import Malformed

T = TypeVar("T")

Id = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
"""A number that a forge gave to a repository."""
Name = Annotated[str, msgspec.Meta(max_length=1024)]
"""A name of somebody's choice."""


def read_json(body: bytes, type_: type[T]) -> T:
    """The members that are asked for; all others are passed over without being kept.

    Raises:
        Malformed: no JSON, nested deeper than the decoder goes, or not of that type.
    """
    try:
        return msgspec.json.decode(body, type=type_)
    except RecursionError:
        raise Malformed("it is nested too deeply") from None
    except msgspec.ValidationError:
        raise Malformed("what it should say of the repository is not there") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Malformed("it is no JSON") from None

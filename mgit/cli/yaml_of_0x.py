"""The configuration file of mgit 0.x, read as plain text values within bounds.

Every scalar stays the text that it is in the file: no tag makes an object of it, no `012` becomes
a number. Aliases, which could blow up, and keys that stand twice are refused. An error names the
line, never what stands in it: that may be a token.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from mgit.errors import ConfigurationError, InvalidInput

if TYPE_CHECKING:
    import yaml

MAX_BYTES = 1 << 20
_MAX_DEPTH = 32
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})

Tree = str | list["Tree"] | dict[str, "Tree"]


def read_old_file(file: Path) -> Mapping[str, Tree]:
    """Read the file.

    Raises:
        ConfigurationError: it cannot be read, or is too large to be one.
        InvalidInput: it is no configuration of mgit 0.x.
    """
    try:
        with file.open("rb") as opened:
            raw = opened.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigurationError(
            f"cannot read {file}: {error.strerror}",
            advice="name the file of mgit 0.x: mgit config import FILE",
        ) from None
    if len(raw) > MAX_BYTES:
        raise ConfigurationError(
            f"{file} is larger than 1 MiB", advice="is it the configuration of mgit 0.x?"
        )
    return parse_old(raw, str(file))


def parse_old(raw: bytes, name: str) -> Mapping[str, Tree]:
    """Read the text of such a file.

    Args:
        raw: its bytes.
        name: what to call it in an error.

    Raises:
        InvalidInput: it is not YAML, or holds what no such configuration needs.
    """
    import yaml

    try:
        text = raw.decode("utf-8-sig")
        for event in yaml.parse(text, Loader=yaml.BaseLoader):
            if isinstance(event, yaml.AliasEvent):
                line = None if event.start_mark is None else event.start_mark.line
                raise _wrong(name, line, "an alias, which it cannot need")
        root = yaml.compose(text, Loader=yaml.BaseLoader)
        tree = {} if root is None else _plain(root, name, 0)
    except UnicodeDecodeError:
        raise _wrong(name, None, "text that is not UTF-8") from None
    except (ValueError, OverflowError):  # "\UFFFFFFFF", `%YAML 1.` with 5000 digits
        raise _wrong(name, None, "no valid YAML") from None
    except RecursionError:
        raise _wrong(name, None, "too many levels") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise _wrong(name, None if mark is None else mark.line, "no valid YAML") from None
    if tree == "":
        return {}
    if not isinstance(tree, dict):
        raise _wrong(name, None, "no keys at its top")
    return tree


def _plain(node: yaml.Node, name: str, depth: int) -> Tree:
    import yaml

    line = node.start_mark.line
    if depth > _MAX_DEPTH:
        raise _wrong(name, line, "too many levels")
    match node:
        case yaml.ScalarNode(value=str(text), style=style):
            return "" if style is None and text in _NULLS else text
        case yaml.SequenceNode():
            return [_plain(one, name, depth + 1) for one in node.value]
        case yaml.MappingNode():
            found: dict[str, Tree] = {}
            for key, value in node.value:
                if not isinstance(key, yaml.ScalarNode) or key.value in found:
                    raise _wrong(name, key.start_mark.line, "a key that is no word or stands twice")
                found[str(key.value)] = _plain(value, name, depth + 1)
            return found
        case _:
            raise _wrong(name, line, "something that it cannot need")


def _wrong(name: str, line: int | None, what: str) -> InvalidInput:
    where = name if line is None else f"{name}, line {line + 1}"
    return InvalidInput(
        f"{where}: there is {what}", advice="correct the file, or add sources with `mgit login`"
    )

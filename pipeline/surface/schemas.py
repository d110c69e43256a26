"""JSON schemas as items: each property, whether it is always there, type and words. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

_MAX_DEPTH = 12


def items_of(name: str, schema: Mapping[str, Any], others: Mapping[str, Any]) -> dict[str, str]:
    """The promises of one schema.

    Args:
        name: of the document, for example `sync`.
        schema: JSON Schema 2020-12.
        others: the other schemas by file name, for `$ref`.
    """
    return dict(_walk(f"schema {name}", schema, schema, others, _MAX_DEPTH))


def _walk(
    path: str,
    node: Mapping[str, Any],
    root: Mapping[str, Any],
    others: Mapping[str, Any],
    depth: int,
) -> Iterator[tuple[str, str]]:
    node, root = _resolved(node, root, others)
    if depth == 0:
        return
    kind = node.get("type", "")
    yield path, " or ".join(sorted(kind)) if isinstance(kind, list) else str(kind)
    for word in node.get("enum", ()):
        yield f"{path} = {word}", ""
    if "const" in node:
        yield f"{path} = {node['const']}", ""
    required = set(node.get("required", ()))
    for key, value in sorted(node.get("properties", {}).items()):
        yield f"{path} {key} always", "yes" if key in required else "no"
        yield from _walk(f"{path} {key}", value, root, others, depth - 1)
    if isinstance(node.get("items"), Mapping):
        yield from _walk(f"{path}[]", node["items"], root, others, depth - 1)
    for word in ("oneOf", "anyOf", "allOf"):
        for number, branch in enumerate(node.get(word, ())):
            yield from _walk(f"{path} {word}{number}", branch, root, others, depth - 1)


def _resolved(
    node: Mapping[str, Any], root: Mapping[str, Any], others: Mapping[str, Any]
) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """The node that a `$ref` leads to, and the document it stands in."""
    for _ in range(_MAX_DEPTH):
        target = node.get("$ref")
        if not isinstance(target, str):
            break
        file, _, fragment = target.partition("#")
        if file:
            root = others[file.rpartition("/")[2]]
        node = root
        for part in filter(None, fragment.split("/")):
            node = node[part]
    return node, root

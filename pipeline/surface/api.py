"""The Python names that others may import, read by griffe from the sources without running them.

mgit is a program; as a library it is only public where somebody adds a forge: what
`docs/providers/adding-one.md` uses.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import griffe

PUBLIC = ("mgit.forges.interface", "mgit.model", "mgit.errors")


def items_of(root: Path) -> dict[str, str]:
    """The promises of the public modules below a source tree."""
    loader = griffe.GriffeLoader(search_paths=[str(root)], allow_inspection=False)
    package = loader.load("mgit", try_relative_path=False)
    loader.resolve_aliases(external=False)
    found: dict[str, str] = {}
    for name in PUBLIC:
        module = package[name.removeprefix("mgit.")]
        for public in sorted(module.exports or _own(module)):
            found.update(_items(f"api {name}.{public}", module[str(public)]))
    return found


def _own(module: griffe.Object | griffe.Alias) -> list[str]:
    return [name for name, one in module.members.items() if name[0] != "_" and not one.is_alias]


def _items(path: str, one: griffe.Object | griffe.Alias) -> Iterator[tuple[str, str]]:
    if one.is_alias and not _is_ours(one):
        return
    found = one.final_target if isinstance(one, griffe.Alias) else one
    if isinstance(found, griffe.Function):
        yield path, "function"
        yield from _parameters(path, found)
    elif isinstance(found, griffe.Class):
        yield path, "class"
        yield from _parameters(path, found)
        for name, member in sorted(found.members.items()):
            if not name.startswith("_"):
                yield from _items(f"{path}.{name}", member)
    else:
        yield path, "value"


def _is_ours(one: griffe.Object | griffe.Alias) -> bool:
    return str(getattr(one, "target_path", "")).startswith("mgit.")


def _parameters(path: str, one: griffe.Function | griffe.Class) -> Iterator[tuple[str, str]]:
    for parameter in one.parameters:
        if parameter.name not in {"self", "cls"}:
            needed = "needed" if parameter.required else "optional"
            yield f"{path}({parameter.name})", needed

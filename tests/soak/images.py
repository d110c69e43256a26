"""Versions to deploy: the image of this tree under other labels, and sick ones made from it."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from tests.image.box import docker
from tests.image.pushing import push_variant

_SICK = Path(__file__).with_name("sick.py")
_SLOW_SECONDS = 1.2  # slower than a gate allows, quicker than the health check's patience of 3 s


@dataclass(frozen=True)
class Images:
    """By digest, in the registry.

    Args:
        good: healthy ones that differ in a label.
        spare: a healthy one that the engine does not have.
        unready: never says ready.
        crashes: ends some seconds after it was ready.
        slow: says everything late.
        ends: ends at once.
    """

    good: tuple[str, ...]
    spare: str
    unready: str
    crashes: str
    slow: str
    ends: str

    def all(self) -> tuple[str, ...]:
        return (*self.good, self.spare, self.unready, self.crashes, self.slow, self.ends)


def push_images(folder: Path, base: str, repository: str, crash_after: float) -> Images:
    """Make them and push them; the engine keeps none of them.

    Args:
        folder: gets the contexts of the builds.
        base: mgit's image.
        repository: `HOST/NAME`.
        crash_after: seconds.
    """

    def pushed(name: str, *lines: str) -> str:
        context = folder / name
        context.mkdir(parents=True)
        shutil.copy(_SICK, context / "sick.py")
        return push_variant(context, repository, "\n".join((f"FROM {base}", *lines, "")))

    def sick(how: str, seconds: float) -> str:
        words = ("/usr/bin/python3", "-I", "/opt/sick.py", how, f"{seconds:g}")
        return pushed(
            how,
            "COPY --chmod=0444 sick.py /opt/sick.py",
            f"ENTRYPOINT {json.dumps(words)}",
        )

    good = tuple(pushed(f"good-{number}", f"LABEL soak.number={number}") for number in (1, 2, 3))
    return Images(
        good=good,
        spare=pushed("spare", "LABEL soak.number=4"),
        unready=sick("unready", 0),
        crashes=sick("crash", crash_after),
        slow=sick("slow", _SLOW_SECONDS),
        ends=pushed("ends", 'ENTRYPOINT ["/usr/local/bin/mgit", "status"]'),
    )


def forget(*references: str) -> None:
    """Have the engine hold these images no longer."""
    docker("image", "rm", "--force", *references, check=False)

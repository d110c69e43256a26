"""The image of this tree; see tests/image."""

from tests.image.conftest import image

__all__ = ["image"]

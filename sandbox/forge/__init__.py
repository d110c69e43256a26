"""A forge on loopback: REST like GitHub's or Gitea's, smart HTTP by the real git.

Everything it serves is real: bare repositories with a history, the answers' every required
field, tokens that are checked. It is no model of a forge's permissions.
"""

from sandbox.forge.faults import Hold
from sandbox.forge.forge import LoggedRequest, SandboxForge
from sandbox.forge.hooks import Delivery, Flavour, Hook, compose, send
from sandbox.forge.store import SandboxRepo

__all__ = [
    "Delivery",
    "Flavour",
    "Hold",
    "Hook",
    "LoggedRequest",
    "SandboxForge",
    "SandboxRepo",
    "compose",
    "send",
]

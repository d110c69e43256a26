"""Command lines of the forges that are signed in already, and how each prints its token. Pure.

Sources: gh-auth-token(1); `glab config get --help`; "Use the Azure CLI to issue Entra tokens" in
Microsoft's documentation of Azure DevOps.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

_HOST = "{host}"
_AZURE_DEVOPS = "499b84ac-1321-427f-aa17-267ca6975798"  # Azure DevOps, as Entra calls it


@dataclass(frozen=True, slots=True)
class Tool:
    """A program that has a token.

    Args:
        program: what it is called.
        forge: the kind of forge it signs in to.
        arguments: make it print the token alone; `{host}` stands for the host.
        sign_in: the arguments that sign it in.
        short_lived: its tokens end within hours, so that a copy is of little use.
    """

    program: str
    forge: str
    arguments: tuple[str, ...]
    sign_in: tuple[str, ...]
    short_lived: bool = False

    def token_command(self, host: str) -> tuple[str, ...]:
        """Program and arguments that print the token for a host (`github.com`)."""
        return self._for(self.arguments, host)

    def sign_in_command(self, host: str) -> str:
        """What a person types first."""
        return " ".join(self._for(self.sign_in, host))

    def _for(self, arguments: tuple[str, ...], host: str) -> tuple[str, ...]:
        return (self.program, *(host if one == _HOST else one for one in arguments))


TOOLS: Mapping[str, Tool] = MappingProxyType(
    {
        "gh": Tool(
            "gh",
            "github",
            ("auth", "token", "--hostname", _HOST),
            ("auth", "login", "--hostname", _HOST),
        ),
        "glab": Tool(
            "glab",
            "gitlab",
            ("config", "get", "token", "--host", _HOST),
            ("auth", "login", "--hostname", _HOST),
        ),
        "az": Tool(
            "az",
            "azuredevops",
            (
                *("account", "get-access-token", "--resource", _AZURE_DEVOPS),
                *("--query", "accessToken", "--output", "tsv"),
            ),
            ("login",),
            short_lived=True,
        ),
    }
)
"""By what `mgit login --from` calls them."""

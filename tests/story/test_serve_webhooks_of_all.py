"""Each kind of forge tells the real service of a real push."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from sandbox.forge import Flavour, SandboxForge
from tests.contract.dialects import DIALECTS
from tests.story.laptop import CANARY, Laptop
from tests.story.serving import serving, write_secret

PLAIN = "a-secret-that-two-sides-know"
SIGNING = "whsec_YS1rZXktdGhhdC10d28tc2lkZXMta25vdw=="


@pytest.mark.parametrize(
    ("flavour", "secret"),
    [*((one, PLAIN) for one in get_args(Flavour)), ("gitlab", SIGNING)],
    ids=[*get_args(Flavour), "gitlab-signed"],
)
def test_a_push_is_mirrored_though_the_interval_is_an_hour(
    flavour: Flavour, secret: str, laptop: Laptop, tmp_path: Path
) -> None:
    token, hook_secret = laptop.home / "token", laptop.home / "hook-secret"
    write_secret(token, CANARY)
    write_secret(hook_secret, secret)
    with SandboxForge(tmp_path / "forge", flavour, token=CANARY) as forge:
        forge.add_repo("acme", "tool")
        site = DIALECTS[flavour].site(forge)
        user = 'user = "mona@example.com"\n' if flavour == "bitbucket" else ""
        laptop.configure(
            f'[defaults]\nlayout = "flat"\n[sources.work]\nforge = "{flavour}"\nurl = "{site}"\n'
            f'owners = ["acme"]\n{user}token_file = "{token}"\n'
            f'webhook_secret_file = "{hook_secret}"\n'
        )
        with serving(laptop) as service:
            assert service.wait_for("webhook.ready")["secrets"] == 1
            service.wait_for("run.ended", exit_code=0)
            forge.add_hook(service.hook("work"), secret, standard=secret == SIGNING)
            commit = forge.push("acme", "tool")
            assert forge.deliveries[-1].status == 202
            told = service.wait_for("repo.fast-forwarded")
            service.wait_for("run.ended", exit_code=0)
            assert told["cause"]
            assert service.end() == 0
        (clone,) = [folder for folder in laptop.root.iterdir() if not folder.name.startswith(".")]
        assert laptop.git(clone.name, "rev-parse", "HEAD") == commit

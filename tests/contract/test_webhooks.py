"""What a webhook calls a repository is what the list of the same forge calls it."""

from __future__ import annotations

import time

import pytest

from mgit.credentials import Secret
from mgit.webhooks import SPEAKS, Accepted, Headers, RepoHint, receive
from sandbox.forge import Hook, compose

SECRET = "a-secret-that-two-sides-know"


def test_every_forge_has_webhooks_or_a_reason(kind):
    assert kind in SPEAKS


def test_a_hint_is_about_a_repository_that_is_listed(bench):
    made = bench.forge.add_repo("acme", "tool")
    (listed,) = bench.client("acme").list_repos().repos
    sent = compose(bench.kind, "push", made, Hook("", SECRET))
    result = receive(
        bench.kind,
        Headers(sent.headers.items()),
        sent.body,
        [Secret(SECRET)],
        now=time.time(),
        remembered=frozenset(),
    )
    assert isinstance(result, Accepted)
    assert isinstance(result.hint, RepoHint)
    assert result.hint.id == listed.key.id


@pytest.mark.parametrize("what", ["push", "renamed", "created", "ping"])
def test_what_it_was_told_of_reaches_whoever_listens(bench, what):
    made = bench.forge.add_repo("acme", "tool")
    bench.forge.add_hook(bench.forge.url + "/nobody-takes-this", SECRET)
    bench.forge.announce(what, "acme", "tool")
    (delivery,) = bench.forge.deliveries
    assert delivery.status in (404, 501, 405, 401)
    assert compose(bench.kind, what, made, Hook("", SECRET)).body

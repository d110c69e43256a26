"""What a forge sends is believed only with its secret, and is never more than a hint."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgit.credentials.secret import Secret
from mgit.webhooks import (
    MAX_BODY,
    SPEAKS,
    Accepted,
    Headers,
    ListingHint,
    NoHint,
    Refusal,
    Refused,
    RepoHint,
    Silence,
    receive,
)
from sandbox.forge import Delivery, Hook, SandboxRepo, compose
from sandbox.forge.hooks import _proof  # how the sandbox signs what was recorded elsewhere

DATA = Path(__file__).resolve().parents[2] / "data" / "forge-apis" / "webhooks"
TEXT = "c2VjcmV0IG9mIGEgd2ViaG9vaw=="
SECRET = Secret(TEXT)
HOOK = Hook("http://127.0.0.1/", TEXT)
STANDARD = Hook("http://127.0.0.1/", f"whsec_{TEXT}", standard=True)
NOW = datetime.now(UTC).timestamp()
REPO = SandboxRepo(
    id=1001,
    owner_id=1,
    owner="acme",
    name="tool",
    default_branch="main",
    created_at=datetime(2026, 1, 1, tzinfo=UTC),
)
FORGES = sorted(SPEAKS)
SIGNING = sorted(SPEAKS - {"gitlab", "azuredevops"})


def got(
    forge: str,
    delivery: Delivery,
    *secrets: Secret,
    now: float | None = None,
    remembered: frozenset[str] = frozenset(),
) -> Accepted | Refused:
    return receive(
        forge,
        Headers(delivery.headers.items()),
        delivery.body,
        secrets or (SECRET,),
        now=datetime.now(UTC).timestamp() if now is None else now,
        remembered=remembered,
    )


def recorded(forge: str, file: str, **headers: str) -> Accepted:
    """A body that a real forge sent, with the headers that went with it."""
    body = (DATA / file).read_bytes()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    result = got(forge, Delivery(named | _proof(forge, HOOK, body, "1"), body))
    assert isinstance(result, Accepted), result
    return result


# --- what forges send ------------------------------------------------------------------------


@pytest.mark.parametrize("forge", FORGES)
def test_a_push_is_a_hint_about_one_repository(forge):
    result = got(forge, compose(forge, "push", REPO, HOOK))
    assert isinstance(result, Accepted)
    assert isinstance(result.hint, RepoHint)
    assert result.hint.path.lower() == "acme/tool"
    assert result.delivery
    assert result.marks


@pytest.mark.parametrize("forge", FORGES)
@pytest.mark.parametrize("what", ["renamed", "created"])
def test_what_changes_the_list_makes_the_listing_due(forge, what):
    result = got(forge, compose(forge, what, REPO, HOOK))
    assert isinstance(result, Accepted)
    assert isinstance(result.hint, ListingHint)


@pytest.mark.parametrize("forge", FORGES)
def test_a_ping_or_an_event_of_no_interest_is_accepted_and_does_nothing(forge):
    result = got(forge, compose(forge, "ping", REPO, HOOK))
    assert isinstance(result, Accepted)
    assert isinstance(result.hint, NoHint)
    assert result.marks == ()


@pytest.mark.parametrize(
    ("forge", "file", "headers", "hint"),
    [
        (
            "github",
            "github-push.json",
            {"X_GitHub_Event": "push"},
            RepoHint("186853002", "Codertocat/Hello-World"),
        ),
        (
            "github",
            "github-push-update.json",
            {"X_GitHub_Event": "push"},
            RepoHint("135493233", "Codertocat/Hello-World"),
        ),
        (
            "github",
            "github-push-tag-deleted.json",
            {"X_GitHub_Event": "push"},
            RepoHint("186853002", "Codertocat/Hello-World"),
        ),
        (
            "github",
            "github-repository-renamed.json",
            {"X_GitHub_Event": "repository"},
            ListingHint("Octocoders/Hello-World"),
        ),
        (
            "gitlab",
            "gitlab-push.json",
            {"X_Gitlab_Event": "Push Hook"},
            RepoHint("15", "mike/diaspora"),
        ),
        (
            "gitlab",
            "gitlab-tag-push.json",
            {"X_Gitlab_Event": "Tag Push Hook"},
            RepoHint("1", "jsmith/example"),
        ),
        (
            "gitlab",
            "gitlab-system-push.json",
            {"X_Gitlab_Event": "System Hook"},
            RepoHint("15", "mike/diaspora"),
        ),
        (
            "gitea",
            "gitea-push.json",
            {"X_Gitea_Event": "push"},
            RepoHint("61", "gogits/hello-world"),
        ),
        (
            "forgejo",
            "gitea-push-docs.json",
            {"X_Forgejo_Event": "push"},
            RepoHint("140", "gitea/webhooks"),
        ),
        (
            "bitbucket",
            "bitbucket-cloud-push.json",
            {"X_Event_Key": "repo:push"},
            RepoHint("{bc771cbf-829e-4c4b-b71f-a0eb3ac2b860}", "brydzewski/foo"),
        ),
        (
            "bitbucket",
            "bitbucket-cloud-push-branch-deleted.json",
            {"X_Event_Key": "repo:push"},
            RepoHint("{bc771cbf-829e-4c4b-b71f-a0eb3ac2b860}", "brydzewski/foo"),
        ),
        (
            "bitbucket-datacenter",
            "bitbucket-datacenter-push.json",
            {"X_Event_Key": "repo:refs_changed"},
            RepoHint("1", "PRJ/my-repo"),
        ),
        (
            "bitbucket-datacenter",
            "bitbucket-datacenter-push-branch-deleted.json",
            {"X_Event_Key": "repo:refs_changed"},
            RepoHint("1", "PRJ/my-repo"),
        ),
        (
            "azuredevops",
            "azure-devops-push.json",
            {},
            RepoHint(
                "278d5cd2-584d-4b63-824a-2ba458937249", "Fabrikam-Fiber-Git/Fabrikam-Fiber-Git"
            ),
        ),
    ],
)
def test_what_real_forges_sent(forge, file, headers, hint):
    assert recorded(forge, file, **headers).hint == hint


def test_github_may_send_a_form():
    """It is what a webhook of GitHub sends unless somebody chose JSON."""
    sent = compose("github", "push", REPO, HOOK)
    body = urlencode({"payload": sent.body.decode()}).encode()
    headers = sent.headers | _proof("github", HOOK, body, "1")
    headers["Content-Type"] = "application/x-www-form-urlencoded"
    result = got("github", Delivery(headers, body))
    assert isinstance(result, Accepted)
    assert result.hint == RepoHint("1001", "acme/tool")


# --- who is believed -------------------------------------------------------------------------


@pytest.mark.parametrize("forge", FORGES)
def test_without_the_secret_nothing_is_believed(forge):
    result = got(forge, compose(forge, "push", REPO, Hook("", "another-secret-altogether")))
    assert isinstance(result, Refused)
    assert result.reason is Refusal.WRONG_SIGNATURE


@pytest.mark.parametrize("forge", FORGES)
def test_unsigned_nothing_is_believed(forge):
    sent = compose(forge, "push", REPO, HOOK)
    bare = {
        name: value
        for name, value in sent.headers.items()
        if "sig" not in name.lower() and name not in ("X-Gitlab-Token", "Authorization")
    }
    result = got(forge, Delivery(bare, sent.body))
    assert isinstance(result, Refused)
    assert result.reason is Refusal.UNSIGNED


@pytest.mark.parametrize("forge", SIGNING)
def test_a_body_that_was_changed_on_the_way_is_not_believed(forge):
    sent = compose(forge, "push", REPO, HOOK)
    result = got(forge, Delivery(sent.headers, sent.body.replace(b"1001", b"1002") + b" "))
    assert isinstance(result, Refused)
    assert result.reason is Refusal.WRONG_SIGNATURE


def test_the_signature_by_sha1_that_github_also_sends_counts_for_nothing():
    sent = compose("github", "push", REPO, HOOK)
    old = {name: value for name, value in sent.headers.items() if name != "X-Hub-Signature-256"}
    assert got("github", Delivery(old, sent.body)) == Refused(
        Refusal.UNSIGNED, "it carries no signature: no secret is set at the forge"
    )
    result = got("bitbucket", Delivery(old, sent.body))
    assert isinstance(result, Refused)


@pytest.mark.parametrize("forge", FORGES)
def test_while_a_secret_is_replaced_both_are_valid(forge):
    sent = compose(forge, "push", REPO, HOOK)
    assert isinstance(got(forge, sent, Secret("the-next-secret-to-be"), SECRET), Accepted)
    assert isinstance(got(forge, sent, SECRET, Secret("the-one-before-it")), Accepted)


def test_a_header_that_was_sent_twice_counts_for_nothing():
    sent = compose("github", "push", REPO, HOOK)
    twice = Headers([*sent.headers.items(), ("x-hub-signature-256", "sha256=" + "0" * 64)])
    result = receive("github", twice, sent.body, [SECRET], now=NOW, remembered=frozenset())
    assert isinstance(result, Refused)
    assert result.reason is Refusal.UNSIGNED


def test_without_a_secret_of_ours_everything_is_refused():
    sent = compose("gitea", "push", REPO, HOOK)
    result = receive(
        "gitea", Headers(sent.headers.items()), sent.body, [], now=NOW, remembered=frozenset()
    )
    assert isinstance(result, Refused)
    assert result.reason is Refusal.UNREADY


def test_a_body_that_is_too_long_is_not_even_checked():
    result = got("github", Delivery({}, bytes(MAX_BODY + 1)))
    assert isinstance(result, Refused)
    assert result.reason is Refusal.TOO_LARGE


# --- GitLab's signing token --------------------------------------------------------------------


def test_gitlabs_signing_token():
    sent = compose("gitlab", "push", REPO, STANDARD)
    secret = Secret(STANDARD.secret)
    result = got("gitlab", sent, secret)
    assert isinstance(result, Accepted)
    assert result.hint == RepoHint("1001", "acme/tool")
    body = Delivery(sent.headers, sent.body + b" ")
    assert isinstance(got("gitlab", body, secret), Refused)
    # The id is signed, so another one cannot be written over it.
    renamed = sent.headers | {"webhook-id": "another"}
    assert isinstance(got("gitlab", Delivery(renamed, sent.body), secret), Refused)
    several = sent.headers["webhook-signature"]
    rotated = sent.headers | {"webhook-signature": f"v1,AAAA v2,BBBB {several}"}
    assert isinstance(got("gitlab", Delivery(rotated, sent.body), secret), Accepted)


@pytest.mark.parametrize("late", [-3600.0, -301.0, 302.0, 86400.0])
def test_what_was_signed_at_another_time_is_stale(late):
    sent = compose("gitlab", "push", REPO, STANDARD)
    signed = float(sent.headers["webhook-timestamp"])
    result = got("gitlab", sent, Secret(STANDARD.secret), now=signed + late)
    assert isinstance(result, Refused)
    assert result.reason is Refusal.STALE


# --- again -------------------------------------------------------------------------------------


@pytest.mark.parametrize("forge", FORGES)
def test_the_same_thing_again_does_nothing(forge):
    sent = compose(forge, "push", REPO, HOOK)
    first = got(forge, sent)
    assert isinstance(first, Accepted)
    again = got(forge, sent, remembered=frozenset(first.marks))
    assert isinstance(again, Accepted)
    assert again.hint == NoHint(Silence.REPLAYED)
    assert again.marks == ()


@pytest.mark.parametrize("forge", SIGNING)
def test_a_thief_who_writes_another_id_over_it_gains_nothing(forge):
    sent = compose(forge, "push", REPO, HOOK)
    first = got(forge, sent)
    assert isinstance(first, Accepted)
    names = ("Delivery", "Request")
    other = {
        name: "another-id" if any(word in name for word in names) else value
        for name, value in sent.headers.items()
    }
    again = got(forge, Delivery(other, sent.body), remembered=frozenset(first.marks))
    assert isinstance(again, Accepted)
    assert again.hint == NoHint(Silence.REPLAYED)


def test_two_pushes_are_two_hints_also_where_nothing_is_signed():
    first = got("azuredevops", compose("azuredevops", "push", REPO, HOOK))
    assert isinstance(first, Accepted)
    second = compose("azuredevops", "push", REPO, HOOK)
    result = got("azuredevops", second, remembered=frozenset(first.marks))
    assert isinstance(result, Accepted)
    assert isinstance(result.hint, RepoHint)


# --- what nobody should send -------------------------------------------------------------------


def signed(forge: str, body: bytes) -> Delivery:
    sent = compose(forge, "push", REPO, HOOK)
    return Delivery(sent.headers | _proof(forge, HOOK, body, "1"), body)


@pytest.mark.parametrize("forge", FORGES)
@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b"[]", b"null", b"\xff\xfe", b'{"repository": 1}', b"[" * 200_000],
    ids=["empty", "object", "list", "null", "bytes", "number", "deep"],
)
def test_a_body_that_cannot_be_read_is_refused_in_words(forge, body):
    result = got(forge, signed(forge, body))
    if forge == "gitlab" and body in (b"{}", b'{"repository": 1}'):
        assert isinstance(result, Accepted)  # an event without a name is one of no interest
        assert isinstance(result.hint, NoHint)
        return
    assert isinstance(result, Refused)
    assert result.reason is Refusal.MALFORMED


@pytest.mark.parametrize("forge", FORGES)
def test_what_is_passed_over_may_not_be_nested_without_end_either(forge):
    sent = compose(forge, "push", REPO, HOOK)
    deep = b'{"a":' * 100_000 + b"1" + b"}" * 100_000
    body = sent.body[:-1] + b', "extra": ' + deep + b"}"
    result = got(forge, signed(forge, body))
    assert isinstance(result, Refused)
    assert result.detail == "it is nested too deeply"


@pytest.mark.parametrize("forge", FORGES)
def test_a_hostile_name_is_harmless_by_the_time_anybody_sees_it(forge):
    hostile = "to\x1b]0;ol\u202e\n" + "x" * 900
    repo = REPO.__class__(
        **{field: getattr(REPO, field) for field in REPO.__struct_fields__} | {"name": hostile}
    )
    result = got(forge, compose(forge, "push", repo, HOOK))
    if isinstance(result, Accepted):
        assert isinstance(result.hint, RepoHint)
        assert result.hint.path.isprintable()
        assert len(result.hint.path) <= 200
    else:
        assert result.reason is Refusal.MALFORMED


def test_neither_the_secret_nor_the_body_shows_in_what_is_made_of_a_request():
    sent = compose("azuredevops", "push", REPO, Hook("", "wrong-but-still-a-secret"))
    result = got("azuredevops", sent)
    headers = Headers(sent.headers.items())
    shown = f"{result!r} {headers!r} {SECRET!r}"
    assert "wrong-but" not in shown
    assert sent.headers["Authorization"] not in shown
    assert "tool" not in shown


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(st.sampled_from(FORGES), st.binary(max_size=200))
def test_any_bytes_get_an_answer(forge, body):
    result = got(forge, signed(forge, body))
    assert isinstance(result, Accepted | Refused)


@given(st.sampled_from(FORGES), st.data())
def test_any_member_may_be_anything(forge, data):
    shown = json.loads(compose(forge, "push", REPO, HOOK).body)
    holder = shown
    for _ in range(data.draw(st.integers(0, 2))):
        inner = [value for value in holder.values() if isinstance(value, dict)]
        if inner:
            holder = data.draw(st.sampled_from(inner))
    if holder:
        name = data.draw(st.sampled_from(sorted(holder)))
        holder[name] = data.draw(json_values)
    result = got(forge, signed(forge, json.dumps(shown).encode()))
    match result:
        case Refused():
            assert result.reason is Refusal.MALFORMED
        case Accepted():
            if isinstance(result.hint, RepoHint):
                assert result.hint.id
                assert result.hint.id.isprintable()


@given(
    st.sampled_from(FORGES),
    st.dictionaries(
        st.sampled_from(
            [
                "X-Hub-Signature",
                "X-Hub-Signature-256",
                "X-Gitea-Signature",
                "X-Forgejo-Signature",
                "X-Gitlab-Token",
                "Authorization",
                "webhook-signature",
                "webhook-id",
                "webhook-timestamp",
            ]
        ),
        st.text() | st.sampled_from(["sha256=" + "0" * 64, "Basic Og==", "v1,", "0"]),
    ),
)
def test_no_headers_are_believed_but_those_made_with_the_secret(forge, headers):
    result = got(forge, Delivery(headers, b"{}"))
    assert isinstance(result, Refused)
    assert result.reason in (Refusal.UNSIGNED, Refusal.WRONG_SIGNATURE)


@given(st.lists(st.tuples(st.text(), st.text())))
def test_headers_may_be_anything(pairs):
    headers = Headers(pairs)
    assert all(isinstance(headers.get(name), str) for name, _ in pairs)

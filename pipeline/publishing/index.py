"""A package index: what it holds, and how a file gets there.

Protocols: PEP 503 and PEP 691 for reading; the legacy upload API, spoken by twine in this process,
so that the token is neither in an argument nor in a file nor in a child's environment.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import html
import io
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote, urlencode, urljoin, urlsplit

import msgspec
from packaging.utils import canonicalize_name

from pipeline.publishing import http
from pipeline.step import Exit, PipelineError

JSON = "application/vnd.pypi.simple.v1+json"
USER = "__token__"
_MAX_FILE = 256 * 1024 * 1024
_SHA256 = re.compile(r"[0-9a-f]{64}")
_ANCHOR = re.compile(r"""<a\s(?:[^>"']|"[^"]*"|'[^']*')*>""", re.IGNORECASE)
_HREF = re.compile(r"""\shref\s*=\s*["']([^"']+)["']""", re.IGNORECASE)
_YANKED = re.compile(r"\sdata-yanked(?=[\s=>])", re.IGNORECASE)


class _File(msgspec.Struct):
    filename: str
    url: str
    hashes: dict[str, str]
    yanked: bool | str = False


class _Project(msgspec.Struct):
    files: list[_File]


class _Audience(msgspec.Struct):
    audience: str


class _Minted(msgspec.Struct):
    token: str


class File(msgspec.Struct, frozen=True):
    """A file that an index offers.

    Args:
        name: file name.
        url: where it can be fetched.
        digest: `sha256:…`, or empty where the index does not say.
        yanked: whether installers are told to pass it over (PEP 592).
    """

    name: str
    url: str
    digest: str
    yanked: bool = False


def files(simple: str, project: str) -> dict[str, File]:
    """What an index offers of a project, by file name; nothing where it does not know the name.

    Args:
        simple: URL of the simple API.
        project: distribution name, in any spelling.

    Raises:
        PipelineError: the index does not answer, or with something else.
    """
    url = f"{simple.rstrip('/')}/{canonicalize_name(project)}/"
    answer = http.request("GET", url, headers={"Accept": f"{JSON}, text/html;q=0.1"})
    if answer.status == 404:
        return {}
    if answer.headers.get("content-type", "").startswith(JSON):
        listed = http.decode(answer, _Project).files
        found = [
            # An empty reason is a reason too: only `false` means that it is not yanked.
            File(each.filename, each.url, _digest(each.hashes), each.yanked is not False)
            for each in listed
        ]
    elif answer.ok:
        found = _links(answer.text)
    else:
        raise http.refused(answer, "reading the index")
    return {each.name: msgspec.structs.replace(each, url=urljoin(url, each.url)) for each in found}


def digest(file: File) -> str:
    """The digest of an offered file: as the index says, else of its bytes."""
    if file.digest:
        return file.digest
    answer = http.request("GET", file.url, limit=_MAX_FILE)
    if not answer.ok:
        raise http.refused(answer, f"reading {file.name} back")
    return f"sha256:{hashlib.sha256(answer.body).hexdigest()}"


def upload(
    url: str, file: Path, *, token: str, identify: Callable[[str], str | None] | None = None
) -> None:
    """Send one file.

    Args:
        url: upload URL of the index.
        file: wheel or source distribution.
        token: upload token; empty: one is fetched by trusted publishing.
        identify: see `trusted_token`.

    Raises:
        PipelineError: CONFLICT when a file of that name is there, ENVIRONMENT when the index
            refuses or does not answer.
    """
    # Late: twine pulls in requests, rich and keyring, and only this step needs them.
    import requests
    from twine.exceptions import InvalidDistribution, TwineException
    from twine.package import PackageFile
    from twine.repository import Repository

    secret = token or trusted_token(url, identify)
    repository = Repository(url, USER, secret, disable_progress_bar=True)
    if http.is_loopback(url):
        repository.session.trust_env = False  # no proxy between this machine and itself
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            package = PackageFile.from_filename(str(file), None)
            response = repository.upload(package)
    except InvalidDistribution as error:
        raise PipelineError(f"{file.name} is no distribution: {error}") from None
    except (TwineException, requests.RequestException, OSError) as error:
        raise PipelineError(
            f"{file.name} could not be uploaded to {http.shown(url)}: {type(error).__name__}",
            exit_code=Exit.ENVIRONMENT,
            advice="run `invoke publish` again: it uploads what is missing",
        ) from None
    finally:
        repository.close()
    if not response.ok:
        raise _refused(file, url, response.status_code, response.text)


def may_upload(
    url: str, *, token: str, identify: Callable[[str], str | None] | None = None
) -> bool:
    """Whether the index knows this uploader; asked with a form that has no file, so none is taken.

    Args:
        url: upload URL of the index.
        token: upload token; empty: one is fetched by trusted publishing, which is the proof.
        identify: see `trusted_token`.

    Raises:
        PipelineError: the index does not answer, or trusts this CI run with nothing.
    """
    if not token:
        return bool(trusted_token(url, identify))
    basic = base64.b64encode(f"{USER}:{token}".encode()).decode()
    headers = {
        "Authorization": f"Basic {basic}",
        "Content-Type": "application/x-www-form-urlencoded",
    }
    form = urlencode({":action": "file_upload", "protocol_version": "1"}).encode()
    answer = http.request("POST", url, headers=headers, body=form)
    if answer.status in {400, 422}:
        return True
    if answer.status in {401, 403}:
        return False
    raise http.refused(answer, "asking for the right to upload")


def trusted_token(url: str, identify: Callable[[str], str | None] | None = None) -> str:
    """An upload token for this CI run, in exchange for its OpenID Connect identity.

    Args:
        url: upload URL of the index.
        identify: gives CI's identity for an audience; None asks the surroundings.

    Raises:
        PipelineError: this is no CI that the index trusts.
    """
    parts = urlsplit(url)
    base = f"{parts.scheme}://{parts.netloc}/_/oidc"
    audience = http.decode(http.request("GET", f"{base}/audience"), _Audience).audience
    identity = (identify or _ambient)(audience)
    if identity is None:
        raise PipelineError(
            "no upload token, and no CI identity to get one with",
            exit_code=Exit.ENVIRONMENT,
            advice="set index_token_file in the endpoints, or run in CI with `id-token: write`",
        )
    body = msgspec.json.encode({"token": identity})
    headers = {"Content-Type": "application/json"}
    answer = http.request("POST", f"{base}/mint-token", headers=headers, body=body)
    if not answer.ok:
        raise http.refused(answer, "trusted publishing")
    return http.decode(answer, _Minted).token


def _ambient(audience: str) -> str | None:
    import id as identities

    try:
        return identities.detect_credential(audience)
    except identities.IdentityError as error:
        raise PipelineError(
            f"CI gave no identity: {type(error).__name__}",
            exit_code=Exit.ENVIRONMENT,
            advice="the job needs `permissions: id-token: write`",
        ) from None


def _refused(file: Path, url: str, status: int, words: str) -> PipelineError:
    if status == 409 or (status == 400 and "exist" in words.lower()):
        return PipelineError(
            f"{http.shown(url)} has another {file.name} already",
            exit_code=Exit.CONFLICT,
            advice="a published file never changes: fix the cause and release the next version",
        )
    advice = "check the upload token" if status in {401, 403} else "read the index's log"
    return PipelineError(
        f"{http.shown(url)} refused {file.name} with status {status}",
        exit_code=Exit.ENVIRONMENT,
        advice=advice,
    )


def _digest(hashes: dict[str, str]) -> str:
    value = hashes.get("sha256", "").lower()
    return f"sha256:{value}" if _SHA256.fullmatch(value) else ""


def _links(page: str) -> list[File]:
    found = []
    for anchor in _ANCHOR.findall(page):
        address = _HREF.search(anchor)
        if address is None:
            continue
        parts = urlsplit(html.unescape(address[1]))
        algorithm, _, value = parts.fragment.partition("=")
        name = unquote(parts.path.rpartition("/")[2])
        plain = parts._replace(fragment="").geturl()
        yanked = _YANKED.search(anchor) is not None
        found.append(File(name, plain, _digest({algorithm: value}), yanked))
    return found

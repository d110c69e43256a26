"""Values: what is read can be written, and what is no value is refused in words."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgit.config.sizes import format_size, read_size
from mgit.config.values import (
    HostPort,
    Unfit,
    Where,
    format_age,
    format_duration,
    read_age,
    read_blobs,
    read_count,
    read_depth,
    read_duration,
    read_listen,
    read_path,
    read_shard,
    read_share,
    read_switch,
    read_text,
    read_url,
    read_variable,
    read_words,
)
from mgit.model import Shard

HERE = Where("config.toml", Path("/etc/mgit"), Path("/home/mona"))
ANY_VALUE = st.one_of(
    st.text(),
    st.integers(),
    st.booleans(),
    st.floats(),
    st.none(),
    st.lists(st.text(), max_size=3),
    st.dictionaries(st.text(), st.text(), max_size=2),
)


@given(st.integers(min_value=1, max_value=30 * 86400))
def test_every_duration_is_read_as_it_is_written(seconds: int) -> None:
    assert read_duration(1, 30 * 86400)(format_duration(seconds), HERE) == seconds


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("15m", 900), ("1h30m", 5400), ("2d", 172800)]
)
def test_durations_as_people_write_them(text: str, seconds: int) -> None:
    assert read_duration(1, 30 * 86400)(text, HERE) == seconds


@pytest.mark.parametrize("value", ["", "15", "m", "15 m", "-5m", "1m1h", "0s", "31d", 15, None])
def test_what_is_no_duration(value: object) -> None:
    with pytest.raises(Unfit, match="a duration from 1s to 30d"):
        read_duration(1, 30 * 86400)(value, HERE)


@given(st.sampled_from(["127.0.0.1", "0.0.0.0", "::1", "localhost"]), st.integers(0, 65535))
def test_every_address_is_read_as_it_is_written(host: str, port: int) -> None:
    assert read_listen(str(HostPort(host, port)), HERE) == HostPort(host, port)


@pytest.mark.parametrize("text", ["8080", ":8080", "::1:8080", "host:", "host:x", "host:65536"])
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(Unfit, match="HOST:PORT"):
        read_listen(text, HERE)


def test_paths_belong_to_the_folder_of_their_file() -> None:
    assert read_path("~/src", HERE) == Path("/home/mona/src")
    assert read_path("repos.toml", HERE) == Path("/etc/mgit/repos.toml")
    assert read_path("/srv/git", HERE) == Path("/srv/git")


def test_a_tilde_needs_a_home() -> None:
    with pytest.raises(Unfit, match="no home folder"):
        read_path("~/src", Where("MGIT_ROOT", Path("/"), None))
    with pytest.raises(Unfit, match="starts with / or ~/"):
        read_path("~other/src", HERE)


@pytest.mark.parametrize("value", [0, 65, True, 1.5, "x", "-1", None, "٣x"])
def test_what_is_no_count(value: object) -> None:
    with pytest.raises(Unfit, match="a whole number from 1 to 64"):
        read_count(1, 64)(value, HERE)


@pytest.mark.parametrize(
    "url",
    ["http://git.example.com", "ssh://git@host/x", "github.com", "https://u:p@host", "https://h?x"],
)
def test_an_api_is_reached_by_https_without_credentials(url: str) -> None:
    with pytest.raises(Unfit, match="an https URL"):
        read_url(url, HERE)


def test_a_token_in_place_of_a_variables_name_is_not_repeated() -> None:
    with pytest.raises(Unfit) as caught:
        read_variable("ghp-0123456789", HERE)
    assert "ghp" not in str(caught.value)


@given(ANY_VALUE)
def test_no_value_makes_a_reader_fail_in_another_way(value: object) -> None:
    readers = [
        read_count(1, 9),
        read_duration(1, 9),
        read_listen,
        read_path,
        read_text,
        read_url,
        read_variable,
        read_words,
        read_blobs,
        read_depth,
        read_share,
        read_switch,
    ]
    for read in readers:
        with contextlib.suppress(Unfit):
            read(value, HERE)


@given(st.integers(1, 4096).flatmap(lambda n: st.tuples(st.integers(0, n - 1), st.just(n))))
def test_every_shard_is_read_as_it_is_written(pair: tuple[int, int]) -> None:
    assert read_shard(str(Shard(*pair)), HERE) == Shard(*pair)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("3/3", "from 0/3 to 2/3, for shards are counted from 0"),
        ("1/1", "0/1, for shards are counted from 0"),
        ("0/4097", "N from 1 to 4096"),
        ("0/0", "N from 1 to 4096"),
        ("", "K/N, such as 0/3"),
        ("1", "K/N, such as 0/3"),
        ("-1/3", "K/N, such as 0/3"),
        ("01/3", "K/N, such as 0/3"),
        ("1/03", "K/N, such as 0/3"),
        (" 1/3", "K/N, such as 0/3"),
        ("1/3\n", "K/N, such as 0/3"),
        ("1 / 3", "K/N, such as 0/3"),
        ("\u0661/\u0663", "K/N, such as 0/3"),
        ("99999999999999999999/3", "K/N, such as 0/3"),
        (3, "K/N, such as 0/3"),
        (True, "K/N, such as 0/3"),
        (["0/3"], "K/N, such as 0/3"),
    ],
)
def test_what_is_no_shard(value: object, words: str) -> None:
    with pytest.raises(Unfit, match=words):
        read_shard(value, HERE)


@given(ANY_VALUE)
def test_a_shard_is_read_or_refused(value: object) -> None:
    with contextlib.suppress(Unfit):
        shard = read_shard(value, HERE)
        assert 0 <= shard.index < shard.count <= 4096


@pytest.mark.parametrize(
    ("text", "size"), [("never", 0), ("64k", 64 << 10), ("64m", 64 << 20), ("2G", 2 << 30)]
)
def test_a_size_reads_as_it_is_written(text: str, size: int) -> None:
    read = read_size(64 << 10, 100 << 30)
    assert read(text, HERE) == size
    assert read(format_size(size), HERE) == size


@pytest.mark.parametrize("value", ["1k", "200g", "64", "64mb", "", "soon", 64, None, "9" * 5000])
def test_what_is_no_size(value: object) -> None:
    with pytest.raises(Unfit, match="never, or a size from 64k to 100g"):
        read_size(64 << 10, 100 << 30)(value, HERE)


def test_an_age_may_be_never() -> None:
    read = read_age(3600, 86400)
    assert (read("never", HERE), read("2h", HERE)) == (0.0, 7200.0)
    assert (format_age(0.0), format_age(7200.0)) == ("never", "2h")
    with pytest.raises(Unfit, match="never, or a duration from 1h to 1d"):
        read("1s", HERE)

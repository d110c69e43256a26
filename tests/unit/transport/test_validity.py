"""When a certificate begins and ends, read without any library for it."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from mgit.errors import InvalidInput
from mgit.transport.validity import validities
from sandbox.certificates import Authority


def test_it_says_what_a_library_for_certificates_says(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca")
    files = [authority.file, authority.server("localhost", days=30).certificate]
    pem = "".join(["a word before\n", *(one.read_text() for one in files)])
    known = [x509.load_pem_x509_certificate(one.read_bytes()) for one in files]
    assert [(one.begins, one.ends) for one in validities(pem)] == [
        (one.not_valid_before_utc, one.not_valid_after_utc) for one in known
    ]


def test_years_beyond_2049_are_written_otherwise(tmp_path: Path) -> None:
    pair = Authority(tmp_path / "ca").server("localhost", days=365 * 40)
    (found,) = validities(pair.certificate.read_text())
    assert found.ends > datetime.now(UTC) + timedelta(days=365 * 39)
    assert found.ends.year >= 2050


def test_a_file_without_any_has_none() -> None:
    assert validities("-----BEGIN PRIVATE KEY-----\n") == ()


@given(st.binary(max_size=200))
def test_whatever_stands_in_it_is_refused_in_words(content: bytes) -> None:
    with pytest.raises(InvalidInput, match="no certificate"):
        validities(ssl.DER_cert_to_PEM_cert(content))


def test_one_that_is_cut_short_at_any_place_is_refused(tmp_path: Path) -> None:
    whole = ssl.PEM_cert_to_DER_cert(Authority(tmp_path / "ca").file.read_text())
    for length in range(0, len(whole) - 1, 7):
        with pytest.raises(InvalidInput):
            validities(ssl.DER_cert_to_PEM_cert(whole[:length]))

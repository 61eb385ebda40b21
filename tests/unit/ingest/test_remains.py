"""Of a stranger's bytes nothing is kept that could be a secret; of a delivery, all that is none."""

import base64
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest import remains
from tests.unit.ingest import door

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
DIGITS = b"4929000111222"


def of_body(body: bytes, content_type: str = JSON, *, mask_transcripts: bool = True) -> remains.Remains:
    """Say what is kept of a body."""
    return remains.of_body(body, content_type, door.BOX, mask_transcripts=mask_transcripts)


@pytest.mark.parametrize(
    ("body", "content_type"),
    [(door.EVENT, JSON), (b" {}", JSON), (b"", JSON), (b"CallSid=a%20b&x=", FORM), (b"", FORM)],
)
def test_body_without_secrets_is_kept_exactly(body: bytes, content_type: str) -> None:
    """So that its signature can be checked with a key that is configured later."""
    assert of_body(body, content_type) == remains.Remains(body, None, with_signature=True)


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (DIGITS, JSON),
        (b'"' + DIGITS + b'"', JSON),
        (b"[" + DIGITS + b"]", JSON),
        (b'{"digits":"' + DIGITS, JSON),
        (b'\xef\xbb\xbf{"digits":"' + DIGITS + b'"}', JSON),
        (b'\xef\xbb\xbf{"digits":"' + DIGITS + b'"}', FORM),
        (b' x{"digits":"' + DIGITS + b'"}', FORM),
        ('{"digits":"4929000111222"}'.encode("utf-16"), JSON),
        ("Digits=4929000111222".encode("utf-16-le"), FORM),
        (b'{"digits":"' + DIGITS + b'"}', JSON),
        (b'{"d\\u0069gits":"' + DIGITS + b'"}', JSON),
        (b'{"digits":"' + DIGITS + b'"}', FORM),
        (b"%44igits=" + DIGITS, FORM),
        (b"Digits=" + DIGITS, JSON),
        (b"{" + b'"a":{' * 2_000 + b'"digits":"' + DIGITS + b'"}', JSON),
        (b"--boundary\r\nname=Digits\r\n\r\n" + DIGITS, "multipart/form-data"),
        (b"<Digits>" + DIGITS + b"</Digits>", "text/xml"),
    ],
)
def test_body_with_digits_or_that_is_no_delivery_is_not_kept(body: bytes, content_type: str) -> None:
    """Neither bytes nor signature, however the digits are wrapped."""
    assert of_body(body, content_type) == remains.Remains()


def test_transcript_is_kept_where_the_switch_says_so() -> None:
    """As it would be of a delivery that is taken."""
    body = b'{"data":{"payload":{"transcription_data":{"transcript":"hello"}}}}'
    assert of_body(body) == remains.Remains()
    assert of_body(body, mask_transcripts=False).body == body


@given(st.binary(max_size=120), st.sampled_from([JSON, FORM, "", "text/plain"]))
def test_any_bytes_are_kept_exactly_or_not_at_all(body: bytes, content_type: str) -> None:
    """Total; random bytes hold no URL that we know of, so nothing is sealed."""
    kept = of_body(body, content_type)
    assert kept.body in (None, body)
    assert (kept.body is not None) == kept.with_signature
    assert kept.sealed_body is None


@given(st.dictionaries(st.text(max_size=9), st.text(max_size=30), max_size=5))
def test_objects_are_kept(said: dict[str, Any]) -> None:
    """Whatever JSON writes, Telnyx may send; no key here is one of a secret's."""
    body = orjson.dumps({f"x{name}": value for name, value in said.items()})
    assert of_body(body).body == body


@pytest.mark.parametrize(
    ("header", "kept"),
    [
        (None, None),
        ("", ""),
        ("application/json; charset=utf-8", "application/json"),
        ("Text/XML", "text/xml"),
        ("text/4929000111222", "*" * 18),
        ("application/json\x00", "*" * 17),
        ("a" * 9_999, "*" * 512),
    ],
)
def test_content_type_is_kept_where_it_is_known(header: str | None, kept: str | None) -> None:
    """Its parameters could say anything, and so could a type that nobody knows."""
    assert remains.of_content_type(header) == kept


@pytest.mark.parametrize(
    ("header", "kept"),
    [(None, None), ("1790000000", "1790000000"), ("1790000000000", "*" * 13), ("", ""), ("\u0661" * 3, "***")],
)
def test_timestamp_is_kept_where_it_is_one(header: str | None, kept: str | None) -> None:
    """Thirteen digits may be milliseconds, and may be a card."""
    assert remains.of_timestamp(header) == kept


@given(st.text(max_size=100) | st.binary(max_size=70).map(lambda raw: base64.b64encode(raw).decode()))
def test_signature_is_kept_where_it_is_one(header: str) -> None:
    """Its length at most is told of anything else."""
    kept = remains.of_signature(header)
    assert kept is not None
    assert kept == "*" * len(header) or len(base64.b64decode(kept, validate=True)) == 64


def test_no_signature_is_none() -> None:
    """What was not sent is not made up."""
    assert remains.of_signature(None) is None
    assert remains.of_signature(f" {door.signature(b'', b'')} ") == door.signature(b"", b"")

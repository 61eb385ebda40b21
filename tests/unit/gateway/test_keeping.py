"""Which parameters of a command are kept readable: those that are published and no secret."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import keeping


@pytest.mark.parametrize(
    ("action", "given", "kept"),
    [
        ("send_dtmf", {"digits": "4711", "duration_millis": 250}, {"digits": "****", "duration_millis": 250}),
        ("send_dtmf", {"digit_s": "4711"}, {"digit_s": "****"}),
        ("send_dtmf", "4711", "****"),
        ("send_dtmf", ["4711"], ["****"]),
        (
            "siprec_start",
            {"siprec_track": "both_tracks", "secure": True},
            {"siprec_track": "both_tracks", "secure": True},
        ),
        ("refer", {"sip_auth_passwd": "hunter2"}, {"sip_auth_passwd": "*******"}),
        ("refer", {"sip_address": "sip:a:pw@b?X=y"}, {"sip_address": "sip:a:**@b?***"}),
        ("refer", {"sip_address": "sip:desk@example.com"}, {"sip_address": "sip:desk@example.com"}),
        (
            "refer",
            {"custom_headers": [{"name": "X-Pin", "value": "8391"}, {"name": 7, "value": {"a": "b"}}, "x"]},
            {"custom_headers": [{"name": "X-Pin", "value": "****"}, {"name": "*", "value": {"a": "*"}}, "*"]},
        ),
        (
            "speak",
            {"payload": "PIN 8391", "voice": "x", "pause": 3},
            {"payload": "********", "voice": "*", "pause": "*"},
        ),
        ("dial", {"to": "+12025550143", "stream_auth_token": "S"}, {"to": "+12025550143", "stream_auth_token": "*"}),
        ("siprec_stop", {"command_id": {"a": {"b": "c"}}}, {"command_id": {"a": {"b": "*"}}}),
        (None, {"name": "a", "flag": False, "none": None}, {"name": "*", "flag": False, "none": None}),
    ],
)
def test_what_is_published_and_no_secret_is_kept(action: str | None, given: Any, kept: Any) -> None:
    """Of all else the name and the length."""
    assert keeping.kept(action, orjson.dumps(given)) == kept


def test_no_body_is_no_parameters_and_what_is_no_json_is_not_kept() -> None:
    """However deep it is nested, what is kept can be written."""
    assert keeping.kept("siprec_stop", b" ") == {}
    assert keeping.kept("siprec_stop", b"{digits") is None
    deep = b'{"a":' * 400 + b"1" + b"}" * 400
    assert len(orjson.dumps(keeping.kept("speak", deep))) < 1_000


SCALARS = st.one_of(
    st.integers(-(2**63), 2**64 - 1), st.floats(allow_nan=False), st.text("4711"), st.booleans(), st.none()
)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text("ab"), inner))


@given(VALUES)
def test_no_digit_of_a_command_that_is_not_understood_is_kept(given: Any) -> None:
    """Wherever it stands."""
    shown = str(keeping.kept("speak", orjson.dumps({"payload": given}))).replace("payload", "")
    assert not any(character.isdigit() for character in shown)

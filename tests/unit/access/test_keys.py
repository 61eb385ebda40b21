"""Keys of the API as plain values: how one is made, and that nothing else is read as one."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from access import keys
from access.errors import KeyNotMade, KeyRefused

MADE = keys.make("prometheus", ["metrics"])
TOKEN = MADE.token


def test_a_made_key_is_a_token_whose_parts_are_unmistakable() -> None:
    """It reads ``ca_<id>_<secret>``, with no character in it that is taken for another."""
    assert re.fullmatch(r"ca_[0-9A-Za-z]{12}_[0-9A-Za-z]{44}", TOKEN)
    assert not set(TOKEN.split("_", 1)[1]) & set("0OIl")
    assert MADE.presented == keys.parse(TOKEN)
    assert TOKEN.split("_")[1] == MADE.presented.key_id


def test_two_keys_are_never_the_same() -> None:
    """Each has an id and a secret of its own."""
    made = [keys.make("x", ["metrics"]).presented for _ in range(100)]
    assert len({each.key_id for each in made}) == len({each.secret_hash for each in made}) == 100


def test_secrets_are_in_no_representation() -> None:
    """What is logged by mistake shows neither the token nor the hash of its secret."""
    secret = TOKEN.split("_")[2]
    shown = f"{MADE!r} {MADE.presented!r}"
    assert secret not in shown
    assert repr(MADE.presented.secret_hash) not in shown


@st.composite
def _edited(draw: st.DrawFn) -> str:
    """Give the token with a few characters replaced, left out or put in."""
    text = TOKEN
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 2)))
        text = text[:start] + draw(st.text(max_size=2)) + text[end:]
    return text


@given(_edited() | st.text())
@example(TOKEN + "\n")
@example(" " + TOKEN)
@example(TOKEN.lower())
@example(TOKEN.replace("_", "-"))
@example("")
def test_no_other_string_is_the_same_key(text: str) -> None:
    """Whatever is presented instead is refused in one way, or is another key or another secret."""
    presented, refusal = _parsed(text)
    if refusal is None:
        assert (presented == MADE.presented) == (text == TOKEN)
    else:
        assert (refusal.reason, refusal.status, str(refusal)) == ("key_refused", 401, str(keys.refused()))


def _parsed(text: str) -> tuple[keys.Presented | None, KeyRefused | None]:
    try:
        return keys.parse(text), None
    except KeyRefused as refusal:
        return None, refusal


def test_no_key_at_all_is_told_how_to_show_one() -> None:
    """Who forgot the key learns where it goes."""
    with pytest.raises(KeyRefused, match="Authorization: Bearer") as refused:
        keys.parse(None)
    assert refused.value.reason == "key_missing"


@pytest.mark.parametrize(
    ("name", "scopes", "reason"),
    [
        ("prometheus", [], "scope_missing"),
        ("prometheus", ["metrics", "everything"], "scope_unknown"),
        ("prometheus", ["Metrics"], "scope_unknown"),
        ("", ["metrics"], "name_refused"),
        ("two words", ["metrics"], "name_refused"),
        ("line\nbreak", ["metrics"], "name_refused"),
        ("-x", ["metrics"], "name_refused"),
        ("x" * 65, ["metrics"], "name_refused"),
    ],
)
def test_a_key_that_there_cannot_be_is_not_made(name: str, scopes: list[str], reason: str) -> None:
    """A scope that means nothing would be a key that opens nothing, or later too much."""
    with pytest.raises(KeyNotMade) as refused:
        keys.make(name, scopes)
    assert refused.value.reason == reason

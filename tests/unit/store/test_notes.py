"""Notes are those of the specification, and of Go's tools; every edit is refused, and nothing else happens."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store import notes

PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
PETER_PRIVATE = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
PETER_TEXT = (
    "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"  # as signed
)
PETER_NOTE = (
    f"{PETER_TEXT}\n— PeterNeumann"
    " x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
ENOCH_LINE = (
    "— EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n"
)
EXAMPLE = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
EXAMPLE_NOTE = (
    "This is an example message.\n\n— example.com/foo"
    " Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
)


def test_note_of_the_specification_is_opened() -> None:
    """The specification's example key opens its example note."""
    assert notes.open_(EXAMPLE_NOTE, notes.verifier(EXAMPLE)) == "This is an example message.\n"
    assert str(notes.verifier(EXAMPLE)) == EXAMPLE


def test_note_is_signed_as_by_gos_tools() -> None:
    """The key and text of Go's own tests give its note, letter by letter."""
    signer = notes.signer(PETER_PRIVATE)
    assert (signer.sign(PETER_TEXT), signer.encode(), str(signer.verifier)) == (PETER_NOTE, PETER_PRIVATE, PETER)
    assert PETER_PRIVATE not in repr(signer)


def test_signatures_of_strangers_are_ignored() -> None:
    """A note may be signed by others too: witnesses, keys to come."""
    assert notes.open_(PETER_NOTE + ENOCH_LINE, notes.verifier(PETER)) == PETER_TEXT
    stranger_first = PETER_NOTE.replace("\n\n", f"\n\n{ENOCH_LINE}")
    assert notes.open_(stranger_first, notes.verifier(PETER)) == PETER_TEXT


def test_sixteen_signatures_are_read() -> None:
    """The specification asks for so many at least."""
    assert notes.open_(PETER_NOTE + ENOCH_LINE * 16, notes.verifier(PETER)) == PETER_TEXT


@pytest.mark.parametrize(
    "note",
    [
        "", "\n", "\n\n", PETER_TEXT, f"{PETER_TEXT}\n", PETER_NOTE[:-1], f"\x01{PETER_NOTE}", f"\ud800{PETER_NOTE}",
        PETER_NOTE.replace("PeterNeumann x", "Peter Neumann x"), f"{PETER_NOTE}Unexpected line.\n", f"{PETER_NOTE}\n",
        PETER_NOTE.replace("PeterNeumann", "CarmenSandiego"), PETER_NOTE.replace("x08g", "xxxx"),
        f"{PETER_TEXT}\n— PeterNeumann x08g\n", f"{PETER_TEXT}\n— PeterNeumann x08goA==\n",
        f"{PETER_TEXT}\n{ENOCH_LINE}", PETER_NOTE.replace("—", "-"), PETER_NOTE.replace("nAM=", "nAN="),
        PETER_NOTE.replace("\n\n", "\n\n\n"), PETER_NOTE.replace("\n", "\r\n"), "x" * 2**20 + PETER_NOTE,
    ],
)  # fmt: skip
def test_what_is_no_note_of_the_key_is_refused(note: str) -> None:
    """Malformed, cut off, misnamed, unsigned, or with unused bits of its base64 set: all refused alike."""
    with pytest.raises(notes.NoteRejected):
        notes.open_(note, notes.verifier(PETER))


@given(st.integers(0, len(PETER_NOTE) * 8 - 1))
def test_note_with_any_bit_flipped_is_refused(bit: int) -> None:
    """No bit of a note, its signature included, may change."""
    raw = bytearray(PETER_NOTE.encode())
    raw[bit // 8] ^= 1 << bit % 8
    with pytest.raises(notes.NoteRejected):
        notes.open_(notes.decode(bytes(raw)), notes.verifier(PETER))


@given(st.text() | st.text("\n— aA+/=0", max_size=80) | st.builds(lambda a, b: f"{a}\n\n— {b}\n", st.text(), st.text()))
def test_opening_anything_raises_nothing_else(text: str) -> None:
    """Whatever the text, it is opened or refused."""
    with pytest.raises(notes.NoteRejected):
        notes.open_(text, notes.verifier(PETER))
    try:
        notes.text_of(text)
    except notes.NoteRejected:
        return


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=60), st.binary(min_size=32, max_size=32))
def test_what_is_signed_is_opened_again(text: str, seed: bytes) -> None:
    """A note gives back its text, under its own key and no other."""
    signer = notes.Signer("callaudit/test", seed)
    assert notes.open_(signer.sign(f"{text}\n"), signer.verifier) == f"{text}\n"
    with pytest.raises(notes.NoteRejected):
        notes.open_(signer.sign(f"{text}\n"), notes.Verifier("callaudit/other", signer.verifier.public))


@pytest.mark.parametrize("text", ["", "no newline", "tab\t\n", "\ud800\n", "\x00\n"])
def test_what_a_note_cannot_hold_is_not_signed(text: str) -> None:
    """Nothing is signed that could not be opened."""
    with pytest.raises(notes.NoteRejected):
        notes.signer(PETER_PRIVATE).sign(text)


@pytest.mark.parametrize(("key", "read"), [(PETER, notes.verifier), (PETER_PRIVATE, notes.signer)])
def test_mangled_key_is_refused(key: str, read: type) -> None:
    """A piece of a key, or one with a character changed, is no key; a private one is not repeated in the refusal."""
    pieces = {key[start:end] for start in range(len(key)) for end in range(start, len(key))}
    changed = {key[:n] + chr(ord(key[n]) + 1) + key[n + 1 :] for n in range(len(key))}
    longer = {f"{key}A", f"{key}====", "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY=="}
    algorithm = {"PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"}
    others = {f"{key}\ud800", f"\ud800{key}", f"\x01{key}", "a b+00000000+AA=="}
    for mangled in (pieces | changed | longer | algorithm | others) - {key}:
        with pytest.raises(notes.NoteKeyRefused) as refused:
            read(mangled)
        assert key[-20:] not in str(refused.value)


@given(st.text())
def test_reading_any_key_raises_nothing_else(text: str) -> None:
    """Whatever the text, it is no key, and said to be none."""
    for read in (notes.verifier, notes.signer):
        with pytest.raises(notes.NoteKeyRefused):
            read(text)


@given(st.binary())
def test_bytes_that_are_no_text_are_refused(raw: bytes) -> None:
    """What is read from a file or a network is a text, or no note."""
    try:
        notes.decode(raw)
    except notes.NoteRejected:
        return

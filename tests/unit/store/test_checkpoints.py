"""Checkpoints are read as the specification writes them, signed by the log they are of, or refused."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store import checkpoints, notes
from store.checkpoints import Checkpoint

KEY = notes.Signer("callaudit/test", b"k" * 32)
EXAMPLE = (
    "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n"
    "— example.com/behind-the-sofa"
    " Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
)
ROOT = base64.b64encode(b"r" * 32).decode()


def test_checkpoint_of_the_specification_is_read() -> None:
    """The example has its origin, size and root, and is written the same again."""
    found = checkpoints.unverified(EXAMPLE)
    assert (found.origin, found.size) == ("example.com/behind-the-sofa", 20_852_163)
    assert EXAMPLE.startswith(f"{found.text}\n")


@given(st.integers(0, checkpoints.SIZE_MAX), st.binary(min_size=32, max_size=32))
def test_signed_checkpoint_is_opened_again(size: int, root: bytes) -> None:
    """What the log signs, its public half opens."""
    checkpoint = Checkpoint(KEY.name, size, root)
    assert checkpoints.open_(checkpoints.sign(checkpoint, KEY), KEY.verifier) == checkpoint


def test_checkpoint_of_another_log_is_refused() -> None:
    """A key speaks for its own log alone."""
    note = checkpoints.sign(Checkpoint("callaudit/other", 1, b"r" * 32), KEY)
    with pytest.raises(notes.NoteRejected, match="callaudit/other"):
        checkpoints.open_(note, KEY.verifier)


def test_extension_lines_are_left_aside() -> None:
    """Others may say more below the root."""
    assert checkpoints.parse(f"log\n7\n{ROOT}\nmore\n") == Checkpoint("log", 7, b"r" * 32)


@pytest.mark.parametrize(
    "text",
    [
        "", "log\n", "log\n7\n", f"log\n7\n{ROOT}", f"\n7\n{ROOT}\n", f"log\n07\n{ROOT}\n", f"log\n-7\n{ROOT}\n",
        f"log\n+7\n{ROOT}\n", f"log\n7 \n{ROOT}\n", f"log\n\u0667\n{ROOT}\n", f"log\n{2**63}\n{ROOT}\n",
        f"log\n7\n{ROOT[:-4]}\n", f"log\n7\n{ROOT}{ROOT}\n", f"log\n7\n{ROOT}\n\n", f"log\n7\n{ROOT}\n\nmore\n",
        f"log\n7\n{ROOT.replace('cnI=', 'cnJ=')}\n", f"log\n7\n{ROOT[:-1]}\n", "log\n7\n\u00e9\n",
    ],
)  # fmt: skip
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    """Each part has one spelling."""
    with pytest.raises(notes.NoteRejected):
        checkpoints.parse(text)


@given(st.text() | st.from_regex(r"\A[a-z]{1,3}\n[0-9]{1,20}\n[A-Za-z0-9+/]{43}=\n\Z"))
def test_reading_anything_raises_nothing_else(text: str) -> None:
    """Whatever the text, it is a checkpoint or refused."""
    for read in (checkpoints.parse, checkpoints.unverified, lambda note: checkpoints.open_(note, KEY.verifier)):
        try:
            read(text)
        except notes.NoteRejected:
            continue

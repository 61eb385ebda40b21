"""Sealed bytes come back with the key, and with nothing else."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nacl import exceptions as nacl_exceptions

from ingest import strongbox
from ingest.strongbox import Strongbox

REPOSITORY = Path(__file__).parents[3]


@given(st.binary(max_size=300))
def test_open_gives_back_what_was_sealed(body: bytes) -> None:
    """Seal and open are inverse, and equal bytes do not look equal when sealed."""
    box = Strongbox(bytes(32))
    sealed = box.seal(body)
    assert box.open(sealed) == body
    assert box.seal(body) != sealed


@given(st.binary(max_size=100))
def test_open_refuses_what_was_not_sealed_with_its_key(body: bytes) -> None:
    """Another key, or other bytes, open nothing."""
    sealed = Strongbox(b"\1" * 32).seal(body)
    for wrong in (sealed, body, sealed[:-1]):
        with pytest.raises((nacl_exceptions.CryptoError, ValueError)):
            Strongbox(bytes(32)).open(wrong)


def test_key_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    """The first use makes the key; later ones read it; no draft is left beside it."""
    path = tmp_path / "keys" / "sealed.key"
    key = strongbox.key_at(path)
    assert len(key) == 32
    assert strongbox.key_at(path) == key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert list(path.parent.iterdir()) == [path]


def test_key_is_not_overwritten_by_a_process_of_the_same_number(tmp_path: Path) -> None:
    """Two containers on one home: the other's draft, which is the key by then, is left alone."""
    path = tmp_path / "sealed.key"
    key = strongbox.key_at(path)
    os.link(path, f"{path}.{os.getpid()}")
    assert strongbox.key_at(path) == key


def test_key_is_one_for_processes_that_make_it_at_once(tmp_path: Path) -> None:
    """Server processes that start together on an empty home all seal with the same key."""
    program = "import sys; from pathlib import Path; from ingest import strongbox; sys.stdin.read();"
    program += "print(strongbox.key_at(Path(sys.argv[1])).hex())"
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    crowd = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(tmp_path / "keys" / "sealed.key")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
        )
        for _ in range(4)
    ]
    for process in crowd:  # all of them are ready before the first goes on
        assert process.stdin is not None
        process.stdin.close()
        process.stdin = None
    said = {process.communicate(timeout=60)[0] for process in crowd}
    assert len(said) == 1

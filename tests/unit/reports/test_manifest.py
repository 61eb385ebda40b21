"""The manifest's signature, and that files depend on nothing but the run."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from reports import export, manifest
from reports.errors import ManifestRejected
from store import checkpoints, notes, signing
from tests.unit.reports.test_export import failed, run

KEY, OTHER = signing.new_key(), signing.new_key()


@pytest.fixture
def signed(tmp_path: Path) -> tuple[bytes, bytes]:
    """A manifest and its signature, as they were written."""
    paths = export.write(run(failed("zap")), tmp_path, ["csv"], program_version="1", sign=manifest.signing(KEY))
    assert [Path(path).name.partition(".")[2] for path in paths] == ["csv", "manifest.sig", "manifest.json"]
    return Path(paths[2]).read_bytes(), Path(paths[1]).read_bytes()


def test_signature_names_the_key(signed: tuple[bytes, bytes]) -> None:
    """Of several trusted keys the one that signed is given."""
    assert manifest.verify(*signed, [OTHER.verifier, KEY.verifier]) == KEY.verifier


def test_changed_manifest_is_rejected(signed: tuple[bytes, bytes]) -> None:
    """One byte more, and the signature is over another manifest."""
    with pytest.raises(ManifestRejected, match="another manifest") as refused:
        manifest.verify(signed[0] + b" ", signed[1], [KEY.verifier])
    assert refused.value.reason == "manifest_rejected"


@pytest.mark.parametrize("signature", [b"", b"\xff", b"callaudit/report/v1\nx\n\nnothing\n"])
def test_what_no_trusted_key_signed_is_rejected(signed: tuple[bytes, bytes], signature: bytes) -> None:
    """Neither another key's signature nor what is none will do."""
    for found, keys in ((signed[1], [OTHER.verifier]), (signed[1], []), (signature, [KEY.verifier])):
        with pytest.raises(ManifestRejected, match="none of the given keys"):
            manifest.verify(signed[0], found, keys)


def test_signature_cannot_be_taken_for_a_checkpoint(signed: tuple[bytes, bytes]) -> None:
    """Its first line is no origin of a log."""
    with pytest.raises(notes.NoteRejected):
        checkpoints.open_(signed[1].decode(), KEY.verifier)


_SCRIPT = """
import sys
from tests.unit.reports.test_export import failed, run
from reports import export, manifest
from store import notes
answer = run(*(failed(raw, connection_id=raw) for raw in "abc=ü"), by="day,connection")
sign = manifest.signing(notes.Signer("k", b"s" * 32))
export.write(answer, sys.argv[1], export.FORMATS, program_version="1", sign=sign)
"""


def test_two_processes_give_the_same_bytes(tmp_path: Path) -> None:
    """Hash seed, time zone, locale and hour change no byte of any file."""
    root = Path(__file__).parents[3]
    for name, seed, zone in (("one", "1", "Asia/Kathmandu"), ("two", "2", "America/St_Johns")):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "TZ": zone, "LC_ALL": "C.UTF-8", "PYTHONPATH": str(root)}
        subprocess.run(
            [sys.executable, "-c", _SCRIPT, str(tmp_path / name)], env=environment, cwd=root, check=True, timeout=120
        )
    one, two = ({path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} for name in ("one", "two"))
    assert len(one) == len(export.FORMATS) + 2
    assert one == two

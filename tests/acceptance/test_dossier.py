"""A dossier convinces somebody who has only its file, Python, and PyNaCl or openssl; and no edited one does."""

import ast
import base64
import contextlib
import importlib.util
import io
import re
import shutil
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from query import archive
from store import checkpoints, merkle, notes
from store.checkpoints import Checkpoint
from tests.acceptance import dossiers, edits
from tests.acceptance.dossiers import Files, Outsider
from tests.conftest import Database
from tests.integration.store import sealed

FORGER = notes.Signer(sealed.SIGNER.name, bytes(32))
LOG_KEY = str(sealed.SIGNER.verifier)


@pytest.fixture(scope="module")
def database(clone: Callable[..., Database]) -> Database:
    """A database for one site."""
    return clone()


@pytest.fixture(scope="module")
def home(database: Database, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site with a call to export."""
    return dossiers.site(database, tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def good(database: Database, home: Path) -> Files:
    """The dossier of the call."""
    return dossiers.exported(database, home)


@pytest.fixture(scope="module")
def with_nacl(good: Files, tmp_path_factory: pytest.TempPathFactory) -> Outsider:
    """Somebody who has PyNaCl."""
    return dossiers.outsider(tmp_path_factory.mktemp("nacl"), good["verify.py"], with_nacl=True)


@pytest.fixture(scope="module")
def with_openssl(good: Files, tmp_path_factory: pytest.TempPathFactory) -> Outsider:
    """Somebody who has openssl alone."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl here")
    return dossiers.outsider(tmp_path_factory.mktemp("openssl"), good["verify.py"], with_nacl=False)


@pytest.fixture(scope="module")
def verifier(good: Files, tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    """The verifier as a module of this process, to ask it many questions."""
    path = tmp_path_factory.mktemp("verifier") / "verify.py"
    path.write_bytes(good["verify.py"])
    spec = importlib.util.spec_from_file_location("dossier_verifier", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("who", ["with_nacl", "with_openssl"])
def test_good_dossier_is_accepted(request: pytest.FixtureRequest, good: Files, who: str) -> None:
    """With a line for each event, and the keys that are to be compared; with keys from elsewhere without these."""
    outsider: Outsider = request.getfixturevalue(who)
    alone = outsider.check(good)
    assert alone.code == 0, alone.out
    assert f"ACCEPTED: everything that can be checked holds (signatures checked with {BY[who]})" in alone.out
    assert alone.out.count("signed by Telnyx key") == 5
    assert "masked: verified at ingest, original not retained" in alone.out
    assert "over bytes that stay sealed: not checkable here" in alone.out
    assert f"compare: {LOG_KEY}" in alone.out
    assert f"compare: {sealed.TELNYX.public}" in alone.out
    compared = outsider.check(good, "--log-key", LOG_KEY, "--telnyx-key", f"live={sealed.TELNYX.public}")
    assert compared.code == 0
    assert "compare" not in compared.out


BY = {"with_nacl": "PyNaCl", "with_openssl": "openssl"}


PROVEN = [each for each in edits.ALL if each not in (edits.event_removed, edits.timeline, edits.page, edits.manifest)]
"""Edits that are found in the evidence itself, also by who made the manifest anew with the log's own key."""


@pytest.mark.parametrize("edit", edits.ALL, ids=lambda edit: edit.__name__)
def test_edited_dossier_is_rejected(
    with_nacl: Outsider, verifier: ModuleType, good: Files, tmp_path: Path, edit: Callable[[Files], Files]
) -> None:
    """Whatever is edited: as it is, under a manifest made anew that nobody signed, and under a forger's."""
    found = with_nacl.check(edit(good))
    assert found.code == 1, found.out
    for signer in (None, FORGER):
        archive.write_zip(tmp_path / "dossier.zip", dossiers.signed_anew(edit(good), signer))
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            assert verifier.main([str(tmp_path / "dossier.zip")]) == 1
        assert "WRONG  " in said.getvalue()
        assert "REJECTED" in said.getvalue()


@pytest.mark.parametrize("edit", PROVEN, ids=lambda edit: edit.__name__)
def test_edited_evidence_is_rejected_also_under_a_good_manifest(
    verifier: ModuleType, good: Files, tmp_path: Path, edit: Callable[[Files], Files]
) -> None:
    """Proofs and Telnyx's signatures do not rest on the manifest: not even the log's key gets past them."""
    archive.write_zip(tmp_path / "dossier.zip", dossiers.signed_anew(edit(good), sealed.SIGNER))
    assert verifier.main([str(tmp_path / "dossier.zip")]) == 1


def test_edited_dossiers_are_rejected_with_openssl(with_openssl: Outsider, good: Files) -> None:
    """As with PyNaCl."""
    for edit in edits.ALL:
        found = with_openssl.check(dossiers.signed_anew(edit(good), FORGER))
        assert found.code == 1, (edit.__name__, found.out)
    for edit in (edits.signature, edits.checkpoint_signature):
        assert with_openssl.check(dossiers.signed_anew(edit(good), sealed.SIGNER)).code == 1


def test_event_that_telnyx_did_not_sign_is_rejected(
    verifier: ModuleType, good: Files, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """However well it stands in a log: who has a log of their own can put anything into it, and sign that."""
    name = f"events/{dossiers.of_type(good, 'call.answered')}"
    for body, wrong in ((good[f"{name}.body"], []), (b'{"data":{}}', ["Telnyx did not sign these bytes"])):
        said = {**orjson.loads(good[f"{name}.json"]), "position": 0}
        leaf = verifier.leaf_of(said, body, base64.b64decode(said["signature"]))
        note = checkpoints.sign(Checkpoint(FORGER.name, 1, merkle.leaf_hash(leaf)), FORGER)
        keys = orjson.loads(good["keys.json"])["telnyx_keys"]
        files = {
            "checkpoint": note.encode(),
            "keys.json": orjson.dumps(
                {"log_key": str(FORGER.verifier), "telnyx_keys": [{**keys[0], "named_at": None}]}
            ),
            "dossier.json": b'{"events":[0]}',
            "events/0.body": body,
            "events/0.json": orjson.dumps(said),
            "events/0.tlog-proof": f"c2sp.org/tlog-proof@v1\nindex 0\n\n{note}".encode(),
        }
        path = tmp_path / "dossier.zip"
        archive.write_zip(path, dossiers.signed_anew(files, FORGER))
        assert verifier.main([str(path)]) == len(wrong)
        assert all(sentence in capsys.readouterr().out for sentence in wrong)


def test_replaced_log_key_is_found_with_the_one_from_elsewhere(with_nacl: Outsider, good: Files) -> None:
    """Who signs everything anew is believed by who knows no better, and told what to compare."""
    note = checkpoints.unverified(good["checkpoint"].decode())
    forged = checkpoints.sign(Checkpoint(FORGER.name, note.size, note.root), FORGER)
    files = edits.checkpoint_replaced(good, lambda _: forged)
    files = dossiers.signed_anew(dossiers.edited(files, "keys.json", log_key=str(FORGER.verifier)), FORGER)
    assert with_nacl.check(files).code == 0
    found = with_nacl.check(files, "--log-key", LOG_KEY)
    assert found.code == 1
    assert "the dossier's log key is not the one that was given" in found.out
    assert with_nacl.check(good, "--telnyx-key", sealed.STRANGER.public).code == 1


@pytest.mark.parametrize(
    "content",
    [b"", b"no zip", b"PK\x03\x04", b"PK\x05\x06" + bytes(18)],
    ids=["empty", "text", "torn", "nothing in it"],
)
def test_what_is_no_dossier_is_rejected(
    verifier: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes
) -> None:
    """In one line, without a traceback."""
    path = tmp_path / "dossier.zip"
    path.write_bytes(content)
    assert verifier.main([str(path)]) == 1
    assert "REJECTED" in capsys.readouterr().out


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"[]", b"{}", b'{"events":7,"telnyx_keys":7}', b"[" * 100_000])
def test_any_bytes_in_any_file_are_rejected(
    verifier: ModuleType, good: Files, tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes
) -> None:
    """The verifier is total: no file can make it fail otherwise than by saying so."""
    at = dossiers.of_type(good, "call.answered")
    for name in (
        "keys.json",
        "dossier.json",
        "checkpoint",
        "manifest.txt",
        f"events/{at}.json",
        f"events/{at}.tlog-proof",
    ):
        files = dossiers.signed_anew({**good, name: content}, sealed.SIGNER) | {name: content}
        path = tmp_path / "dossier.zip"
        archive.write_zip(path, files)
        assert verifier.main([str(path)]) == 1, name
        assert "REJECTED" in capsys.readouterr().out


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 2**16), st.integers(0, 2**24))
def test_any_flipped_bit_of_a_dossier_is_found(
    verifier: ModuleType, good: Files, tmp_path: Path, file: int, bit: int
) -> None:
    """In whatever file it is, the verifier's own and the page's too."""
    name = sorted(good)[file % len(good)]
    flipped = bytearray(good[name])
    flipped[bit // 8 % len(flipped)] ^= 1 << bit % 8
    path = tmp_path / "dossier.zip"
    archive.write_zip(path, {**good, name: bytes(flipped)})
    with contextlib.redirect_stdout(io.StringIO()):
        assert verifier.main([str(path), "--log-key", LOG_KEY]) == 1


def test_verifier_is_written_for_old_pythons(good: Files) -> None:
    """Whoever gets a dossier may have any Python from 3.9 on, and no package but PyNaCl."""
    tree = ast.parse(good["verify.py"], feature_version=(3, 9))
    imported = {
        name.name.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names
    } | {(node.module or "").split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert imported - sys.stdlib_module_names == {"nacl"}


def test_verifier_checks_the_folder_that_it_is_in(with_nacl: Outsider, good: Files, tmp_path: Path) -> None:
    """Unpacked, `python verify.py` is all there is to type; a file laid beside is found."""
    for name, content in good.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    inside = Outsider(with_nacl.python, tmp_path)
    assert inside.check_path(tmp_path).code == 0
    (tmp_path / "events" / "more").write_bytes(b"")
    assert inside.check_path(tmp_path).code == 1


def test_dossier_holds_no_secret_and_escapes_what_it_shows(good: Files) -> None:
    """Neither the digit nor the URL of a recording, sealed or not; a caller's name is no markup."""
    everything = b"".join(good.values())
    assert dossiers.SECRET_URL.encode() not in everything
    assert f'"digit":"{dossiers.DIGIT}"'.encode() not in everything
    assert b"sealed_body" not in everything
    shown = good["index.html"].decode()
    assert "<script" not in shown
    assert "&lt;script&gt;" in shown
    assert not re.search(r"(src|href)=", shown)


def test_same_evidence_makes_the_same_bytes(database: Database, home: Path, good: Files) -> None:
    """Exported again, byte for byte; nothing says when."""
    first = (home / "call.zip").read_bytes()
    assert dossiers.exported(database, home) == good
    assert (home / "call.zip").read_bytes() == first
    with zipfile.ZipFile(home / "call.zip") as archive:
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_dossier_has_conflicts_and_redeliveries(good: Files) -> None:
    """Both events that share an id are there; a later delivery of the same event is told beside."""
    ids = [orjson.loads(good[f"events/{position}.json"])["event_id"] for position in dossiers.positions(good)]
    assert ids.count("event-4") == 2
    (again,) = orjson.loads(good["redeliveries.json"])
    assert (again["position"], again["attempt"]) == (dossiers.of_type(good, "call.hangup"), 2)


def test_without_the_private_key_the_manifest_is_unsigned_and_the_verifier_says_so(
    database: Database, home: Path, with_nacl: Outsider, tmp_path: Path
) -> None:
    """The events are proven all the same; page and timeline are not."""
    keys = tmp_path / "keys"
    keys.mkdir()
    shutil.copy(home / "keys" / "checkpoint.vkey", keys)
    files = dossiers.exported(database, tmp_path)
    assert with_nacl.check(files).code == 1
    found = with_nacl.check(files, "--allow-unsigned")
    assert found.code == 0
    assert "the manifest is not signed" in found.out


def test_call_that_is_not_sealed_is_refused_or_left_out(
    clone: Callable[..., Database], with_nacl: Outsider, tmp_path: Path
) -> None:
    """A dossier without a call's last events says so, and is made only when asked for."""
    database = clone()
    home = dossiers.site(database, tmp_path, unsealed=2)
    ran = dossiers.run(database, home, "calls", "export", dossiers.SESSION, "--out", str(home / "call.zip"))
    assert ran.returncode == 2
    assert ran.stderr.endswith("[not_sealed_yet]\n")
    assert not (home / "call.zip").exists()
    files = dossiers.exported(database, home, "--allow-unsealed")
    assert b"LEFT OUT" in files["README.txt"]
    assert b"Left out" in files["index.html"]
    assert len(orjson.loads(files["dossier.json"])["left_out"]) == 2
    assert with_nacl.check(files).code == 0


def test_proof_of_one_event_is_a_dossier_too(
    database: Database, home: Path, with_nacl: Outsider, tmp_path: Path
) -> None:
    """A folder with the event, or both that have its id; a folder that is there is not written to."""
    out = tmp_path / "proof"
    ran = dossiers.run(database, home, "log", "proof", "event-4", "--out", str(out))
    assert ran.returncode == 0, ran.stderr
    assert len(list(out.glob("events/*.body"))) == 3  # and the event that names the key
    assert with_nacl.check_path(out, "--log-key", LOG_KEY).code == 0
    ran = dossiers.run(database, home, "log", "proof", "event-4", "--out", str(out))
    assert (ran.returncode, ran.stderr.endswith("[out_unwritable]\n")) == (2, True)
    ran = dossiers.run(database, home, "log", "proof", "nobody", "--out", str(tmp_path / "other"))
    assert (ran.returncode, ran.stderr) == (1, "callaudit: no event nobody in the log [event_not_found]\n")


@pytest.mark.parametrize("sealed_anew", [False, True])
def test_edited_log_gives_no_dossier(clone: Callable[..., Database], tmp_path: Path, sealed_anew: bool) -> None:
    """What does not lead to the checkpoint is not handed out, nor what Telnyx did not sign."""
    database = clone()
    home = dossiers.site(database, tmp_path)
    with sealed.connected(database) as connection:
        sealed.unguard(connection)
        sealed.change(connection, "UPDATE log.events SET body = body || ' ' WHERE event_id = 'event-2'")
        if sealed_anew:
            sealed.seal_anew(connection, [308])
    ran = dossiers.run(database, home, "calls", "export", dossiers.SESSION, "--out", str(home / "call.zip"))
    assert (ran.returncode, ran.stderr.endswith("[evidence_broken]\n")) == (2, True)

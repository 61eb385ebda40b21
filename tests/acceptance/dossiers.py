"""Dossiers for tests: a call with some of everything, exported by the real program; a bare Python to check with."""

import base64
import hashlib
import io
import os
import shutil
import subprocess
import venv
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cffi
import nacl
import orjson
import psycopg

from store import notes
from store.entry import Entry
from tests.acceptance import server
from tests.conftest import Database
from tests.integration.projections import journal
from tests.integration.store import sealed
from tests.unit.calls import made

SESSION = 'ses "1" <b>\n/..'
SECRET_URL = "https://recordings.example.com/secret-token"
DIGIT = "7"

Files = dict[str, bytes]


def call() -> list[Entry]:
    """Give the events of a call: one with a key press, one with a recording URL, one in conflict, one again."""
    named: dict[str, Any] = {"call_session_id": SESSION, "call_leg_id": "leg-1", "call_control_id": "v3:control-1"}
    parties: dict[str, Any] = {"from": "<script>alert(1)</script>", "to": "+12025550102", "direction": "incoming"}
    bodies = [
        server.webhook(1, "call.initiated", **named, **parties),
        server.webhook(2, "call.answered", **named),
        server.webhook(3, "call.dtmf.received", **named, digit=DIGIT),
        server.webhook(4, "siprec.started", **named),
        server.webhook(4, "siprec.started", **named, more="in conflict"),
        server.webhook(5, "call.recording.saved", **named, recording_urls={"mp3": SECRET_URL}),
        server.webhook(6, "call.hangup", **named, hangup_cause="normal_clearing"),
        server.webhook(6, "call.hangup", attempt=2, **named, hangup_cause="normal_clearing"),
    ]
    return [sealed.delivery(number, body=body) for number, body in enumerate(bodies)]


def site(database: Database, home: Path, *, unsealed: int = 0) -> Path:
    """Fill a database with the call among others, sealed but for the last events, projected; gives its home."""
    others = [sealed.delivery(number) for number in range(100, 400)]
    sealed.write(database, [sealed.trusted(), *others, *call()])
    with psycopg.connect(database.as_part("worker")) as connection:
        head = connection.execute("SELECT max(position) + 1 FROM log.events").fetchone()
        assert head is not None
        sealed.seal(connection, [head[0] - unsealed])
    journal.projected(database, made.hours(10**6))
    keys = home / "keys"
    keys.mkdir(parents=True, exist_ok=True)
    (keys / "checkpoint.key").write_text(f"{sealed.SIGNER.encode()}\n", encoding="utf-8")
    (keys / "checkpoint.vkey").write_text(f"{sealed.SIGNER.verifier}\n", encoding="utf-8")
    return home


def run(database: Database, home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the program on the site."""
    return server.run(arguments, server.environment(database, home, TELNYX_PUBLIC_KEY=""), home)


def exported(database: Database, home: Path, *options: str) -> Files:
    """Export the call; gives the files in the zip."""
    out = home / "call.zip"
    ran = run(database, home, "calls", "export", SESSION, "--out", str(out), *options)
    assert ran.returncode == 0, ran.stderr
    return unzipped(out.read_bytes())


def unzipped(content: bytes) -> Files:
    """Give the files in a zip."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@dataclass(frozen=True, slots=True)
class Checked:
    """What the verifier said."""

    code: int
    out: str


@dataclass(frozen=True, slots=True)
class Outsider:
    """A machine without callaudit: an empty venv, with PyNaCl or without it, and the verifier alone."""

    python: Path
    folder: Path

    def check(self, files: Mapping[str, bytes], *options: str) -> Checked:
        """Check a dossier with the verifier of the one given first; it is read from a zip."""
        path = self.folder / "dossier.zip"
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in files.items():
                archive.writestr(name, content)
        return self.check_path(path, *options)

    def check_path(self, path: Path, *options: str) -> Checked:
        """Check a dossier where it is."""
        command = [str(self.python), "-I", str(self.folder / "verify.py"), str(path), *options]
        given = {"PATH": os.environ["PATH"]}
        ran = subprocess.run(command, capture_output=True, text=True, env=given, cwd=self.folder, check=False)
        assert ran.stderr == "", ran.stderr
        return Checked(ran.returncode, ran.stdout)


def outsider(folder: Path, verifier: bytes, *, with_nacl: bool) -> Outsider:
    """Make an empty venv, and lay PyNaCl into it, as pip would; nothing is fetched."""
    venv.create(folder / "venv", with_pip=False, symlinks=True)
    python = folder / "venv" / "bin" / "python"
    asked = [str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    site_packages = Path(subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip())
    if with_nacl:
        for package in (nacl, cffi):
            assert package.__file__ is not None
            source = Path(package.__file__).parent
            shutil.copytree(source, site_packages / source.name)
        for library in Path(str(cffi.__file__)).parents[1].glob("_cffi_backend*"):
            shutil.copy(library, site_packages)
    (folder / "verify.py").write_bytes(verifier)
    return Outsider(python, folder)


def signed_anew(files: Mapping[str, bytes], signer: notes.Signer | None) -> Files:
    """Give the files under a manifest made anew, as who edits a dossier would; None: unsigned."""
    rest = {name: content for name, content in sorted(files.items()) if name != "manifest.txt"}
    lines = [f"{hashlib.sha256(content).hexdigest()} {len(content)} {name}" for name, content in rest.items()]
    text = "\n".join(("callaudit/dossier/v1", *lines, ""))
    return {**rest, "manifest.txt": (text if signer is None else signer.sign(text)).encode()}


def edited(files: Mapping[str, bytes], name: str, **fields: Any) -> Files:
    """Give the files with fields of a JSON file replaced."""
    return {**files, name: orjson.dumps({**orjson.loads(files[name]), **fields})}


def positions(files: Mapping[str, bytes]) -> list[int]:
    """Give the positions of the events in a dossier."""
    return sorted(int(Path(name).stem) for name in files if name.endswith(".body"))


def of_type(files: Mapping[str, bytes], event_type: str) -> int:
    """Give the first position with an event of a type."""
    said = {position: orjson.loads(files[f"events/{position}.json"]) for position in positions(files)}
    return min(position for position, each in said.items() if each["event_type"] == event_type)


def encoded(content: bytes) -> str:
    """Give bytes in base64."""
    return base64.b64encode(content).decode()

#!/usr/bin/env python3
"""Check a dossier of callaudit: python verify.py [--log-key KEY] [--telnyx-key KEY]... [DOSSIER]

DOSSIER is a zip or a folder; without it, the folder that this file is in. Needs Python 3.9 or newer, and PyNaCl or
openssl 3. Nothing that the dossier says is believed, but what its keys prove; give keys that you have from elsewhere, or
compare those that are printed. Exit code 0: everything that can be checked holds; 1: something does not; 2: wrong use.

What is checked:
1. the manifest is signed by the log's key, lists every file and no other, and each file has the SHA-256 that it says;
2. the checkpoint is signed by the log's key (C2SP signed-note, tlog-checkpoint);
3. each event's leaf, made anew from its parts, leads by its proof to the checkpoint's root (C2SP tlog-proof, RFC 6962);
4. each signature of Telnyx is over the event's bytes, by a key of Telnyx;
5. a key that the log is said to name is named by an event of the log.
"""

import argparse
import base64
import hashlib
import hmac
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile

FORMAT = "callaudit/dossier/v1"
LEAF = b"callaudit/leaf/v1"
PROOF = "c2sp.org/tlog-proof@v1"
FILE_BYTES_MAX = 64 * 2**20
FILES_MAX = 100000
NULL = b"\xff\xff\xff\xff"
SYSTEM_TYPES = ("key.trusted", "log.idle", "log.continued", "log.readmitted", "ingest.outage")
LEFT_BY_FILE_MANAGERS = (".DS_Store", "desktop.ini", "Thumbs.db")
RFC_8032_TEST_2 = (  # an openssl that cannot check this one is too old for any
    "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
    "72",
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
    "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
)


class Wrong(Exception):
    """Something does not hold."""


# --- Ed25519 ------------------------------------------------------------------------------------------------------


def ed25519():
    """Give what checks an Ed25519 signature, and its name; None where there is nothing to check with."""
    try:
        from nacl.exceptions import CryptoError
        from nacl.signing import VerifyKey
    except ImportError:
        public, message, signature = (bytes.fromhex(each) for each in RFC_8032_TEST_2)
        usable = shutil.which("openssl") and _by_openssl(public, message, signature)
        return (_by_openssl, "openssl") if usable else (None, "")

    def by_nacl(public, message, signature):
        try:
            VerifyKey(public).verify(message, signature)
        except (CryptoError, ValueError):
            return False
        return True

    return by_nacl, "PyNaCl"


def _by_openssl(public, message, signature):
    if len(public) != 32 or len(signature) != 64:
        return False
    with tempfile.TemporaryDirectory() as folder:
        paths = {}
        header = bytes.fromhex("302a300506032b6570032100")  # SubjectPublicKeyInfo of Ed25519 (RFC 8410)
        for name, content in (("key", header + public), ("message", message), ("signature", signature)):
            paths[name] = os.path.join(folder, name)
            with open(paths[name], "wb") as file:
                file.write(content)
        command = ["openssl", "pkeyutl", "-verify", "-rawin", "-pubin", "-keyform", "DER", "-inkey", paths["key"]]
        command += ["-in", paths["message"], "-sigfile", paths["signature"]]
        return subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0


# --- reading ------------------------------------------------------------------------------------------------------


def read(path):
    """Give all files of a dossier, by name."""
    if os.path.isdir(path):
        return _read_folder(path)
    try:
        with zipfile.ZipFile(path) as archive:
            infos = archive.infolist()
            names = [info.filename for info in infos]
            if len(set(names)) != len(names) or len(names) > FILES_MAX:
                raise Wrong("the zip has two files of one name, or far too many")
            if any(info.file_size > FILE_BYTES_MAX for info in infos):
                raise Wrong("the zip has a file that is far too large")
            return {info.filename: archive.read(info) for info in infos}
    except (
        OSError,
        zipfile.BadZipFile,
        NotImplementedError,
        RuntimeError,
        EOFError,
        ValueError,
        zipfile.zlib.error,
    ) as error:
        raise Wrong("%s cannot be read as a zip or a folder: %s" % (path, type(error).__name__))


def _read_folder(path):
    files = {}
    for folder, _, names in os.walk(path):
        for name in set(names).difference(LEFT_BY_FILE_MANAGERS):
            file = os.path.join(folder, name)
            if os.path.getsize(file) > FILE_BYTES_MAX or len(files) > FILES_MAX:
                raise Wrong("there is a file that is far too large, or far too many")
            with open(file, "rb") as opened:
                files[os.path.relpath(file, path).replace(os.sep, "/")] = opened.read()
    return files


def text(files, name):
    """Give a file as text."""
    if name not in files:
        raise Wrong("%s is missing" % name)
    try:
        return files[name].decode("utf-8")
    except UnicodeDecodeError:
        raise Wrong("%s is not UTF-8" % name)


def parsed(files, name):
    """Give a file as the JSON object that it holds."""
    try:
        value = json.loads(text(files, name))
    except (ValueError, RecursionError):
        raise Wrong("%s is not JSON" % name)
    if not isinstance(value, dict):
        raise Wrong("%s is not a JSON object" % name)
    return value


def unbase64(value, what, size=None):
    """Give the bytes of a base64 text."""
    try:
        raw = base64.b64decode(value, validate=True) if isinstance(value, str) else None
    except ValueError:
        raw = None
    if raw is None or (size is not None and len(raw) != size):
        raise Wrong("%s is not as it must be in base64" % what)
    return raw


# --- signed notes, checkpoints, proofs ------------------------------------------------------------------------------


class LogKey:
    """A public key of a log: name+hash+base64."""

    def __init__(self, written):
        parts = written.strip().split("+", 2) if isinstance(written, str) else []
        if len(parts) != 3 or not parts[0]:
            raise Wrong("a log's key is written name+hash+base64")
        self.name = parts[0]
        raw = unbase64(parts[2], "the log's key", 33)
        self.key_hash = hashlib.sha256(self.name.encode() + b"\n" + raw).digest()[:4]
        self.public = raw[1:]
        if raw[:1] != b"\x01" or self.key_hash.hex() != parts[1]:
            raise Wrong("the log's key is not one for Ed25519, or its hash is not its own")

    def __str__(self):
        return "%s+%s+%s" % (self.name, self.key_hash.hex(), base64.b64encode(b"\x01" + self.public).decode())

    def open(self, note, what, check):
        """Give the text of a note that this key signed."""
        head, gap, below = note.rpartition("\n\n")
        if not gap:
            raise Wrong("%s is not signed" % what)
        for line in below.split("\n"):
            match = re.fullmatch("\u2014 ([^\\s+]+) ([A-Za-z0-9+/]+=*)", line)
            if match is None or match.group(1) != self.name:
                continue
            marked = unbase64(match.group(2), "a signature")
            if marked[:4] == self.key_hash and check(self.public, (head + "\n").encode(), marked[4:]):
                return head + "\n"
        raise Wrong("%s is not signed by the log's key" % what)


def checkpoint_of(note, key, check):
    """Give size and root of a checkpoint that the key signed for its own log."""
    lines = key.open(note, "the checkpoint", check).split("\n")
    if len(lines) < 4 or lines[0] != key.name or not re.fullmatch("0|[1-9][0-9]{0,18}", lines[1]):
        raise Wrong("the checkpoint is not one of this log")
    return int(lines[1]), unbase64(lines[2], "the checkpoint's root", 32)


def proof_of(written):
    """Give index, hashes and checkpoint of a proof in the form tlog-proof."""
    head, gap, note = written.partition("\n\n")
    lines = head.split("\n")
    if lines.pop(0) != PROOF or not gap:
        raise Wrong("its proof is not a tlog-proof")
    if lines and lines[0].startswith("extra "):
        lines.pop(0)
    match = re.fullmatch("index (0|[1-9][0-9]{0,18})", lines.pop(0)) if lines else None
    if match is None:
        raise Wrong("its proof has no index")
    return int(match.group(1)), [unbase64(line, "a hash of its proof", 32) for line in lines], note


def root_from(index, size, leaf_hash, hashes):
    """Give the root that a proof leads to (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size:
        raise Wrong("it is beyond the checkpoint")
    number, last, found = index, size - 1, leaf_hash
    for each in hashes:
        if last == 0:
            raise Wrong("its proof is too long")
        if number & 1 or number == last:
            found = hashlib.sha256(b"\x01" + each + found).digest()
            while not number & 1 and number:
                number, last = number >> 1, last >> 1
        else:
            found = hashlib.sha256(b"\x01" + found + each).digest()
        number, last = number >> 1, last >> 1
    if last != 0:
        raise Wrong("its proof is too short")
    return found


# --- leaves -------------------------------------------------------------------------------------------------------


def prefixed(value):
    """Write bytes after their length; null is FFFFFFFF."""
    return NULL if value is None else len(value).to_bytes(4, "big") + value


def leaf_of(said, body, signature):
    """Give the leaf that an event's parts make, version 1."""

    def words(name):
        value = said.get(name)
        if value is not None and not isinstance(value, str):
            raise Wrong("its %s is not a text" % name)
        return prefixed(None if value is None else value.encode())

    def number(name):
        value = said.get(name)
        if value is not None and type(value) is not int:
            raise Wrong("its %s is not a number" % name)
        return prefixed(None if value is None else b"%d" % value)

    if not isinstance(said.get("masked"), bool) or not isinstance(said.get("salt"), str):
        raise Wrong("its parts are not complete")
    commitment = hmac.new(bytes.fromhex(said["salt"]), prefixed(body) + prefixed(signature), "sha256").digest()
    return b"".join(
        [
            LEAF,
            *(words(name) for name in ("source", "event_type", "event_id")),
            number("occurred_us"),
            number("received_us"),
            *(words(name) for name in ("call_session_id", "call_leg_id", "call_control_id", "connection_id")),
            *(words(name) for name in ("signed_timestamp", "key_id", "quarantined")),
            prefixed(b"1" if said["masked"] else b"0"),
            prefixed(commitment),
        ]
    )


# --- the checks -----------------------------------------------------------------------------------------------------


class Checks:
    """Prints a line for each check and remembers whether one failed."""

    def __init__(self):
        self.failed = 0

    def run(self, what, check):
        """Run a check; it gives what to say, or raises. Whatever the bytes, this never fails itself."""
        try:
            said = check()
        except Wrong as error:
            return self._bad(what, str(error))
        except Exception as error:  # a dossier may hold anything
            return self._bad(what, "it cannot be read (%s)" % type(error).__name__)
        print("ok     %s%s" % (what, ": " + printable(said) if said else ""))
        return True

    def _bad(self, what, why):
        self.failed += 1
        print("WRONG  %s: %s" % (what, printable(why)))
        return False


def printable(words):
    """Give text that moves no cursor and hides nothing."""
    return "".join(each if each.isprintable() else "?" for each in words)


class Dossier:
    """The files of a dossier, and the keys that they are checked with."""

    def __init__(self, files, check, log_key, telnyx_keys):
        self.files = files
        self.check = check
        self.log_key = log_key
        self.telnyx_keys = telnyx_keys  # key_id -> 32 bytes
        self.uses = {}  # key_id -> which events it signs
        self.manifest_signed = False

    def take_keys(self):
        """Take the keys in the dossier, where none were given."""
        keys = parsed(self.files, "keys.json")
        named = LogKey(keys.get("log_key"))
        if self.log_key is not None and str(self.log_key) != str(named):
            raise Wrong("the dossier's log key is not the one that was given")
        self.log_key = named
        own, uses = {}, {}
        for each in keys["telnyx_keys"]:
            public = unbase64(each["public_key"], "a public key", 32)
            key_id, use = hashlib.sha256(public).hexdigest(), each.get("use", "webhook")
            if use not in ("webhook", "gateway") or (use == "gateway" and each.get("named_at") is None):
                raise Wrong("a key of the gateway is named by the log, and one of Telnyx signs webhooks")
            own[key_id], uses[key_id] = public, use
        if self.telnyx_keys:  # nobody but the log knows the gateway's
            strange = [each for each in own if each not in self.telnyx_keys and uses[each] == "webhook"]
            if strange:
                raise Wrong("Telnyx key %s is not among those that were given" % strange[0])
        self.telnyx_keys = own
        self.uses = uses
        return "one of the log, %d of others that sign events" % len(own)

    def manifest(self):
        """Check the manifest (1)."""
        written = text(self.files, "manifest.txt")
        if written.startswith(FORMAT + "\n") and "\n\n" not in written:
            body = written
        else:
            body = self.log_key.open(written, "the manifest", self.check)
            self.manifest_signed = True
        first, *lines = body.rstrip("\n").split("\n")
        if first != FORMAT:
            raise Wrong("it is not a manifest of a dossier")
        listed = {}
        for line in lines:
            match = re.fullmatch("([0-9a-f]{64}) ([0-9]{1,12}) ([A-Za-z0-9._/-]+)", line)
            if match is None or match.group(3) in listed:
                raise Wrong("a line of it is not as it must be")
            listed[match.group(3)] = match.group(1)
        for name in sorted(set(listed) | set(self.files) - {"manifest.txt"}):
            if name not in self.files:
                raise Wrong("%s is missing" % name)
            if name not in listed:
                raise Wrong("%s is not listed: it was added (or the folder is not the dossier's own)" % name)
            if hashlib.sha256(self.files[name]).hexdigest() != listed[name]:
                raise Wrong("%s is not what is listed: it was edited" % name)
        return "%d files, %s" % (len(listed), "signed" if self.manifest_signed else "NOT SIGNED")

    def checkpoint(self):
        """Check the checkpoint (2)."""
        self.size, self.root = checkpoint_of(text(self.files, "checkpoint"), self.log_key, self.check)
        return "%s, over %d events, root %s" % (self.log_key.name, self.size, self.root.hex())

    def events(self):
        """Give the positions of the events; what lies there must be what is listed."""
        listed = parsed(self.files, "dossier.json").get("events")
        if not isinstance(listed, list) or any(type(each) is not int for each in listed):
            raise Wrong("dossier.json does not list the events")
        there = {name.split("/")[1].split(".")[0] for name in self.files if name.startswith("events/")}
        if there != {str(each) for each in listed} or len(set(listed)) != len(listed):
            raise Wrong("the events that are there are not those that are listed")
        self.positions = sorted(listed)
        return "%d" % len(listed)

    def event(self, position):
        """Check one event: its place in the log, then its signature (3), (4)."""
        stem = "events/%d" % position
        said, body = parsed(self.files, stem + ".json"), self.files.get(stem + ".body")
        if body is None:
            raise Wrong("its body is missing")
        if said.get("position") != position:
            raise Wrong("it says that it is at another position")
        signature = None if said.get("signature") is None else unbase64(said["signature"], "its signature")
        index, hashes, note = proof_of(text(self.files, stem + ".tlog-proof"))
        if index != position or note != text(self.files, "checkpoint"):
            raise Wrong("its proof is of another position or under another checkpoint")
        leaf_hash = hashlib.sha256(b"\x00" + leaf_of(said, body, signature)).digest()
        if root_from(index, self.size, leaf_hash, hashes) != self.root:
            raise Wrong("it is not in the log as it stands here: its bytes, times, salt or proof were edited")
        return "in the log; " + self._signature(said, body, signature)

    def _signature(self, said, body, signature):
        if said["source"] == "system" and said["event_type"] in SYSTEM_TYPES:
            return "the program's own event, not signed by Telnyx"
        if said["source"] not in ("webhook", "gateway"):
            raise Wrong("it is neither signed nor one that the program itself writes")
        if signature is None:
            if said["source"] != "webhook" or not said["masked"] or b"*" not in body:
                raise Wrong("it was not masked, yet its signature is missing")
            return "masked: verified at ingest, original not retained"
        if said["masked"]:
            return "its signature is over bytes that stay sealed: not checkable here"
        public = self.telnyx_keys.get(said["key_id"])
        if public is None:
            raise Wrong("it was signed by a key that is not here, or not trusted")
        if self.uses[said["key_id"]] != said["source"]:
            raise Wrong("it was signed by a key that is for something else")
        message = (said["signed_timestamp"] or "").encode() + b"|" + body
        whose = "Telnyx" if said["source"] == "webhook" else "the gateway"
        if not self.check(public, message, signature):
            raise Wrong("%s did not sign these bytes" % whose)
        return "signed by %s key %s" % (whose, said["key_id"][:16])

    def key_named_by_log(self, key):
        """Check that an event of the log names a key (5)."""
        position = key["named_at"]
        if position not in self.positions:
            raise Wrong("the event that should name it is not here")
        said = parsed(self.files, "events/%d.json" % position)
        body = json.loads(self.files["events/%d.body" % position].decode("utf-8"))
        public = base64.b64encode(self.telnyx_keys[key["key_id"]]).decode()
        if (said["source"], said["event_type"]) != ("system", "key.trusted"):
            raise Wrong("the event that should name it does not name a key")
        if body["data"]["payload"]["public_key"] != public:
            raise Wrong("the event names another key")
        if body["data"]["payload"].get("use", "webhook") != key.get("use", "webhook"):
            raise Wrong("the event names it for something else")
        return "named by the log at position %d as %s" % (position, key["label"])


def telnyx_key(written):
    """Read [label=]base64, and give key_id and bytes."""
    match = re.fullmatch("(?:[A-Za-z0-9_.-]+=)?([A-Za-z0-9+/]{43}=)", written.strip())
    if match is None:
        raise Wrong("a key of Telnyx is written [label=]key, the key 32 bytes in base64")
    public = unbase64(match.group(1), "a key of Telnyx", 32)
    return hashlib.sha256(public).hexdigest(), public


def verify(dossier):
    """Run all checks, and give how many failed."""
    checks = Checks()
    if not checks.run("keys", dossier.take_keys):
        return checks.failed
    checks.run("manifest", dossier.manifest)
    if checks.run("checkpoint", dossier.checkpoint) and checks.run("events", dossier.events):
        for position in dossier.positions:
            checks.run("event %d" % position, lambda position=position: dossier.event(position))
        for key in parsed(dossier.files, "keys.json")["telnyx_keys"]:
            if key.get("named_at") is not None:
                checks.run("Telnyx key", lambda key=key: dossier.key_named_by_log(key))
    return checks.failed


def main(arguments=None):
    """Check the dossier that the command line names."""
    parser = argparse.ArgumentParser(description="Check a dossier of callaudit. Exit code 0: it holds; 1: it does not.")
    parser.add_argument("dossier", nargs="?", default=os.path.dirname(os.path.abspath(__file__)), help="zip or folder")
    parser.add_argument("--log-key", help="the log's public key, name+hash+base64, from elsewhere than the dossier")
    parser.add_argument("--telnyx-key", action="append", default=[], help="[label=]key, from elsewhere; repeatable")
    parser.add_argument("--allow-unsigned", action="store_true", help="accept a manifest that nobody signed")
    given = parser.parse_args(arguments)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    check, by = ed25519()
    if check is None:
        print(
            "neither PyNaCl (pip install pynacl) nor openssl 3 is here: signatures cannot be checked", file=sys.stderr
        )
        return 2
    try:
        log_key = None if given.log_key is None else LogKey(given.log_key)
        trusted = dict(telnyx_key(each) for each in given.telnyx_key)
    except Wrong as error:
        print(printable(str(error)), file=sys.stderr)
        return 2
    try:
        files = read(given.dossier)
    except (Wrong, OSError) as error:
        print("WRONG  %s" % printable(str(error)))
        print("REJECTED: the dossier cannot be read")
        return 1
    dossier = Dossier(files, check, log_key, trusted)
    try:
        failed = verify(dossier)
    except Exception as error:  # a dossier may hold anything
        print("WRONG  the dossier cannot be read (%s)" % type(error).__name__)
        failed = 1
    if not failed and not dossier.manifest_signed and not given.allow_unsigned:
        print("WRONG  manifest: nobody signed it, so that page, timeline and the number of events prove nothing")
        print("       (give --allow-unsigned if you know that it was exported so)")
        failed = 1
    return _verdict(dossier, failed, given, by)


def _verdict(dossier, failed, given, by):
    if failed:
        print("REJECTED: %d checks failed" % failed)
        return 1
    if given.log_key is None:
        print("note   the log's key is only the dossier's own; compare: %s" % printable(str(dossier.log_key)))
    if not given.telnyx_key:
        for key_id, public in dossier.telnyx_keys.items():
            if dossier.uses[key_id] == "webhook":
                shown = base64.b64encode(public).decode()
                print("note   this key of Telnyx is only the dossier's own; compare: %s" % shown)
    if not dossier.manifest_signed:
        print("note   the manifest is not signed: page and timeline prove nothing")
    print("ACCEPTED: everything that can be checked holds (signatures checked with %s)" % by)
    return 0


if __name__ == "__main__":
    sys.exit(main())

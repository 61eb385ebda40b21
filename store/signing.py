"""The key of the checkpoints and what it signed last: files in one folder, beside the database and never in it.

``checkpoint.key``   the private key, readable by its owner alone
``checkpoint.vkey``  its public half, for whoever checks the log
``checkpoint.last``  the last note it signed, on disk before the database has it: a database that was put back to an
                     earlier state does not know what was signed since, this file does
``retired.vkeys``, ``retired.origins``  public halves and names of the logs that this one continues, one a line

What cannot be read or written raises SigningFilesUnusable, which never repeats a private key.
"""

import os
from collections.abc import Generator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path

from nacl.signing import SigningKey

from store import files, notes
from store.errors import SigningFilesUnusable


class Folder:
    """The files of one log's key. Safe for several processes at once."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def signer(self) -> notes.Signer | None:
        """Give the private key, if there is one."""
        text = self._read("checkpoint.key")
        with self._usable("checkpoint.key"):
            return None if text is None else notes.signer(text)

    def verifier(self) -> notes.Verifier | None:
        """Give its public half, if there is one."""
        text = self._read("checkpoint.vkey")
        with self._usable("checkpoint.vkey"):
            return None if text is None else notes.verifier(text)

    def make(self) -> notes.Signer:
        """Make the key, or give the one that another process made meanwhile."""
        self._create("checkpoint.key", f"{new_key().encode()}\n")
        return self.published()

    def published(self) -> notes.Signer:
        """Give the key, having seen that its public half lies beside it."""
        signer = self.signer()
        assert signer is not None
        if self._read("checkpoint.vkey") != f"{signer.verifier}\n":
            self._write("checkpoint.vkey", f"{signer.verifier}\n", mode=0o644)
        return signer

    def last(self) -> str | None:
        """Give the last note that was signed, if one was."""
        return self._read("checkpoint.last")

    def keep_last(self, note: str) -> None:
        """Put a note that is about to be given out in the place of the one before; it is on disk when this returns."""
        self._write("checkpoint.last", note)

    def retired(self) -> list[notes.Verifier]:
        """Give the public halves of earlier keys, the oldest first."""
        with self._usable("retired.vkeys"):
            return [notes.verifier(line) for line in (self._read("retired.vkeys") or "").splitlines() if line.strip()]

    def retired_origins(self) -> set[str]:
        """Give the names of the logs that this one continues."""
        return set((self._read("retired.origins") or "").splitlines()) | {key.name for key in self.retired()}

    def next_key(self) -> notes.Signer:
        """Make the key that is to follow, or give the one that was made for it already."""
        self._create("checkpoint.key.next", f"{new_key().encode()}\n")
        with self._usable("checkpoint.key.next"):
            return notes.signer(self._read("checkpoint.key.next") or "")

    def retire(self, origin: str | None, verifier: notes.Verifier | None) -> None:
        """Write down what no longer signs."""
        if verifier is not None and verifier not in self.retired():
            self._write("retired.vkeys", f"{self._read('retired.vkeys') or ''}{verifier}\n", mode=0o644)
        if origin is not None and origin not in self.retired_origins():
            self._write("retired.origins", f"{self._read('retired.origins') or ''}{origin}\n", mode=0o644)

    def take_next_key(self) -> notes.Signer:
        """Put the next key in the place of the retired one, whose private half is gone then.

        The caller holds the seal turn: nobody else writes here.
        """
        with self._usable("checkpoint.key"):
            for draft in self.path.glob(f"{files.DRAFT}*"):  # a process that died making the key left it there too
                draft.unlink()
            (self.path / "checkpoint.key.next").replace(self.path / "checkpoint.key")
            files.sync_folder(self.path)
            (self.path / "checkpoint.last").unlink(missing_ok=True)  # it binds a retired key, and so nobody
            files.sync_folder(self.path)
        return self.published()

    def _read(self, name: str) -> str | None:
        with self._usable(name), suppress(FileNotFoundError):
            return (self.path / name).read_text(encoding="utf-8")
        return None

    def _write(self, name: str, text: str, mode: int = 0o600) -> None:
        with self._usable(name), files.draft(self.path, text.encode(), mode) as draft:
            draft.replace(self.path / name)

    def _create(self, name: str, text: str) -> None:
        with self._usable(name), files.draft(self.path, text.encode()) as draft, suppress(FileExistsError):
            (self.path / name).hardlink_to(draft)  # unlike a rename, never replaces what a faster process made

    @contextmanager
    def _usable(self, name: str) -> Generator[None]:
        try:
            yield
        except (OSError, UnicodeDecodeError) as error:
            why = getattr(error, "strerror", None) or type(error).__name__
            raise SigningFilesUnusable(f"{self.path / name} can be neither read nor written: {why}") from error
        except notes.NoteKeyRefused as error:
            raise SigningFilesUnusable(f"{self.path / name}: {error}") from error


def new_key() -> notes.Signer:
    """Make a key whose name says which log it is of: the origin of its checkpoints."""
    seed = os.urandom(32)
    public = bytes(SigningKey(seed).verify_key)
    return notes.Signer(f"callaudit/{sha256(public).hexdigest()[:16]}", seed)

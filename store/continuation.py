"""A log that cannot be sealed as what it was begins anew as another: new key, new name, and an event that says so.

For a database that was put back to an earlier state, a key that was lost or has leaked. The new log promises nothing of
the old one but what the event says: its last checkpoint, with which anybody can see how much of it is still there.
"""

from typing import Any

import psycopg

from store import append, checkpoints, notes, read, sealing, signing, statements, system, tiles, tree
from store.entry import Kept
from store.errors import NothingToContinue


def begin(
    connection: psycopg.Connection[Any],
    appender: append.Appender,
    folder: signing.Folder,
    reason: str,
    now_us: int,
) -> notes.Verifier:
    """Retire the key and give the new one's public half. Raises StoreError; trying again is safe, at any point.

    The connection is one of ``sealing.connect``: nobody seals meanwhile, and who sealed before finds another key.
    """
    with connection.transaction():
        connection.execute(statements.load("store", "take_seal_turn"))
        stored, kept = tree.last_checkpoint(connection), folder.last()
        if stored is None and kept is None:
            raise NothingToContinue("this log was never sealed: it needs no other beginning")
        # Tiles are never made again: over rows that they do not fit no log can begin, so nothing is given up for it.
        sealing.grow(connection, tiles.Builder(), read.head(connection) + 1, sealing.compare_tiles)
        old = folder.signer()
        verifier = folder.verifier() if old is None else old.verifier
        origins = [checkpoints.unverified(note).origin for note in (kept, stored) if note is not None]
        new = folder.next_key()
        for origin in origins:
            folder.retire(origin, None)
        folder.retire(None if verifier is None else verifier.name, verifier)
        said = {
            "reason": reason,
            "old_origin": origins[0],
            "old_vkey": None if verifier is None else str(verifier),
            "old_checkpoint": kept or stored,
            "new_origin": new.name,
            "new_vkey": str(new.verifier),
        }
        (outcome,) = appender.append([system.event(system.CONTINUED, said, now_us)])
        if not isinstance(outcome, Kept):
            raise outcome
        return folder.take_next_key().verifier

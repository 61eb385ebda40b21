"""Evidence: events of the log with all that proves them to somebody who trusts nobody.

Each event has a proof that leads from its leaf to the root of a signed checkpoint (C2SP tlog-proof); whatever does not
hold is not given out. What is masked stays masked, and sealed copies stay where they are.
"""

import base64
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

from store import checkpoints, merkle, notes, rows, statements, system, telnyx_keys, tree
from store.checkpoints import Checkpoint
from store.errors import TreeIncomplete
from store.provenance import SIGNED
from store.rows import Row
from store.telnyx_keys import TelnyxKey

PROOF_VERSION = "c2sp.org/tlog-proof@v1"


class EvidenceRefused(Exception):
    """The evidence cannot be given."""

    reason = "evidence_refused"


class NotSealedYet(EvidenceRefused):
    """An event is under no checkpoint yet."""

    reason = "not_sealed_yet"


class EvidenceBroken(EvidenceRefused):
    """The log does not prove what it says."""

    reason = "evidence_broken"


class KeyNotAtHand(EvidenceRefused):
    """Nobody knows a key that is needed to check the evidence."""

    reason = "key_not_at_hand"


@dataclass(frozen=True, slots=True)
class Proven:
    """An event with its proof. ``key`` is the one of Telnyx that it names."""

    row: Row
    proof: str
    key: TelnyxKey | None

    @property
    def standing(self) -> str:
        """Say what can be made of its signature: by whoever has the dossier, by nobody here, or not at all."""
        if self.row.source not in SIGNED:
            return "not a webhook"
        if self.row.signature is None:
            return "verified at ingest, original not retained"
        return "signature over sealed bytes" if self.row.masked else "signature"


@dataclass(frozen=True, slots=True)
class Evidence:
    """Proven events in order, under one checkpoint; ``left_out`` are positions that no checkpoint covers yet.

    ``telnyx_keys`` has the keys with the position of the event that names each, where the log does.
    """

    log_key: notes.Verifier
    note: str
    checkpoint: Checkpoint
    events: Sequence[Proven]
    left_out: Sequence[int]
    telnyx_keys: Sequence[tuple[TelnyxKey, int | None]]


def gather(
    connection: psycopg.Connection[Any],
    positions: Collection[int],
    log_keys: Sequence[notes.Verifier],
    given_keys: Sequence[TelnyxKey],
    *,
    allow_unsealed: bool = False,
) -> Evidence:
    """Prove the events at the given positions, with those in which the log names the keys that they were signed with.

    Raises EvidenceRefused. The connection must see one snapshot throughout.
    """
    note, checkpoint, log_key = _checkpoint(connection, log_keys)
    left_out = sorted(position for position in positions if position >= checkpoint.size)
    if left_out and not allow_unsealed:
        raise NotSealedYet(
            f"position {left_out[0]} is under no checkpoint yet: try again in some seconds, when the worker has sealed"
            " it, or leave such events out with --allow-unsealed"
        )
    found = rows.at(connection, sorted(set(positions) - set(left_out)))
    named = _keys_of_log(connection, checkpoint.size)
    keys = {key.key_id: (key, None) for key in given_keys} | named
    used = _used(found, keys)
    at = sorted({row.position for row in found} | {place for _, place in used.values() if place is not None})
    events = [_proven(connection, row, note, checkpoint, used) for row in rows.at(connection, at)]
    return Evidence(log_key, note, checkpoint, events, left_out, list(used.values()))


def claims(row: Row) -> dict[str, Any]:
    """Give what an event's leaf is made of, but for the body, under the names of the log's columns."""
    return {
        "position": row.position,
        **{name: _text(value) for name, value in row.claimed._asdict().items()},
        "occurred_us": row.occurred_us,
        "received_us": row.received_us,
        "masked": row.masked,
        "signature": None if row.signature is None else base64.b64encode(row.signature).decode(),
        "salt": row.salt.hex(),
        "sealed": row.sealed_body is not None,
    }


def redeliveries(connection: psycopg.Connection[Any], positions: Sequence[int]) -> list[dict[str, Any]]:
    """Give when else the events were delivered; no part of the tree, so no evidence."""
    cursor = connection.execute(statements.load("query", "redeliveries_of"), {"positions": list(positions)})
    names = [column.name for column in cursor.description or []]
    return [dict(zip(names, row, strict=True)) for row in cursor]


def positions_of(connection: psycopg.Connection[Any], *, session: str | None = None, event_id: str = "") -> list[int]:
    """Give where the events of a session are, conflicts included, or those with an id."""
    if session is None:
        found = connection.execute(statements.load("query", "positions_of_event"), {"event_id": event_id})
    else:
        found = connection.execute(statements.load("query", "positions_of_session"), {"session": session})
    return [position for (position,) in found]


def _checkpoint(
    connection: psycopg.Connection[Any], log_keys: Sequence[notes.Verifier]
) -> tuple[str, Checkpoint, notes.Verifier]:
    note = tree.last_checkpoint(connection)
    if note is None:
        raise NotSealedYet("the log has no checkpoint yet: try again in some seconds, when the worker has sealed it")
    for key in log_keys:
        try:
            return note, checkpoints.open_(note, key), key
        except notes.NoteRejected:
            continue
    raise KeyNotAtHand("the last checkpoint is not signed by the log's key that is at hand: give it with --key")


def _keys_of_log(connection: psycopg.Connection[Any], size: int) -> dict[str, tuple[TelnyxKey, int | None]]:
    """Give the keys that the log names, each with the first position under the checkpoint that does."""
    found: dict[str, tuple[TelnyxKey, int | None]] = {}
    for row in rows.system_before(connection, size):
        if row.event_type == system.KEY_TRUSTED.encode():
            try:
                key = telnyx_keys.named_by(row.body)
            except telnyx_keys.KeyEventWrong as error:
                raise EvidenceBroken(f"position {row.position} should name a key: {error}") from error
            found.setdefault(key.key_id, (key, row.position))
    return found


def _used(
    found: Sequence[Row], keys: Mapping[str, tuple[TelnyxKey, int | None]]
) -> dict[str, tuple[TelnyxKey, int | None]]:
    used: dict[str, tuple[TelnyxKey, int | None]] = {}
    for row in found:
        if row.signature is None:
            continue
        if _key_id(row) not in keys:
            raise KeyNotAtHand(
                f"position {row.position} was signed by Telnyx key {_key_id(row)}, which neither the log nor the"
                " settings name: configure it in TELNYX_PUBLIC_KEY"
            )
        used[_key_id(row)] = keys[_key_id(row)]
    return used


def _proven(
    connection: psycopg.Connection[Any],
    row: Row,
    note: str,
    checkpoint: Checkpoint,
    used: Mapping[str, tuple[TelnyxKey, int | None]],
) -> Proven:
    key, _ = used.get(_key_id(row), (None, None))
    if key is not None and row.signature is not None and not row.masked:
        message = (row.claimed.signed_timestamp or b"") + b"|" + row.body
        if key.use.encode() != row.source or not key.made(row.signature, message):
            whose = "the gateway" if key.use == telnyx_keys.GATEWAY else "Telnyx"
            raise EvidenceBroken(f"position {row.position} is not signed by {whose}: run `callaudit log verify`")
    return Proven(row, _prove(connection, row, note, checkpoint), key)


def _prove(connection: psycopg.Connection[Any], row: Row, note: str, checkpoint: Checkpoint) -> str:
    try:
        path = tree.inclusion(connection, row.position, checkpoint.size)
        merkle.verify_inclusion(row.position, checkpoint.size, rows.leaf_hash_of(row), path, checkpoint.root)
    except (merkle.ProofRejected, TreeIncomplete) as error:
        raise EvidenceBroken(
            f"position {row.position} is not what the last checkpoint was signed over: run `callaudit log verify`"
        ) from error
    hashes = "".join(f"{base64.b64encode(each).decode()}\n" for each in path)
    return f"{PROOF_VERSION}\nindex {row.position}\n{hashes}\n{note}"


def _key_id(row: Row) -> str:
    return (row.claimed.key_id or b"").decode()


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode()

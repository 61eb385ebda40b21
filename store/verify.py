"""Verify: recompute the whole log from its rows, as an auditor would who trusts neither the program nor the database.

Reads only, with an auditor's rights. Obligations; the numbers in brackets are where they are met:

1. positions are gapless from 0, or from the position that was asked for (``row_audit``);
2. each row's leaf hash is that of what the row claims (``row_audit``);
3. each webhook's signature is Telnyx's, over the exact bytes, as far as these are here (``provenance``);
4. each data hash is that of the body (``row_audit``);
5. keys and rows are one to one (``row_audit``);
6. the tree over the rows is the one that the stored tiles were cut from, and no full tile is missing (``tree_audit``);
7. each checkpoint has the root of that tree at its size, so that each is consistent with the one before
   (``tree_audit``), and is signed by the key of its origin (``heads``); copies kept elsewhere too, and none is beyond
   the rows;
8. what no checkpoint covers yet is said;
9. whether the log can hold everything that was sent is judged apart (``completeness``).

What the caller owes: the keys, from where an attacker cannot change them, and a checkpoint kept elsewhere. Without
that, a tail cut off together with its checkpoints looks like a log that never was longer, and one signed anew with its
own key like one that never was different.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any

import psycopg

from store import completeness, heads, notes, read, rows, statements, tiles
from store.completeness import Completeness
from store.findings import Finding, Findings
from store.heads import Head, Kept
from store.provenance import Counts, Open, Provenance
from store.row_audit import RowAudit
from store.rows import Row
from store.stored_tiles import StoredTiles
from store.telnyx_keys import TelnyxKey
from store.tree_audit import TreeAudit

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What a verification is given from outside the database.

    ``log_keys`` are public keys of the log, ``retired_keys`` those before them. ``telnyx_keys`` are Telnyx's;
    ``log_may_name_keys`` says whether the log's own ``key.trusted`` events may add to them. ``checkpoints`` are copies
    kept elsewhere. ``open_sealed`` opens sealed bodies, if the key is at hand. ``data_hash_of`` gives a body's data
    hash; None leaves obligation 4 out, as ``signatures`` False does 3: what then remains is the tree. ``set_aside``
    counts rows in spools that the log refused for good.
    """

    log_keys: Sequence[notes.Verifier] = ()
    retired_keys: Sequence[notes.Verifier] = ()
    telnyx_keys: Sequence[TelnyxKey] = ()
    log_may_name_keys: bool = True
    checkpoints: Sequence[Kept] = ()
    open_sealed: Open | None = None
    data_hash_of: Callable[[bytes], bytes] | None = None
    signatures: bool = True
    set_aside: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a verification found; ``first_wrong`` None: nothing is wrong. ``wrong`` counts findings by reason.

    ``since`` is the first position recomputed, ``size`` one more than the last there is. ``unsealed`` counts positions
    beyond the last checkpoint in the database, ``not_compared`` heads whose root could not be computed because rows
    before it are missing. ``log_keys`` says how many heads each key of the log signed, ``kept`` which copies of
    checkpoints from elsewhere were compared. ``unguarded`` names tables whose append-only trigger is not in force.
    """

    first_wrong: Finding | None
    wrong: Mapping[str, int]
    since: int
    size: int
    events: int
    webhooks: Counts
    telnyx_keys: Sequence[TelnyxKey]
    log_keys: Mapping[str, int]
    checkpoints: int
    last_checkpoint: Head | None
    kept: Sequence[Head]
    unsealed: int
    not_compared: int
    unguarded: Sequence[str]
    completeness: Completeness


class LogKeyMissing(ValueError):
    """There are checkpoints, and no key to check them with."""

    reason = "log_key_missing"


def verify(
    connection: psycopg.Connection[Any],
    given: Given,
    *,
    since: int = 0,
    progress: Callable[[int, int], object] = lambda _done, _size: None,
) -> Verdict:
    """Verify the log from ``since`` on, or from a little before: where a tile begins that the last checkpoint covers.

    Of rows before, the stored hashes are used; checkpoints after them prove these. ``progress`` hears how many
    positions are done, of how many. The connection must see one snapshot throughout. Raises LogKeyMissing.
    """
    with connection.transaction():
        connection.execute("SET LOCAL work_mem = '64MB'")  # the keys are sorted by position
        connection.execute("SET LOCAL cursor_tuple_fraction = 0.000001")  # and the rows are not: they go by their index
        with connection.pipeline():  # Postgres reads the next rows while these are checked
            return _verify(connection, given, since, progress)


def _verify(
    connection: psycopg.Connection[Any], given: Given, since: int, progress: Callable[[int, int], object]
) -> Verdict:
    findings = Findings()
    found = heads.gather(connection, given.checkpoints, findings)
    if found and not given.log_keys:
        raise LogKeyMissing("the log has checkpoints and no key was given to check them with: give the log's key")
    own = [head for head in found if head.kept_at is None]
    last = own[-1] if own else None
    sealed = 0 if last is None else last.claimed.size
    size = read.head(connection) + 1
    tree = TreeAudit(StoredTiles(connection), found, min(since, sealed, size), findings)  # (6), (7)
    provenance = _provenance(given, findings)
    audit = RowAudit(  # (1) to (5)
        findings,
        tree.since,
        rows.keys_since(connection, tree.since),
        provenance if given.signatures else None,
        given.data_hash_of,
    )
    if tree.since > 0:
        earlier = rows.system_before(connection, tree.since)
        audit.hear(earlier)
        tree.hear(earlier)
    for _, of_tile in groupby(rows.since(connection, tree.since), _tile_of):
        batch = list(of_tile)
        audit.look(batch)
        tree.look(batch)
        progress(batch[-1].position + 1, size)
    audit.finish(lambda positions: rows.at(connection, positions))
    tree.finish(size)
    signed = heads.check_signatures(found, given.log_keys, given.retired_keys, audit.continued, findings)  # (7)
    return Verdict(
        first_wrong=findings.first,
        wrong=dict(findings.counts),
        since=tree.since,
        size=size,
        events=audit.events,
        webhooks=provenance.counts,
        telnyx_keys=[*provenance.keys.values()],
        log_keys=signed,
        checkpoints=len(own),
        last_checkpoint=last,
        kept=[head for head in found if head.kept_at is not None],
        unsealed=max(0, size - sealed),  # (8)
        not_compared=tree.not_compared,
        unguarded=[name for (name,) in connection.execute(statements.load("store", "unguarded"))],
        completeness=_completeness(connection, given, audit, provenance),
    )


def _completeness(
    connection: psycopg.Connection[Any], given: Given, audit: RowAudit, provenance: Provenance
) -> Completeness:
    """Judge the time from the first event that was recomputed on; a verification from the start judges all of it."""
    begins = None if audit.since == 0 or audit.began_us is None else _moment(audit.began_us)
    found = completeness.judge(connection, begins, audit.outages, provenance.keys.values(), given.open_sealed)
    return replace(found, set_aside=given.set_aside)


def _moment(instant_us: int) -> datetime | None:
    """Give an instant as a date; None if it is in no year that has one: then somebody changed it."""
    try:
        return _EPOCH + timedelta(microseconds=instant_us)
    except OverflowError:
        return None


def _provenance(given: Given, findings: Findings) -> Provenance:
    keys = {key.key_id: key for key in given.telnyx_keys}
    return Provenance(keys, findings, given.open_sealed, given.log_may_name_keys)


def _tile_of(row: Row) -> int:
    return row.position >> tiles.HEIGHT

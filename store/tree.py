"""The Merkle tree of the log in the database: its hashes, proofs and checkpoints, read with the least of rights.

Hashes come from the full tiles that are stored, and from the rows' leaf hashes where no tile is full yet. Nothing read
here is to be believed for that: whoever checks a proof checks it against a signed root.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

import psycopg

from store import merkle, statements, tiles
from store.errors import TreeIncomplete


def fetch(connection: psycopg.Connection[Any], size: int) -> merkle.Fetch:
    """Give the hashes of the tree over the first ``size`` events; each tile is read once."""

    @cache
    def read(level: int, index: int) -> bytes:
        return tile(connection, tiles.Tile(level, index, tiles.width(level, index, size)))

    return tiles.fetch_from(read)


def root(connection: psycopg.Connection[Any], size: int) -> bytes:
    """Give the root over the first ``size`` events. Raises TreeIncomplete where the log is smaller."""
    return merkle.root(size, fetch(connection, size))


def inclusion(connection: psycopg.Connection[Any], position: int, size: int) -> list[bytes]:
    """Give the proof that the tree of that size has the event at ``position``. Raises ProofRejected, TreeIncomplete."""
    return merkle.inclusion_proof(position, size, fetch(connection, size))


def consistency(connection: psycopg.Connection[Any], old: int, new: int) -> list[bytes]:
    """Give the proof that one tree is a prefix of the other. Raises ProofRejected, TreeIncomplete."""
    return merkle.consistency_proof(old, new, fetch(connection, new))


def last_checkpoint(connection: psycopg.Connection[Any]) -> str | None:
    """Give the note that was sealed last, if any was."""
    row = connection.execute(statements.load("store", "last_checkpoint")).fetchone()
    return None if row is None else row[0]


def tile(connection: psycopg.Connection[Any], wanted: tiles.Tile) -> bytes:
    """Give the hashes of a tile, side by side. Raises TreeIncomplete if the log has not as many."""
    stored = stored_tiles(connection, wanted.level, wanted.index, wanted.index + 1)
    if stored:
        return stored[0][: wanted.width * merkle.HASH_BYTES]
    first = wanted.index * tiles.WIDTH
    if wanted.level == 0:
        return b"".join(leaf_hashes(connection, first, first + wanted.width))
    below = stored_tiles(connection, wanted.level - 1, first, first + wanted.width)
    if len(below) == wanted.width:
        return b"".join(tiles.root(each) for each in below)
    # The sealer stores a tile once a checkpoint is due; until then those below are read one by one.
    return b"".join(
        tiles.root(tile(connection, tiles.Tile(wanted.level - 1, first + number))) for number in range(wanted.width)
    )


def stored_tiles(connection: psycopg.Connection[Any], level: int, first: int, end: int) -> Sequence[bytes]:
    """Give the full tiles that are stored of a range, in order."""
    with connection.cursor(binary=True) as cursor:
        cursor.execute(statements.load("store", "read_tiles"), {"level": level, "first": first, "end": end})
        return [hashes for _, hashes in cursor]


def leaf_hashes(connection: psycopg.Connection[Any], first: int, end: int) -> Sequence[bytes]:
    """Give the leaf hashes of a range of positions. Raises TreeIncomplete if one is missing."""
    with connection.cursor(binary=True) as cursor:
        cursor.execute(statements.load("store", "read_leaf_hashes"), {"first": first, "end": end})
        found = cursor.fetchall()
    for expected, (position, _) in enumerate(found, start=first):
        if position != expected:
            raise TreeIncomplete(f"the log has no position {expected}, but {position}")
    if len(found) != end - first:
        raise TreeIncomplete(f"the log ends at position {first + len(found)}, and {end} were asked for")
    return [leaf_hash for _, leaf_hash in found]

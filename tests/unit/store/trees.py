"""Trees for tests: leaves by number, and the definitions of RFC 6962, 2.1 as they stand there, slow and plain."""

from collections.abc import Sequence
from hashlib import sha256

from store import merkle


def leaf(number: int) -> bytes:
    """Give the hash of a leaf; equal numbers make equal leaves."""
    return merkle.leaf_hash(b"leaf %d" % number)


def leaves(count: int) -> list[bytes]:
    """Give the hashes of the first leaves."""
    return [leaf(number) for number in range(count)]


def fetch(hashes: Sequence[bytes]) -> merkle.Fetch:
    """Give a tree's complete subtrees, each computed once."""
    known: dict[tuple[int, int], bytes] = {(0, index): each for index, each in enumerate(hashes)}

    def get(level: int, index: int) -> bytes:
        if (level, index) not in known:
            known[level, index] = merkle.node_hash(get(level - 1, 2 * index), get(level - 1, 2 * index + 1))
        return known[level, index]

    return get


def mth(hashes: Sequence[bytes]) -> bytes:
    """Compute MTH(D[n]) over leaf hashes."""
    if not hashes:
        return sha256(b"").digest()
    if len(hashes) == 1:
        return hashes[0]
    k = split(len(hashes))
    return sha256(b"\x01" + mth(hashes[:k]) + mth(hashes[k:])).digest()


def path(m: int, hashes: Sequence[bytes]) -> list[bytes]:
    """Compute PATH(m, D[n])."""
    if len(hashes) == 1:
        return []
    k = split(len(hashes))
    if m < k:
        return [*path(m, hashes[:k]), mth(hashes[k:])]
    return [*path(m - k, hashes[k:]), mth(hashes[:k])]


def proof(m: int, hashes: Sequence[bytes]) -> list[bytes]:
    """Compute PROOF(m, D[n])."""
    return subproof(m, hashes, known=True)


def subproof(m: int, hashes: Sequence[bytes], *, known: bool) -> list[bytes]:
    """Compute SUBPROOF(m, D[n], b)."""
    if m == len(hashes):
        return [] if known else [mth(hashes)]
    k = split(len(hashes))
    if m <= k:
        return [*subproof(m, hashes[:k], known=known), mth(hashes[k:])]
    return [*subproof(m - k, hashes[k:], known=False), mth(hashes[:k])]


def split(count: int) -> int:
    """Give the largest power of two smaller than the count."""
    k = 1
    while 2 * k < count:
        k *= 2
    return k

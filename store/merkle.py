"""The Merkle tree of RFC 6962 (2.1) and RFC 9162 (2.1), over hashes: pure, and all of it here.

A tree is given as ``fetch(level, index)``: the hash of the complete subtree over the leaves from ``index << level`` on,
``2 ** level`` of them. Every root and every proof is made of such hashes, so that nothing but complete subtrees, which
never change, has to be kept. Verifying needs neither the tree nor this program.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

HASH_BYTES = 32
EMPTY_ROOT = sha256(b"").digest()

Fetch = Callable[[int, int], bytes]


class ProofRejected(ValueError):
    """A proof does not show what it claims."""

    reason = "proof_rejected"


def leaf_hash(leaf: bytes) -> bytes:
    """Hash a leaf: SHA-256(0x00 || leaf)."""
    return sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash two neighbours: SHA-256(0x01 || left || right)."""
    return sha256(b"\x01" + left + right).digest()


@dataclass(slots=True)
class Frontier:
    """The complete subtrees that make up a tree, from the largest to the smallest: all that appending needs."""

    size: int = 0
    hashes: list[bytes] = field(default_factory=list[bytes])

    def append(self, leaf: bytes) -> None:
        """Add a leaf's hash."""
        joins = ((self.size + 1) & -(self.size + 1)).bit_length() - 1  # neighbours of equal height that it completes
        for _ in range(joins):
            leaf = node_hash(self.hashes.pop(), leaf)
        self.hashes.append(leaf)
        self.size += 1

    def root(self) -> bytes:
        """Give the root of the tree."""
        return _folded(self.hashes)


def frontier(size: int, fetch: Fetch) -> Frontier:
    """Give the frontier of the tree of that size."""
    return Frontier(size, [fetch(level, index) for level, index in subtrees(0, size)])


def root(size: int, fetch: Fetch) -> bytes:
    """Give the root of the tree over the first ``size`` leaves."""
    return frontier(size, fetch).root()


def inclusion_proof(index: int, size: int, fetch: Fetch) -> list[bytes]:
    """Give the hashes that lead from a leaf to the root, lowest first (RFC 9162, 2.1.3.1)."""
    if not 0 <= index < size:
        raise ProofRejected(f"a tree of size {size} has no leaf {index}")
    return list(_path(index, 0, size, fetch))


def consistency_proof(old: int, new: int, fetch: Fetch) -> list[bytes]:
    """Give the hashes that show the older tree to be a prefix of the newer one (RFC 9162, 2.1.4.1)."""
    if not 0 <= old <= new:
        raise ProofRejected(f"a tree of size {old} is no prefix of one of size {new}")
    return list(_prefix(old, 0, new, fetch, complete=True)) if 0 < old < new else []


def verify_inclusion(index: int, size: int, leaf: bytes, proof: Sequence[bytes], root_hash: bytes) -> None:
    """Check an inclusion proof (RFC 9162, 2.1.3.2). Raises ProofRejected, for any input."""
    if not 0 <= index < size:
        raise ProofRejected(f"a tree of size {size} has no leaf {index}")
    _refuse_other_lengths(leaf, *proof)
    number, last, found = index, size - 1, leaf
    for each in proof:
        if last == 0:
            raise ProofRejected("the proof is too long")
        if number & 1 or number == last:
            found = node_hash(each, found)
            while not number & 1 and number:
                number, last = number >> 1, last >> 1
        else:
            found = node_hash(found, each)
        number, last = number >> 1, last >> 1
    if last != 0 or found != root_hash:
        raise ProofRejected("the proof does not lead to the root")


def verify_consistency(old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> None:
    """Check a consistency proof (RFC 9162, 2.1.4.2). Raises ProofRejected, for any input."""
    if not 0 <= old <= new:
        raise ProofRejected(f"a tree of size {old} is no prefix of one of size {new}")
    if old in {0, new}:
        same = old_root == new_root if old == new else old_root == EMPTY_ROOT
        if proof or not same:
            raise ProofRejected("the roots are not those of one log")
        return
    _refuse_other_lengths(old_root, *proof)
    if _led_to(old, new, old_root, proof) != (old_root, new_root):
        raise ProofRejected("the proof does not lead to both roots")


def _led_to(old: int, new: int, old_root: bytes, proof: Sequence[bytes]) -> tuple[bytes, bytes]:
    hashes = [old_root, *proof] if old & (old - 1) == 0 else list(proof)
    if not hashes:
        raise ProofRejected("the proof is too short")
    number, last = old - 1, new - 1
    while number & 1:
        number, last = number >> 1, last >> 1
    found_old = found_new = hashes[0]
    for each in hashes[1:]:
        if last == 0:
            raise ProofRejected("the proof is too long")
        if number & 1 or number == last:
            found_old, found_new = node_hash(each, found_old), node_hash(each, found_new)
            while not number & 1 and number:
                number, last = number >> 1, last >> 1
        else:
            found_new = node_hash(found_new, each)
        number, last = number >> 1, last >> 1
    if last != 0:
        raise ProofRejected("the proof is too short")
    return found_old, found_new


def _refuse_other_lengths(*hashes: bytes) -> None:
    """Refuse what is no hash: a byte moved from one to its neighbour would leave what is hashed over both the same."""
    if any(len(each) != HASH_BYTES for each in hashes):
        raise ProofRejected("a proof is made of hashes of 32 bytes")


def subtrees(start: int, end: int) -> Iterator[tuple[int, int]]:
    """Give the complete subtrees, as (level, index), that the leaves from ``start`` to ``end`` are made of.

    ``start`` is a multiple of the largest of them, as it is wherever a proof splits a tree.
    """
    while start < end:
        level = (end - start).bit_length() - 1
        yield level, start >> level
        start += 1 << level


def _range_root(start: int, end: int, fetch: Fetch) -> bytes:
    return _folded([fetch(level, index) for level, index in subtrees(start, end)])


def _path(index: int, start: int, end: int, fetch: Fetch) -> Iterator[bytes]:
    if end - start == 1:
        return
    split = start + _left_size(end - start)
    if index < split:
        yield from _path(index, start, split, fetch)
        yield _range_root(split, end, fetch)
    else:
        yield from _path(index, split, end, fetch)
        yield _range_root(start, split, fetch)


def _prefix(old: int, start: int, end: int, fetch: Fetch, *, complete: bool) -> Iterator[bytes]:
    if old == end:
        if not complete:
            yield _range_root(start, end, fetch)
        return
    split = start + _left_size(end - start)
    if old <= split:
        yield from _prefix(old, start, split, fetch, complete=complete)
        yield _range_root(split, end, fetch)
    else:
        yield from _prefix(old, split, end, fetch, complete=False)
        yield _range_root(start, split, fetch)


def _left_size(size: int) -> int:
    """Give the largest power of two below ``size``."""
    return 1 << (size - 1).bit_length() - 1


def _folded(hashes: Iterable[bytes]) -> bytes:
    """Join the roots of neighbouring complete subtrees, given from the largest to the smallest."""
    found: bytes | None = None
    for each in reversed(list(hashes)):
        found = each if found is None else node_hash(each, found)
    return EMPTY_ROOT if found is None else found

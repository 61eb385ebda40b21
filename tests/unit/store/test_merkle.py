"""The tree agrees with the RFC's published vectors, its definitions, and another implementation; no edit passes."""

from collections.abc import Callable, Sequence

import pymerkle
import pytest
from hypothesis import given
from hypothesis import strategies as st

from store import merkle
from tests.unit.store import trees

VECTOR = [
    merkle.leaf_hash(bytes.fromhex(leaf))
    for leaf in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
ROOTS = (
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)
INCLUSION = {
    (0, 1): [],
    (0, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (5, 8): [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 3): ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"],
    (1, 5): [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}
CONSISTENCY = {
    (1, 1): [],
    (1, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (6, 8): [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 5): [
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
    (6, 7): [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "b08693ec2e721597130641e8211e7eedccb4c26413963eee6c1e2ed16ffb1a5f",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
}
BORDERS = [511, 512, 513, 767, 1024, 1100]


def rooted(leaves: Sequence[bytes]) -> list[bytes]:
    """Give the roots of all sizes up to that of the leaves."""
    frontier = merkle.Frontier()
    roots = [frontier.root()]
    for leaf in leaves:
        frontier.append(leaf)
        roots.append(frontier.root())
    return roots


def test_roots_are_those_of_the_published_vectors() -> None:
    """The eight leaves that implementations of RFC 6962 share have the known roots, whichever way they are made."""
    assert [root.hex() for root in rooted(VECTOR)] == list(ROOTS)
    fetch = trees.fetch(VECTOR)
    assert [merkle.root(size, fetch).hex() for size in range(9)] == list(ROOTS)


@pytest.mark.parametrize(("index", "size"), INCLUSION)
def test_inclusion_proofs_are_those_of_the_published_vectors(index: int, size: int) -> None:
    """The proof is the known one, hash by hash, and verifies."""
    proof = merkle.inclusion_proof(index, size, trees.fetch(VECTOR))
    assert [each.hex() for each in proof] == INCLUSION[index, size]
    merkle.verify_inclusion(index, size, VECTOR[index], proof, bytes.fromhex(ROOTS[size]))


@pytest.mark.parametrize(("old", "new"), CONSISTENCY)
def test_consistency_proofs_are_those_of_the_published_vectors(old: int, new: int) -> None:
    """The proof is the known one, hash by hash, and verifies."""
    proof = merkle.consistency_proof(old, new, trees.fetch(VECTOR))
    assert [each.hex() for each in proof] == CONSISTENCY[old, new]
    merkle.verify_consistency(old, new, bytes.fromhex(ROOTS[old]), bytes.fromhex(ROOTS[new]), proof)


@pytest.mark.heavy
def test_every_leaf_is_proved_in_trees_of_up_to_1100_leaves(full: bool) -> None:
    """Every inclusion proof of every leaf verifies against the root that appending gives."""
    leaves = trees.leaves(1100)
    roots, fetch = rooted(leaves), trees.fetch(leaves)
    for size in range(1, 1101) if full else [*range(1, 301), *BORDERS]:
        for index in range(size):
            proof = merkle.inclusion_proof(index, size, fetch)
            merkle.verify_inclusion(index, size, leaves[index], proof, roots[size])


@pytest.mark.heavy
def test_every_tree_is_proved_a_prefix_of_every_later_one(full: bool) -> None:
    """Consistency proofs of all pairs of sizes verify against the roots that appending gives."""
    leaves = trees.leaves(1100)
    roots, fetch = rooted(leaves), trees.fetch(leaves)
    sizes = [*range(600 if full else 260), *BORDERS]
    for new in sizes:
        for old in sizes:
            if old <= new:
                proof = merkle.consistency_proof(old, new, fetch)
                merkle.verify_consistency(old, new, roots[old], roots[new], proof)


def test_proofs_and_roots_are_as_the_rfc_defines_them() -> None:
    """MTH, PATH and PROOF, transcribed from RFC 6962, give the same hashes for every tree of up to 40 leaves."""
    leaves = trees.leaves(40)
    fetch = trees.fetch(leaves)
    for size in range(1, 41):
        assert merkle.root(size, fetch) == trees.mth(leaves[:size])
        for number in range(size):
            assert merkle.inclusion_proof(number, size, fetch) == trees.path(number, leaves[:size])
            assert merkle.consistency_proof(number + 1, size, fetch) == trees.proof(number + 1, leaves[:size])


def test_another_implementation_agrees_on_roots_and_accepts_the_proofs() -> None:
    """pymerkle, which owes nothing to this program, gives the same roots and proofs."""
    entries = [b"entry %d" % number for number in range(600)]
    oracle = pymerkle.InmemoryTree(algorithm="sha256")
    for entry in entries:
        oracle.append_entry(entry)
    fetch = trees.fetch([merkle.leaf_hash(entry) for entry in entries])
    for size in (1, 2, 3, 7, 8, 255, 256, 257, 511, 512, 513, 600):
        assert merkle.root(size, fetch) == oracle.get_root(size)
        for index in {0, size // 3, size - 1}:
            theirs = oracle.prove_inclusion(index + 1, size)
            leaf_and_proof = [merkle.leaf_hash(entries[index]), *merkle.inclusion_proof(index, size, fetch)]
            assert [bytes(each) for each in theirs.path] == leaf_and_proof
            merkle.verify_consistency(
                index + 1, size, oracle.get_root(index + 1), oracle.get_root(size),
                merkle.consistency_proof(index + 1, size, fetch),
            )  # fmt: skip


Edit = Callable[[list[bytes]], list[bytes]]


@st.composite
def edits(draw: st.DrawFn) -> Edit:
    """Give a change of a list of hashes: a bit flipped, one left out, one more, two swapped, a byte moved."""
    where, bit = draw(st.integers(0, 12)), draw(st.integers(0, 255))
    kind = draw(st.sampled_from(["flip", "drop", "insert", "swap", "move", "shorten"]))

    def edit(hashes: list[bytes]) -> list[bytes]:
        n = where % max(1, len(hashes))
        match kind:
            case "flip" if hashes:
                flipped = (int.from_bytes(hashes[n]) ^ 1 << bit).to_bytes(32)
                return [*hashes[:n], flipped, *hashes[n + 1 :]]
            case "drop" if hashes:
                return [*hashes[:n], *hashes[n + 1 :]]
            case "swap" if len(hashes) > 1:
                m = (n + 1) % len(hashes)
                swapped = list(hashes)
                swapped[n], swapped[m] = swapped[m], swapped[n]
                return swapped
            case "move" if len(hashes) > 1 and n + 1 < len(hashes):
                both = hashes[n] + hashes[n + 1]
                return [*hashes[:n], both[:31], both[31:], *hashes[n + 2 :]]
            case "shorten" if hashes:
                return [*hashes[:n], hashes[n][:31], *hashes[n + 1 :]]
            case _:
                return [*hashes[:n], hashes[n] if hashes else bytes(32), *hashes[n:]]

    return edit


SIZED = st.integers(1, 300).flatmap(lambda size: st.tuples(st.integers(0, size - 1), st.just(size)))
LEAVES = trees.leaves(600)
FETCH = trees.fetch(LEAVES)


@given(SIZED, edits())
def test_edited_inclusion_proof_is_rejected(sized: tuple[int, int], edit: Edit) -> None:
    """A flipped bit, a hash too few or too many, two that changed places: none leads to the root."""
    index, size = sized
    proof = merkle.inclusion_proof(index, size, FETCH)
    with pytest.raises(merkle.ProofRejected):
        merkle.verify_inclusion(index, size, LEAVES[index], edit(proof), merkle.root(size, FETCH))


@given(SIZED, SIZED)
def test_inclusion_proof_proves_no_other_leaf_or_tree(sized: tuple[int, int], other: tuple[int, int]) -> None:
    """A proof is for one leaf at one index under one root."""
    (index, size), (other_index, other_size) = sized, other
    proof, root = merkle.inclusion_proof(index, size, FETCH), merkle.root(size, FETCH)
    if other_index != index:
        with pytest.raises(merkle.ProofRejected):
            merkle.verify_inclusion(index, size, LEAVES[other_index], proof, root)
    if other_size != size:
        with pytest.raises(merkle.ProofRejected):
            merkle.verify_inclusion(index, size, LEAVES[index], proof, merkle.root(other_size, FETCH))


@given(SIZED)
def test_inclusion_proof_proves_nothing_of_a_tree_of_another_height(sized: tuple[int, int]) -> None:
    """A root that is said to be over twice or half as many leaves is reached too soon, or too late."""
    index, size = sized
    proof, root = merkle.inclusion_proof(index, size, FETCH), merkle.root(size, FETCH)
    for other in (2 * size, size // 2):
        with pytest.raises(merkle.ProofRejected):
            merkle.verify_inclusion(index, other, LEAVES[index], proof, root)


@given(SIZED)
def test_consistency_proof_proves_nothing_of_a_tree_of_another_height(sized: tuple[int, int]) -> None:
    """The newer tree is said to be twice as large: the proof that led to its root is too short then."""
    old, new = sized[0] + 1, sized[1] + 1
    if old < new:
        proof = merkle.consistency_proof(old, new, FETCH)
        with pytest.raises(merkle.ProofRejected):
            merkle.verify_consistency(old, 2 * new, merkle.root(old, FETCH), merkle.root(new, FETCH), proof)


@pytest.mark.parametrize("moved", [1, 31])
def test_byte_that_moved_to_its_neighbour_is_found(moved: int) -> None:
    """What is hashed over two neighbours has no seam: what is shorter or longer than a hash is none."""
    left, right = LEAVES[:2]
    root, shorter, longer = merkle.node_hash(left, right), left[:-moved], left[-moved:] + right
    assert merkle.node_hash(shorter, longer) == root
    with pytest.raises(merkle.ProofRejected):
        merkle.verify_inclusion(0, 2, shorter, [longer], root)
    with pytest.raises(merkle.ProofRejected):
        merkle.verify_consistency(1, 2, shorter, root, [longer])


@given(SIZED, edits())
def test_edited_consistency_proof_is_rejected(sized: tuple[int, int], edit: Edit) -> None:
    """A flipped bit, a hash too few or too many, two that changed places: none leads to both roots."""
    old, new = sized[0] + 1, sized[1] + 1
    if old < new:
        proof, roots = merkle.consistency_proof(old, new, FETCH), [merkle.root(size, FETCH) for size in (old, new)]
        with pytest.raises(merkle.ProofRejected):
            merkle.verify_consistency(old, new, roots[0], roots[1], edit(proof))


@given(SIZED, st.integers(0, 255))
def test_consistency_with_another_root_is_rejected(sized: tuple[int, int], bit: int) -> None:
    """One other bit in either root, and the trees are no longer one log."""
    old, new = sized
    proof, roots = merkle.consistency_proof(old, new, FETCH), [merkle.root(size, FETCH) for size in (old, new)]
    for side in (0, 1):
        flipped = list(roots)
        flipped[side] = (int.from_bytes(roots[side]) ^ 1 << bit).to_bytes(32)
        if not (old == 0 and side == 1):  # every tree has the empty one as its prefix
            with pytest.raises(merkle.ProofRejected):
                merkle.verify_consistency(old, new, flipped[0], flipped[1], proof)


@given(st.integers(-2, 20), st.integers(-2, 20), st.lists(st.binary(max_size=40), max_size=8), st.binary(max_size=40))
def test_verifying_anything_raises_nothing_else(a: int, b: int, proof: list[bytes], root: bytes) -> None:
    """Whatever is said to be a proof is accepted or rejected: never an error of another kind."""
    for verify in (
        lambda: merkle.verify_inclusion(a, b, root, proof, root),
        lambda: merkle.verify_consistency(a, b, root, root, proof),
    ):
        try:
            verify()
        except merkle.ProofRejected:
            continue


@pytest.mark.parametrize(("index", "size"), [(0, 0), (1, 1), (-1, 1), (5, 3)])
def test_leaf_that_a_tree_has_not_is_neither_proved_nor_believed(index: int, size: int) -> None:
    """There is no proof for it, and none is accepted."""
    with pytest.raises(merkle.ProofRejected):
        merkle.inclusion_proof(index, size, FETCH)
    with pytest.raises(merkle.ProofRejected):
        merkle.verify_inclusion(index, size, LEAVES[0], [], LEAVES[0])


@pytest.mark.parametrize(("old", "new"), [(2, 1), (-1, 3)])
def test_larger_tree_is_no_prefix(old: int, new: int) -> None:
    """A log never shrinks."""
    with pytest.raises(merkle.ProofRejected):
        merkle.consistency_proof(old, new, FETCH)
    with pytest.raises(merkle.ProofRejected):
        merkle.verify_consistency(old, new, LEAVES[0], LEAVES[0], [])

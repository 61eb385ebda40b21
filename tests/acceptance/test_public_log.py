"""A stranger who knows the C2SP specifications, and nothing of this program, checks a running log over HTTP."""

import base64
import hashlib
from collections.abc import Iterator
from pathlib import Path

import httpx
import nacl.signing
import pytest

from tests.acceptance import server
from tests.acceptance.home import until
from tests.conftest import Database

EVENTS = 300


class Stranger:
    """Reads checkpoint and tiles, and computes over them what RFC 6962 says; written from the specifications alone."""

    def __init__(self, client: httpx.Client, vkey: str) -> None:
        self.client = client
        self.name, self.key_id, self.key = vkey.split("+", 2)
        self.fetched: dict[str, bytes] = {}

    def checkpoint(self) -> tuple[int, bytes]:
        """Fetch the checkpoint, see that the log signed it, and give its size and root."""
        answer = self.client.get("/checkpoint")
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
        text, _, signatures = answer.content.rpartition(b"\n\n")
        origin, size, root = text.decode().split("\n")
        dash, name, signature = signatures.decode().split("\n")[0].split(" ")
        raw, key = base64.b64decode(signature), base64.b64decode(self.key)
        assert (dash, name, origin, raw[:4].hex(), key[0]) == ("—", self.name, self.name, self.key_id, 1)
        assert raw[:4] == hashlib.sha256(self.name.encode() + b"\n" + key).digest()[:4]
        nacl.signing.VerifyKey(key[1:]).verify(text + b"\n", raw[4:])
        return int(size), base64.b64decode(root)

    def tile(self, level: int, number: int, size: int) -> list[bytes]:
        """Fetch a tile of a tree of that size, its partial form where it is not full."""
        width = min(256, size // 256**level - 256 * number)
        path = f"/tile/{level}/{number:03}" + ("" if width == 256 else f".p/{width}")
        if path not in self.fetched:
            answer = self.client.get(path)
            assert (answer.status_code, answer.headers["content-type"]) == (200, "application/octet-stream")
            assert len(answer.content) == 32 * width
            self.fetched[path] = answer.content
        content = self.fetched[path]
        return [content[start : start + 32] for start in range(0, len(content), 32)]

    def leaves(self, size: int) -> list[bytes]:
        """Give all leaf hashes."""
        return [each for number in range((size + 255) // 256) for each in self.tile(0, number, size)]


def mth(hashes: list[bytes]) -> bytes:
    """Compute a tree's root, as RFC 6962, 2.1 defines it."""
    if len(hashes) == 1:
        return hashes[0]
    k = 1 << (len(hashes) - 1).bit_length() - 1
    return hashlib.sha256(b"\x01" + mth(hashes[:k]) + mth(hashes[k:])).digest()


def path(m: int, hashes: list[bytes]) -> Iterator[bytes]:
    """Compute an inclusion proof, as RFC 6962, 2.1.1 defines it."""
    if len(hashes) > 1:
        k = 1 << (len(hashes) - 1).bit_length() - 1
        yield from path(m, hashes[:k]) if m < k else path(m - k, hashes[k:])
        yield mth(hashes[k:]) if m < k else mth(hashes[:k])


def led_to(leaf: bytes, index: int, size: int, proof: list[bytes]) -> bytes:
    """Follow an inclusion proof to a root, as RFC 9162, 2.1.3.2 says."""
    fn, sn, r = index, size - 1, leaf
    for p in proof:
        assert sn
        if fn & 1 or fn == sn:
            r = hashlib.sha256(b"\x01" + p + r).digest()
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            r = hashlib.sha256(b"\x01" + r + p).digest()
        fn, sn = fn >> 1, sn >> 1
    assert not sn
    return r


@pytest.mark.heavy
def test_stranger_checks_the_running_log(database: Database, tmp_path: Path) -> None:
    """The root under the checkpoint follows from the tiles, and the proof of a leaf leads to it.

    A later checkpoint is consistent with the first: the leaves that were there are there still.
    """
    with server.serving(database, tmp_path) as site:
        posted = [(site, server.webhook(number)) for number in range(EVENTS)]
        assert server.post_all(posted) == [200] * EVENTS
        with server.working(database, tmp_path):
            until((tmp_path / "keys" / "checkpoint.vkey").exists)
            stranger = Stranger(site.client, (tmp_path / "keys" / "checkpoint.vkey").read_text().strip())
            until(lambda: site.client.get("/checkpoint").status_code == 200 and stranger.checkpoint()[0] >= EVENTS)
            size, root = stranger.checkpoint()
            leaves = stranger.leaves(size)
            assert mth(leaves) == root
            assert stranger.tile(1, 0, size) == [mth(leaves[:256])]
            for index in (0, 200, 255, 256, size - 1):
                assert led_to(leaves[index], index, size, list(path(index, leaves))) == root

            assert site.post(server.webhook(EVENTS)).status_code == 200
        later = Stranger(site.client, (tmp_path / "keys" / "checkpoint.vkey").read_text().strip())
        new_size, new_root = later.checkpoint()
        assert new_size > size
        assert later.leaves(new_size)[:size] == leaves
        assert mth(later.leaves(new_size)) == new_root

"""The tree over the rows, held against the stored tiles and every head that somebody vouches for."""

from collections import deque
from collections.abc import Sequence

from store import tiles
from store.errors import TreeIncomplete
from store.findings import Findings
from store.heads import Head
from store.rows import Row
from store.stored_tiles import StoredTiles
from store.tiles import Builder, Tile


class TreeAudit:
    """Grows the tree as rows come by, tile by tile. ``since`` is where it begins: with a tile.

    Where rows are missing, the stored tile stands in for them, if there is one, so that what comes after them can still
    be proven; where there is none, later heads cannot be compared, which ``not_compared`` counts.
    """

    def __init__(self, stored: StoredTiles, heads: Sequence[Head], start: int, findings: Findings) -> None:
        self._stored = stored
        self._findings = findings
        self._sealed = max((head.claimed.size for head in heads if head.kept_at is None), default=0)
        self._tree = self._resumed(start // tiles.WIDTH * tiles.WIDTH)
        self.since = self._tree.size
        self._heads = deque(head for head in heads if head.claimed.size >= self.since)
        # The sizes up to which a head was found right: any, and one kept elsewhere. Who has the log's key can make all
        # others agree with anything.
        self._agreed = self._kept_agreed = self.since
        self._broken = False
        self.not_compared = 0
        self._compare_heads()

    def look(self, batch: Sequence[Row]) -> None:
        """Add some rows, all of one tile."""
        index = batch[0].position // tiles.WIDTH
        while not self._broken and self._tree.size < index * tiles.WIDTH:
            self._add(self._tree.size // tiles.WIDTH, [])
        if not self._broken:
            self._add(index, batch)

    def hear(self, earlier: Sequence[Row]) -> None:
        """Compare rows from before ``since`` with the stored tiles that the tree was taken up from."""
        for row in earlier:
            stored = self._stored.find(0, row.position // tiles.WIDTH)
            if stored is not None:
                self._compare_rows([row], tiles.split(stored))

    def finish(self, size: int) -> None:
        """Say what is beyond the rows. ``size`` is one more than the last position there is."""
        for head in self._heads:
            if head.claimed.size > size:
                self._findings.add("log_behind_checkpoint", size, f"the log ends here, and {head.name} does not")
            else:
                self.not_compared += 1
        for level, last in self._stored.last():
            if 0 <= level < tiles.LEVELS and _end(Tile(level, last)) > size:
                self._findings.add("position_missing", size, f"tile {level}/{last} is over more rows than there are")

    def _resumed(self, size: int) -> Builder:
        try:
            return Builder.resumed(size, self._stored.partial)
        except TreeIncomplete as error:
            self._findings.add("tile_missing", 0, f"the tree before position {size} cannot be taken up: {error}", size)
            return Builder()

    def _add(self, index: int, batch: Sequence[Row]) -> None:
        begins = index * tiles.WIDTH
        hashes = [row.leaf_hash for number, row in enumerate(batch, begins) if row.position == number]
        if len(hashes) < tiles.WIDTH and (stored := self._stored.find(0, index)) is not None:
            hashes = tiles.split(stored)
            self._compare_rows(batch, hashes)
        while self._tree.size < begins + len(hashes):
            self._extend(hashes[self._tree.size - begins :])
        self._broken = len(hashes) < tiles.WIDTH

    def _extend(self, hashes: list[bytes]) -> None:
        """Add hashes up to the size of the next head, or all."""
        count = self._heads[0].claimed.size - self._tree.size if self._heads else len(hashes)
        for tile, made in self._tree.extend(hashes[:count]):
            self._compare_tile(tile, made)
        self._compare_heads()

    def _compare_rows(self, batch: Sequence[Row], stored: Sequence[bytes]) -> None:
        """Compare what is left of a tile's rows with the stored tile."""
        for row in batch:
            if row.leaf_hash != stored[row.position % tiles.WIDTH]:
                self._findings.add("tile_wrong", row.position, "its leaf hash is not the one in the stored tile")

    def _compare_tile(self, tile: Tile, made: bytes) -> None:
        stored = self._stored.find(tile.level, tile.index)
        name = f"tile {tile.level}/{tile.index}"
        covers = tiles.WIDTH**tile.level  # positions under each of its hashes
        begins = tile.index * tiles.WIDTH * covers
        if stored is None:
            if _end(tile) <= self._sealed:
                self._findings.add("tile_missing", begins, f"{name} is not stored, and a checkpoint is over it")
        elif stored != made:
            number = _first_difference(tiles.split(stored), tiles.split(made))
            position = begins + number * covers
            detail = f"hash {number} of {name} is not the one that the rows make"
            self._findings.add("tile_wrong", position, detail, position + covers - 1)

    def _compare_heads(self) -> None:
        """Compare the heads of the size that the tree has now."""
        while self._heads and self._heads[0].claimed.size == self._tree.size:
            head = self._heads.popleft()
            kept = head.kept_at is not None
            if head.claimed.root == self._tree.root():
                self._agreed = self._tree.size
                self._kept_agreed = self._tree.size if kept else self._kept_agreed
                continue
            begins = self._kept_agreed if kept else self._agreed
            last = max(begins, self._tree.size - 1)
            detail = f"{head.name} has another root than the rows make: something from here to {last} differs"
            self._findings.add("checkpoint_root_wrong", begins, detail, last)


def _end(tile: Tile) -> int:
    """Give the first position that a full tile is not over."""
    return (tile.index + 1) * tiles.WIDTH ** (tile.level + 1)


def _first_difference(one: Sequence[bytes], other: Sequence[bytes]) -> int:
    """Give the index of the first hash that differs."""
    return next((n for n, (left, right) in enumerate(zip(one, other, strict=False)) if left != right), len(other))

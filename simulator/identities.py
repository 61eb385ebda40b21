"""Names for things that do not exist: ids, numbers and tokens in the forms Telnyx gives them.

Everything comes from one seeded generator, so the same seed names the same things. Telephone numbers
are of the range kept for fiction (555-01xx); no id belongs to anybody.
"""

import base64
import random
from dataclasses import dataclass
from uuid import UUID

from calls.instants import Instant

_UUID1_EPOCH_TICKS = 0x01B21DD213814000  # 100 ns between 1582-10-15 and 1970-01-01 (RFC 9562)
_NODE = 0x02420A000000  # Telnyx's leg ids carry the MAC address of a container: 02:42:0a:..
_AREAS = (202, 212, 303, 312, 404, 415, 503, 512, 602, 617, 702, 713, 801, 813, 907, 916)


@dataclass(frozen=True, slots=True)
class Identities:
    """Maker of ids. Each call of a method gives a new one."""

    rng: random.Random

    def event_id(self) -> str:
        """Give a version 4 UUID, as every real event id is."""
        return str(UUID(int=self.rng.getrandbits(128), version=4))

    def leg_id(self, at: Instant) -> str:
        """Give a version 1 UUID made at ``at``, as leg and session ids are in practice."""
        ticks = at * 10 + self.rng.randrange(10) + _UUID1_EPOCH_TICKS
        clock, node = self.rng.getrandbits(14), _NODE | self.rng.getrandbits(24)
        low, middle, high = ticks & 0xFFFFFFFF, (ticks >> 32) & 0xFFFF, (ticks >> 48) & 0xFFF
        return f"{low:08x}-{middle:04x}-{0x1000 | high:04x}-{0x8000 | clock:04x}-{node:012x}"

    def control_id(self) -> str:
        """Give a ``v3:`` token of 54 base64url characters."""
        return "v3:" + base64.urlsafe_b64encode(self.rng.randbytes(40)).decode().rstrip("=")

    def connection_id(self) -> str:
        """Give a 19-digit number as text: it does not fit the exact integers of a double."""
        return str(self.rng.randrange(1_200_000_000_000_000_000, 2_900_000_000_000_000_000))

    def number(self) -> str:
        """Give a fictional E.164 number."""
        return f"+1{self.rng.choice(_AREAS)}55501{self.rng.randrange(100):02d}"

    def token(self, size_bytes: int) -> str:
        """Give a random hexadecimal token."""
        return self.rng.randbytes(size_bytes).hex()

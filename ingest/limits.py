"""How often an address may be refused before it gets the shortest answer there is. Genuine deliveries never count.

A token bucket for each of the addresses seen last; the number of them is bounded, and so is the memory.
"""

from collections import OrderedDict
from collections.abc import Callable

BURST_DEFAULT = 1_000.0
"""Refusals of one address before the limit is felt: a wrong key's worth of a busy minute."""

PER_SECOND_DEFAULT = 100.0
"""Refusals of one address each second from then on."""

ADDRESSES_MAX_DEFAULT = 10_000
"""Addresses remembered, about 2 MB; whoever was refused longest ago is forgotten first, and starts afresh."""


class Refusals:
    """Counts refusals by address. Not for several threads."""

    def __init__(
        self,
        clock: Callable[[], float],
        *,
        burst: float = BURST_DEFAULT,
        per_second: float = PER_SECOND_DEFAULT,
        addresses_max: int = ADDRESSES_MAX_DEFAULT,
    ) -> None:
        """Take a clock, in seconds; where it goes back, nothing is given for that time."""
        self._clock = clock
        self._burst = burst
        self._per_second = per_second
        self._addresses_max = addresses_max
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()  # address -> refusals left, and when

    def __len__(self) -> int:
        """Give how many addresses are remembered."""
        return len(self._left)

    def take_if_left(self, address: str) -> bool:
        """Count a refusal of the address; False: it has been refused too often of late."""
        now = self._clock()
        left, since = self._left.pop(address, (self._burst, now))
        left = min(self._burst, left + max(0.0, now - since) * self._per_second)
        allowed = left >= 1
        self._left[address] = (left - allowed, now)
        if len(self._left) > self._addresses_max:
            self._left.popitem(last=False)
        return allowed

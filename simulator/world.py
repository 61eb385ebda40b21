"""The world the calls of a simulation share: who takes them, and which recorder is down when."""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from calls.instants import Instant
from simulator.identities import Identities
from simulator.secrets import SecretMaker

_Card = TypeVar("_Card")


@dataclass(frozen=True, slots=True)
class Connection:
    """A Call Control application: its id and the two URLs that its webhooks go to."""

    connection_id: str
    url: str
    failover_url: str


@dataclass(frozen=True, slots=True)
class Breakdown:
    """A recorder that refuses every new session of one connection in [started_at, ended_at)."""

    connection_id: str
    started_at: Instant
    ended_at: Instant


@dataclass(frozen=True, slots=True)
class World:
    """What all calls of a simulation share."""

    rng: random.Random
    name: Identities
    secret: SecretMaker
    connections: tuple[Connection, ...]
    breakdown: Breakdown
    dealt: Counter[str] = field(default_factory=Counter[str])

    def deal(self, deck: str, cards: Sequence[_Card]) -> _Card:
        """Give the next card of a deck, round and round: each comes up, however rarely cards are dealt."""
        self.dealt[deck] += 1
        return cards[(self.dealt[deck] - 1) % len(cards)]

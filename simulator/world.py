"""The world the calls of a simulation share: who takes them, and which recorder is down when."""

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from calls.instants import Instant
from calls.policy import DEFAULT, Judgement
from simulator.identities import Identities
from simulator.secrets import SecretMaker

_Card = TypeVar("_Card")


@dataclass(frozen=True, slots=True)
class Connection:
    """A Call Control application: its id, what it is for, and the two URLs that its webhooks go to."""

    connection_id: str
    name: str
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
    """What all calls of a simulation share. ``judgements`` are by the name of a connection."""

    rng: random.Random
    name: Identities
    secret: SecretMaker
    connections: tuple[Connection, ...]
    breakdown: Breakdown
    judgements: Mapping[str, Judgement] = field(default_factory=dict[str, Judgement])
    dealt: Counter[str] = field(default_factory=Counter[str])

    def judgement(self, connection: Connection) -> Judgement:
        """Give what calls of a connection are judged by, the built-in policy where nothing else was agreed."""
        return self.judgements.get(connection.name, Judgement(DEFAULT))

    def deal(self, deck: str, cards: Sequence[_Card]) -> _Card:
        """Give the next card of a deck, round and round: each comes up, however rarely cards are dealt."""
        self.dealt[deck] += 1
        return cards[(self.dealt[deck] - 1) % len(cards)]

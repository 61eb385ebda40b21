"""Policies as applied: which version was in force when a leg was answered, and which of its rules is the leg's.

A version is in force from its instant on, until a later version is. Before the first one, the built-in policy is.
"""

from dataclasses import dataclass
from typing import Protocol

from calls.instants import Instant
from calls.policy import DEFAULT, About, Judgement, Policy


@dataclass(frozen=True, slots=True)
class Numbers:
    """Telephone numbers, and prefixes of any."""

    exact: frozenset[str] = frozenset()
    prefixes: tuple[str, ...] = ()

    def have(self, number: str | None) -> bool:
        """Tell whether a number is one of these; one that is not known is not."""
        return number is not None and (number in self.exact or number.startswith(self.prefixes))

    def contain(self, others: "Numbers") -> bool:
        """Tell whether every number that the others have is one of these."""
        return all(map(self.have, others.exact)) and all(each.startswith(self.prefixes) for each in others.prefixes)


@dataclass(frozen=True, slots=True)
class Rule:
    """Whom a rule is about, and the policy for them. None: whatever it is; of several values one is enough."""

    name: str
    policy: Policy
    connections: frozenset[str] | None = None
    directions: frozenset[str] | None = None
    numbers: Numbers | None = None
    tags: frozenset[str] | None = None

    def matches(self, about: About) -> bool:
        """Tell whether a leg is one that the rule is about."""
        return (
            (self.connections is None or about.connection_id in self.connections)
            and (self.directions is None or about.direction in self.directions)
            and (self.numbers is None or self.numbers.have(our_number(about)))
            and (self.tags is None or not self.tags.isdisjoint(about.tags))
        )

    def covers(self, other: "Rule") -> bool:
        """Tell whether every leg that the other rule is about is one of this rule's."""
        return (
            _contains(self.connections, other.connections)
            and _contains(self.directions, other.directions)
            and (self.numbers is None or (other.numbers is not None and self.numbers.contain(other.numbers)))
            and _contains(self.tags, other.tags)
        )


@dataclass(frozen=True, slots=True)
class Content:
    """What a policy says: its rules, of which the first that matches counts, and what holds where none does."""

    rules: tuple[Rule, ...] = ()
    defaults: Policy = DEFAULT

    def judge(self, about: About, version: int) -> Judgement:
        """Give the policy of a leg by this version."""
        for rule in self.rules:
            if rule.matches(about):
                return Judgement(rule.policy, version, rule.name)
        return Judgement(self.defaults, version)

    @property
    def late_grace_us(self) -> int:
        """The longest late grace of any rule."""
        return max([self.defaults.late_grace_us, *(rule.policy.late_grace_us for rule in self.rules)])


@dataclass(frozen=True, slots=True)
class Version:
    """A policy as it was applied: the ``version``-th of the log, in force from an instant on."""

    version: int
    in_force_at: Instant
    content: Content


@dataclass(frozen=True, slots=True)
class Policies:
    """Every version that was applied, in that order. Judges each leg by the one in force at its instant."""

    versions: tuple[Version, ...] = ()
    built_in: Policy = DEFAULT

    def judge(self, about: About, at: Instant | None) -> Judgement:
        """Give the policy of a leg; ``at`` is when it was answered, else when it was first heard of."""
        version = None if at is None else self.in_force(at)
        return Judgement(self.built_in) if version is None else version.content.judge(about, version.version)

    def in_force(self, at: Instant) -> Version | None:
        """Give the version in force at an instant: the last applied of those that were by then; None: built in."""
        return next((each for each in reversed(self.versions) if each.in_force_at <= at), None)

    def named(self, version: int, rule: str | None) -> Policy | None:
        """Give the policy that a verdict names; None: there is no such version, or it has no such rule."""
        if version == 0:
            return self.built_in
        content = next((each.content for each in self.versions if each.version == version), None)
        if content is None or rule is None:
            return content and content.defaults
        return next((each.policy for each in content.rules if each.name == rule), None)

    @property
    def late_grace_us(self) -> int:
        """The longest late grace of any version: nothing later than that after its hangup concerns a leg."""
        return max([self.built_in.late_grace_us, *(each.content.late_grace_us for each in self.versions)])


@dataclass(frozen=True, slots=True)
class AsIf:
    """Judges every leg as if a version had been in force all along."""

    version: Version

    def judge(self, about: About, at: Instant | None) -> Judgement:  # noqa: ARG002  at any time
        """Give the policy of a leg by that version."""
        return self.version.content.judge(about, self.version.version)


class Parties(Protocol):
    """Whatever says who is called by whom."""

    @property
    def direction(self) -> str | None:
        """Incoming or outgoing."""
        ...

    @property
    def from_number(self) -> str | None:
        """Who calls."""
        ...

    @property
    def to_number(self) -> str | None:
        """Who is called."""
        ...


def our_number(about: Parties) -> str | None:
    """Give the number on our side: called where the leg is incoming, calling where it is outgoing, else unknown."""
    match about.direction:
        case "incoming":
            return about.to_number
        case "outgoing":
            return about.from_number
        case _:
            return None


def _contains(these: frozenset[str] | None, those: frozenset[str] | None) -> bool:
    return these is None or (those is not None and those <= these)

"""The least-cost readings against every reading there is, enumerated from the text of domain 8b."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calls import proof, readings
from calls.readings import Mark, Part

MARKS = {"S": Mark.START, "P": Mark.STOP, "F": Mark.FAILURE, "A": Mark.ATTEMPT}

texts = st.text("SPFA", max_size=9)


@dataclass(frozen=True)
class Naive:
    """One reading: what was made of each event, and which sessions it leaves."""

    roles: tuple[tuple[str, int | None], ...] = ()
    opened: tuple[int, ...] = ()
    failed: tuple[int, ...] = ()
    counts: tuple[int, ...] = ()
    cost: int = 0

    def then(self, role: str, session: int | None = None, cost: int = 0, **changed: tuple[int, ...]) -> "Naive":
        """Read one more event."""
        read = replace(self, roles=(*self.roles, (role, session)), cost=self.cost + cost, **changed)
        return replace(read, counts=(*self.counts, len(read.opened)))

    @property
    def preference(self) -> tuple[object, ...]:
        """Order readings: fewest repeats, earliest failures as ends, then as ``readings.first`` says."""
        names = [role for role, _ in self.roles]
        failures = [role != "fails" for role in names if role in ("fails", "attempt")]
        return names.count("repeats"), failures, [role == "closes" for role in names]


def choices(read: Naive, mark: Mark) -> Iterator[Naive]:
    """Yield every way to read one more event."""
    index = len(read.roles)
    if mark is Mark.START:
        yield read.then("opens", opened=(*read.opened, index))
        if read.opened:
            yield read.then("repeats", cost=1)
    if mark is Mark.STOP:
        if read.opened:
            yield read.then("stops", read.opened[0], opened=read.opened[1:])
        if read.failed:
            yield read.then("closes", read.failed[0], failed=read.failed[1:])
        if not read.opened and not read.failed:
            yield read.then("startless", cost=1)
    if mark in (Mark.FAILURE, Mark.ATTEMPT):
        yield read.then("attempt")
    if mark is Mark.FAILURE and read.opened:
        oldest = read.opened[0]
        yield read.then("fails", oldest, opened=read.opened[1:], failed=(*read.failed, oldest))


def least(text: str, *, over: bool) -> list[Naive]:
    """Give all readings of least cost, the preferred one first."""
    found = [Naive()]
    for mark in marks(text):
        found = [longer for read in found for longer in choices(read, mark)]
    if over:
        found = [replace(read, cost=read.cost + len(read.opened)) for read in found]
    cost = min(read.cost for read in found)
    return sorted((read for read in found if read.cost == cost), key=lambda read: read.preference)


def marks(text: str) -> list[Mark]:
    """Write ``S`` for a start, ``P`` for a stop, ``F`` for a failure, ``A`` for one of an attempt."""
    return [MARKS[letter] for letter in text]


def role(part: Part) -> tuple[str, int | None]:
    """Name a part as the enumeration does."""
    if part.mark is Mark.START:
        return "opens", None
    if part.ends is not None:
        return ("stops" if part.mark is Mark.STOP else "fails"), part.ends
    if part.closes is not None:
        return "closes", part.closes
    return ("startless" if part.mark is Mark.STOP else "attempt"), None


def check(text: str, *, over: bool) -> None:
    """Compare both results of the module with the enumeration."""
    best = least(text, over=over)
    parts = readings.first(marks(text))
    assert [role(part) for part in parts] == list(best[0].roles)
    assert tuple(part.open for part in parts) == best[0].counts
    bounds = readings.bounds(marks(text), over=over)
    columns = list(zip(*(read.counts for read in best), strict=True))
    assert bounds.fewest == tuple(map(min, columns))
    assert bounds.most == tuple(map(max, columns))
    spared = {
        i
        for read in best
        for i, (name, _) in enumerate(read.roles)
        if text[i] in "PF" and name not in ("stops", "fails")
    }
    assert bounds.doubted == spared


@pytest.mark.parametrize("over", [True, False])
@pytest.mark.parametrize("length", range(6))
def test_readings_of_every_short_sequence(length: int, over: bool) -> None:
    """Every sequence of up to five events is read as the enumeration of its readings says."""
    for letters in product("SPFA", repeat=length):
        check("".join(letters), over=over)


@given(texts, st.booleans())
def test_readings_of_longer_sequences(text: str, over: bool) -> None:
    """Longer sequences are read as the enumeration of their readings says."""
    check(text, over=over)


@given(texts)
def test_proof_when_over(text: str) -> None:
    """Time is graded by what all least-cost readings say of it, event by event."""
    best = least(text, over=True)
    parts = readings.first(marks(text))
    times = range(10, 10 * len(text) + 10, 10)
    hangup_at = 10 * len(text) + 10
    proven = proof.prove(times, parts, readings.bounds(marks(text), over=True), 0, hangup_at)
    for after in range(-1, len(text)):
        assert grade_at(10 * after + 15, proven) == expected_grade(after, best), after


def grade_at(instant: int, proven: proof.Proof) -> str | None:
    """Name the grade of an instant; the spans of a proof never overlap."""
    names = [n for n in proof.Proof.__slots__ if any(a <= instant < b for a, b in getattr(proven, n))]
    assert len(names) <= 1
    return names[0] if names else None


def expected_grade(after: int, best: Sequence[Naive]) -> str | None:
    """Grade the time after an event (-1: before the first) from the enumerated readings."""
    held = [bool(read.counts[after]) if after >= 0 else False for read in best]
    startless = any(read.roles[after + 1] == ("startless", None) for read in best if after + 1 < len(read.roles))
    if held and all(held):
        ended = all({"stops", "fails"} & {name for name, _ in read.roles[after + 1 :]} for read in best)
        return "confirmed" if ended else "inferred"
    return "unknown" if any(held) or startless else None


@pytest.mark.parametrize("text", ["S" * 900 + "F" * 900 + "P" * 900, "SFSPPSSFP" * 300, "S" * 2700])
def test_readings_of_thousands_of_events(text: str) -> None:
    """A leg with thousands of events, with more readings than atoms, is bounded all the same."""
    parts = readings.first(marks(text))
    bounds = readings.bounds(marks(text), over=True)
    assert all(a <= part.open <= b for a, part, b in zip(bounds.fewest, parts, bounds.most, strict=True))

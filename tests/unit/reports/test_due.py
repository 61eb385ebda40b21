"""Due times over whole years and both changes of the clock, against an oracle that walks through every minute."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from reports import calendar, due
from reports.errors import PeriodRefused
from reports.schedule_errors import ScheduleRefused

YEAR = datetime(2026, 1, 1, tzinfo=UTC)
EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 what a clock on a wall shows
MINUTE = timedelta(minutes=1)
MINUTES = 365 * 24 * 60
ZONES = ("Europe/London", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "America/Havana")
"""An hour at one, at two, half an hour at two, never, and an hour at midnight."""


@dataclass(frozen=True, slots=True)
class Fields:
    """What an expression says: which numbers of each field, and how it is written."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    text: str

    def name(self, local: datetime) -> bool:
        """Tell whether a clock that shows this shows a named time."""
        if local.minute not in self.minutes or local.hour not in self.hours or local.month not in self.months:
            return False
        _, _, day, _, weekday = self.text.split()
        on_day, on_weekday = local.day in self.days, local.isoweekday() % 7 in self.weekdays
        both = day.startswith("*") or weekday.startswith("*")
        return on_day and on_weekday if both else on_day or on_weekday


def field(first: int, last: int) -> st.SearchStrategy[tuple[str, frozenset[int]]]:
    """Give a field of an expression in one of its forms, with what it means."""
    everything = range(first, last + 1)

    def stepped(step: int) -> tuple[str, frozenset[int]]:
        return f"*/{step}", frozenset(everything[::step])

    def spanned(ends: Sequence[int]) -> tuple[str, frozenset[int]]:
        return f"{min(ends)}-{max(ends)}", frozenset(range(min(ends), max(ends) + 1))

    def listed(numbers: Iterable[int]) -> tuple[str, frozenset[int]]:
        return ",".join(map(str, numbers)), frozenset(numbers)

    number = st.integers(first, last)
    return st.one_of(
        st.just(("*", frozenset(everything))),
        st.integers(2, 30).map(stepped),
        st.lists(number, min_size=2, max_size=2).map(spanned),
        st.lists(number, min_size=1, max_size=3, unique=True).map(listed),
    )


@st.composite
def expressions(draw: st.DrawFn) -> Fields:
    """Give an expression, and what it means."""
    parts = [draw(field(*bounds)) for bounds in ((0, 59), (0, 23), (1, 31), (1, 12), (0, 6))]
    return Fields(*(numbers for _, numbers in parts), text=" ".join(text for text, _ in parts))


def written(text: str, minutes: Iterable[int], hours: Iterable[int]) -> Fields:
    """Give an expression of every day."""
    every_day = (frozenset(range(1, 32)), frozenset(range(1, 13)), frozenset(range(7)))
    return Fields(frozenset(minutes), frozenset(hours), *every_day, text)


@cache
def shown(zone: str) -> list[int]:
    """Give what the zone's clock shows in each minute of the year, as minutes since 1970."""
    clock = calendar.zone_of(zone)
    quarters = ((YEAR + n * MINUTE).astimezone(clock).replace(tzinfo=None) for n in range(0, MINUTES + 1, 15))
    # No zone's clock is moved but on a quarter of an hour.
    return [(wall - EPOCH) // MINUTE + n for wall in quarters for n in range(15)]


@cache
def changes(zone: str) -> list[int]:
    """Give the minutes of the year in which the zone's clock is moved; where it never is, one at all."""
    clock = shown(zone)
    return [n for n in range(1, MINUTES) if clock[n] - clock[n - 1] != 1] or [MINUTES // 2]


def expected(fields: Fields, zone: str, first: int, last: int) -> list[datetime]:
    """Walk through the minutes after ``first`` to ``last`` of the year.

    In real time the clock shows a named time; of fixed times, it comes to one that it never showed before, or past it.
    """
    clock, found = shown(zone), list[datetime]()
    of_day = {hour * 60 + minute for hour in fields.hours for minute in fields.minutes}
    furthest = max(clock[max(0, first - 1_500) : first + 1])
    for number in range(first + 1, last + 1):
        new = range(furthest + 1, clock[number] + 1)
        walls = [clock[number]] if len(fields.hours) == 24 else new
        if any(wall % 1_440 in of_day and fields.name(EPOCH + wall * MINUTE) for wall in walls):
            found.append(YEAR + number * MINUTE)
        furthest = max(furthest, clock[number])
    return found


def at(first: int, last: int) -> tuple[datetime, datetime]:
    """Give two minutes of the year."""
    return YEAR + first * MINUTE, YEAR + last * MINUTE


@pytest.mark.parametrize("zone", ZONES[:4])
@pytest.mark.parametrize(
    "fields",
    [
        written("0 6 * * *", {0}, {6}),
        written("*/30 1 * * *", {0, 30}, {1}),
        written("5 */2 * * *", {5}, range(0, 24, 2)),
        written("*/30 * * * *", {0, 30}, range(24)),
    ],
    ids=lambda fields: fields.text,
)
def test_year_of_due_times_is_what_the_clock_on_the_wall_says(zone: str, fields: Fields) -> None:
    """Both changes of the clock are in it: no named time is left out, and none is due twice."""
    assert list(due.due(fields.text, zone, *at(0, MINUTES))) == expected(fields, zone, 0, MINUTES)


@st.composite
def windows(draw: st.DrawFn) -> tuple[str, int, int]:
    """Give a zone, and some days of the year, most often those around a change of the clock."""
    zone = draw(st.sampled_from(ZONES))
    first = draw(st.sampled_from(changes(zone))) - draw(st.integers(0, 2_000))
    return zone, first, first + draw(st.integers(0, 4_000))


@settings(deadline=None)
@given(expressions(), windows())
@example(written("*/30 1 * * *", {0, 30}, {1}), ("Europe/London", 125_000, 129_000))
@example(written("30 1 * * *", {30}, {1}), ("Australia/Lord_Howe", 130_000, 139_000))
def test_any_expression_is_due_when_the_clock_on_the_wall_says(fields: Fields, window: tuple[str, int, int]) -> None:
    """Whatever the fields, the zone and the window."""
    zone, first, last = window
    assert list(due.due(fields.text, zone, *at(first, last))) == expected(fields, zone, first, last)


@settings(deadline=None)
@given(expressions(), windows(), st.data())
def test_windows_add_up(fields: Fields, window: tuple[str, int, int], data: st.DataObject) -> None:
    """However a time is cut into looks, the same due times come out, each once."""
    zone, first, last = window
    cut = data.draw(st.integers(first, last))
    whole = list(due.due(fields.text, zone, *at(first, last)))
    parts = [*due.due(fields.text, zone, *at(first, cut)), *due.due(fields.text, zone, *at(cut, last))]
    assert parts == whole
    assert due.upcoming(fields.text, zone, YEAR + first * MINUTE) == (whole[0] if whole else None) or not whole


def local(text: str, zone: str, day: str, until: str) -> list[str]:
    """Give the due times between two dates of UTC, as the zone's clock shows them."""
    clock = calendar.zone_of(zone)
    bounds = (datetime.fromisoformat(f"{each}T00:00:00+00:00") - timedelta(microseconds=1) for each in (day, until))
    return [f"{each.astimezone(clock):%d %H:%M %z}" for each in due.due(text, zone, *bounds)]


def test_times_that_the_clock_skips_are_due_at_the_skip() -> None:
    """Both of them at once are one moment, and so one due time."""
    assert local("*/30 1 * * *", "Europe/London", "2026-03-29", "2026-03-30") == ["29 02:00 +0100"]
    assert local("15 2 * * *", "Australia/Lord_Howe", "2026-10-03", "2026-10-04") == ["04 02:30 +1100"]


def test_times_that_the_clock_repeats_are_due_once() -> None:
    """The first time it shows them."""
    assert local("*/30 1 * * *", "Europe/London", "2026-10-25", "2026-10-26") == ["25 01:00 +0100", "25 01:30 +0100"]


def test_every_hour_is_real_time() -> None:
    """An hourly schedule is due 25 times on the longest day and 23 on the shortest, an hour apart."""
    assert len(local("0 * * * *", "Europe/London", "2026-10-25", "2026-10-26")) == 24  # of UTC
    assert local("30 * 25 10 *", "Europe/London", "2026-10-24", "2026-10-26")[:3] == [
        "25 00:30 +0100",
        "25 01:30 +0100",
        "25 01:30 +0000",
    ]
    assert len(local("30 * 25 10 *", "Europe/London", "2026-10-24", "2026-10-27")) == 25
    assert len(local("30 * 29 3 *", "Europe/London", "2026-03-28", "2026-03-31")) == 23


def test_day_that_a_zone_left_out_is_due_when_it_was() -> None:
    """Samoa went from the 29th of December 2011 to the 31st."""
    assert local("0 9 30 12 *", "Pacific/Apia", "2011-12-29", "2012-01-01") == ["31 00:00 +1400"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("61 * * * *", "minute '61'"),
        ("* 24 * * *", "hour '24'"),
        ("0 6 32 * *", "day-of-month '32'"),
        ("0 6 * 13 *", "month '13'"),
        ("0 6 * * 8", "day-of-week '8'"),
        ("0 6 * * MONDAY", "day-of-week 'MONDAY'"),
        ("0 0 31 2 *", "day-of-month '31'"),
        ("0 6 * *", "five fields"),
        ("0 0 6 * * *", "five fields"),
        ("", "five fields"),
        ("@daily", "five fields"),
        ("1" * 5_000 + " 6 * * *", "five fields"),
        ("*/0 6 * * *", "minute"),
        ("٣ 6 * * *", "minute"),
    ],
)
def test_expression_that_cannot_be_read_is_refused_with_its_field(text: str, says: str) -> None:
    """Which of the five is wrong, and what was found there."""
    with pytest.raises(ScheduleRefused, match=says) as refused:
        due.check(text, "UTC")
    assert refused.value.reason == "cron_refused"
    assert len(str(refused.value)) < 400


def test_zone_of_no_tzdata_is_refused() -> None:
    """Also one that a path could reach."""
    for zone in ("Mars/Olympus", "../tzdata", "europe/london", ""):
        with pytest.raises(PeriodRefused, match="tzdata"):
            due.check("0 6 * * *", zone)


@settings(deadline=None)
@given(st.text("0123456789*/,-#LWMONJAN ", max_size=20))
def test_any_text_is_read_or_refused(text: str) -> None:
    """Nothing else comes out of it, and nothing takes long."""
    try:
        due.check(text, "Europe/London")
    except ScheduleRefused as refused:
        assert refused.reason == "cron_refused"  # noqa: PT017 either is right

"""A period is exactly the instants at which a zone's clocks show its dates."""

import shutil
import zoneinfo
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from importlib import resources
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reports import calendar
from reports.errors import PeriodRefused

HOUR_US = 3_600_000_000


def hours(from_: str, to: str, zone: str) -> dict[str, float]:
    """Give the length of each local day of a period."""
    lengths: Counter[str] = Counter()
    for segment in calendar.segments(calendar.period(from_, to, zone)):
        lengths[segment.day] += segment.end_us - segment.start_us
    return {day: length / HOUR_US for day, length in lengths.items()}


@pytest.mark.parametrize(
    ("day", "zone", "expected"),
    [
        ("2026-03-29", "Europe/London", 23),
        ("2026-06-15", "Europe/London", 24),
        ("2026-10-25", "Europe/London", 25),
        ("2026-04-05", "Australia/Lord_Howe", 24.5),
        ("2026-10-04", "Australia/Lord_Howe", 23.5),
        ("2026-03-28", "Asia/Beirut", 24),
        ("2026-10-25", "UTC", 24),
    ],
)
def test_day_length_follows_the_clock(day: str, zone: str, expected: float) -> None:
    """A local day has as many hours as its clocks show."""
    following = (date.fromisoformat(day) + timedelta(1)).isoformat()
    assert hours(day, following, zone) == {day: expected}


def test_day_that_a_zone_skipped_has_no_time() -> None:
    """Samoa went from the 29th to the 31st of December 2011: the 30th is asked for, and has no instant."""
    period = calendar.period("2011-12-29", "2012-01-01", "Pacific/Apia")
    assert period.days == ("2011-12-29", "2011-12-30", "2011-12-31")
    assert hours("2011-12-29", "2012-01-01", "Pacific/Apia") == {"2011-12-29": 24, "2011-12-31": 24}


def test_day_that_the_clock_left_and_came_back_to_has_two_pieces() -> None:
    """St John's went back at 00:01, so that the 7th began, was the 6th again, and began once more."""
    period = calendar.period("2010-11-07", "2010-11-08", "America/St_Johns")
    first, second, *rest = calendar.segments(period)
    assert first.end_us - first.start_us == 60_000_000
    assert second.start_us - first.end_us == HOUR_US - 60_000_000
    assert {segment.day for segment in rest} <= {"2010-11-07"}
    assert hours("2010-11-07", "2010-11-08", "America/St_Johns") == {"2010-11-07": 24 + 1 / 60}


zones = st.sampled_from(
    [
        "UTC",
        "Europe/London",
        "America/St_Johns",
        "Australia/Lord_Howe",
        "Asia/Kathmandu",
        "Pacific/Apia",
        "Africa/Cairo",
    ]
)


@settings(max_examples=60, deadline=None)
@given(
    zone=zones,
    first=st.dates(date(1975, 1, 1), date(2040, 1, 1)),
    days=st.integers(1, 20),
    probes=st.lists(st.integers(-2 * 24 * 3600, 22 * 24 * 3600), min_size=20, max_size=20),
)
def test_every_instant_is_in_the_segment_of_its_local_date(
    zone: str, first: date, days: int, probes: list[int]
) -> None:
    """An instant is in one segment, of its own local and UTC day, if that day is asked for; else in none."""
    period = calendar.period(first, first + timedelta(days), zone)
    segments = calendar.segments(period)
    clock = zoneinfo.ZoneInfo(zone)
    assert list(segments) == sorted(segments, key=lambda segment: segment.start_us)
    for probe in probes:
        moment = datetime(first.year, first.month, first.day, tzinfo=UTC) + timedelta(seconds=probe)
        at_us = round(moment.timestamp()) * 1_000_000
        found = [segment for segment in segments if segment.start_us <= at_us < segment.end_us]
        day = moment.astimezone(clock).date().isoformat()
        expected = [(day, at_us // 86_400_000_000)] if day in period.days else []
        assert [(segment.day, segment.utc_day) for segment in found] == expected


@pytest.mark.parametrize(
    ("from_", "to", "zone", "reason"),
    [
        ("2026-10-01", "2026-10-02", "Europe/Atlantis", "zone_unknown"),
        ("2026-10-01", "2026-10-02", "../../etc/passwd", "zone_unknown"),
        ("2026-10-01", "2026-10-02", "", "zone_unknown"),
        ("2026-10-02", "2026-10-02", "UTC", "period_empty"),
        ("2026-10-03", "2026-10-02", "UTC", "period_empty"),
        ("20261001", "2026-10-02", "UTC", "date_refused"),
        ("2026-10-01", "tomorrow", "UTC", "date_refused"),
        ("2026-10-01T00:00:00", "2026-10-02", "UTC", "date_refused"),
        ("0001-01-01", "2026-10-02", "UTC", "period_out_of_range"),
        ("2026-10-01", "9999-12-31", "UTC", "period_out_of_range"),
    ],
)
def test_period_is_refused_with_a_reason(from_: str, to: str, zone: str, reason: str) -> None:
    """What names no period raises the one error, with a stable reason."""
    with pytest.raises(PeriodRefused) as refused:
        calendar.period(from_, to, zone)
    assert refused.value.reason == reason


def test_datetime_is_no_date() -> None:
    """A datetime, which says more than a date, is refused rather than cut."""
    with pytest.raises(PeriodRefused, match="is no date"):
        calendar.period(datetime(2026, 10, 1, tzinfo=UTC), "2026-10-02", "UTC")


def test_zones_of_the_machine_are_not_read(tmp_path: Path) -> None:
    """A machine whose own tables call Tokyo's time London's changes nothing."""
    (tmp_path / "Europe").mkdir()
    tokyo = resources.files("tzdata.zoneinfo").joinpath("Asia", "Tokyo")
    with resources.as_file(tokyo) as source:
        shutil.copy(source, tmp_path / "Europe" / "London")
    calendar._load.cache_clear()
    zoneinfo.ZoneInfo.clear_cache()
    zoneinfo.reset_tzpath(to=[tmp_path])
    try:
        assert hours("2026-10-25", "2026-10-26", "Europe/London") == {"2026-10-25": 25}
    finally:
        zoneinfo.reset_tzpath()
        zoneinfo.ZoneInfo.clear_cache()


@pytest.mark.parametrize(
    ("day", "zone", "some", "count"),
    [
        ("2026-10-25", "Europe/London", ["00 +01:00", "01 +01:00", "01 +00:00", "02 +00:00"], 25),
        ("2026-03-29", "Europe/London", ["00 +00:00", "02 +01:00"], 23),
        ("2026-04-05", "Australia/Lord_Howe", ["01 +11:00", "01 +10:30", "02 +10:30"], 25),
        ("2026-06-15", "Asia/Kathmandu", ["00 +05:45", "23 +05:45"], 24),
        ("2026-06-15", "America/New_York", ["00 -04:00", "23 -04:00"], 24),
    ],
)
def test_hours_are_those_the_clock_shows(day: str, zone: str, some: list[str], count: int) -> None:
    """An hour that is shown twice is two, by its offset; one that is skipped is none; no instant is lost."""
    period = calendar.period(day, (date.fromisoformat(day) + timedelta(1)).isoformat(), zone)
    hourly, whole = calendar.segments(period, hourly=True), calendar.segments(period)
    shown = list(dict.fromkeys(segment.hour for segment in hourly))
    assert len(shown) == count
    assert [hour for hour in shown if hour in some] == some
    for segment in hourly:
        for at_us in (segment.start_us, segment.end_us - 1):
            text = calendar.local_text(at_us, zone)
            assert segment.hour == f"{text[11:13]} {text[26:]}"
    assert [hourly[0].start_us, hourly[-1].end_us] == [whole[0].start_us, whole[-1].end_us]
    assert sum(each.end_us - each.start_us for each in hourly) == sum(each.end_us - each.start_us for each in whole)

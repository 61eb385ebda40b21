"""Outages: time in which nobody could take webhooks, put on the record as events of the log itself."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from store import system
from store.entry import Entry
from store.heartbeats import Gap

_FIRST = datetime(1900, 1, 1, tzinfo=UTC)


class OutageRefused(ValueError):
    """What was declared is no stretch of time, or lies in the future."""

    reason = "outage_refused"


def found(gaps: Sequence[Gap], now_us: int) -> list[Entry]:
    """Give the events of gaps between heartbeats; the same gap always makes the same event."""
    return [
        system.event(system.OUTAGE, _period(gap), now_us, occurred_us=system.instant_us(gap.begins)) for gap in gaps
    ]


def declared(gap: Gap, reason: str, now: datetime) -> Entry:
    """Give the event of an outage that an operator knows of. Raises OutageRefused."""
    if not reason.strip():
        raise OutageRefused("say why with --reason: it goes on the record")
    if gap.ends - gap.begins <= timedelta(0):
        raise OutageRefused(f"an outage ends after it begins: {gap.begins.isoformat()} to {gap.ends.isoformat()}")
    if gap.begins < _FIRST:
        raise OutageRefused("an outage begins in the calendar: --from lies before it")
    if gap.ends > now:
        raise OutageRefused("an outage is declared when it is over: --to lies in the future")
    said = {**_period(gap), "reason": reason.strip()}
    return system.event(system.OUTAGE, said, system.instant_us(now), occurred_us=system.instant_us(gap.begins))


def _period(gap: Gap) -> dict[str, str]:
    begins, ends = (system.instant(system.instant_us(each)) for each in (gap.begins, gap.ends))
    return {"from": begins, "to": ends}

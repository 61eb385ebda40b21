"""The worker's last word on commands: that one was confirmed, expired, or found at Telnyx is an event of the log too.

What a command came to is worked out by the fold; here it is put on record, signed with the gateway's key. Telnyx is
asked about those in doubt, less and less often, until they expire. Saying it twice changes nothing: equal words make
equal events.
"""

import threading
import time
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

import httpx
import psycopg
import structlog

from callaudit import alarms, beside, worker
from callaudit.settings import Settings
from gateway import call_events, record, signing
from gateway.call_events import NotListed
from gateway.record import Recorder, Settlement
from projections import project, unsettled
from projections.unsettled import Unsettled
from store import append, read
from store.errors import StoreError

_log: structlog.stdlib.BoundLogger = structlog.get_logger()

LOOK_SECONDS = 1.0
RETRY_SECONDS = 1.0
ASK_SECONDS = 2.0
ASK_SECONDS_MAX = 300.0
"""Telnyx is asked about a leg at first after so long, then after twice as long each time, up to this."""


@dataclass(slots=True)
class Inquiry:
    """Asks Telnyx what it has of the legs whose commands are in doubt. ``due_at`` is by leg, with the wait after it."""

    client: httpx.Client
    base_url: str
    due_at: dict[str, tuple[float, float]] = field(default_factory=dict[str, tuple[float, float]])
    alarm: alarms.Alarm = field(
        default_factory=lambda: alarms.Alarm("call_events_unanswered", "call_events_answered_again")
    )

    def settle(self, doubtful: Sequence[Unsettled]) -> list[Settlement]:
        """Give what Telnyx's own list settles, up to the first leg of which it does not say anything now."""
        legs = [(leg_id or "", list(rows)) for leg_id, rows in groupby(doubtful, lambda each: each.call_leg_id)]
        self.due_at = {leg_id: self.due_at[leg_id] for leg_id, _ in legs if leg_id in self.due_at}
        settled: list[Settlement] = []
        for leg_id, rows in legs:
            if not self._is_due(leg_id):
                continue
            try:
                settled += self._of_leg(leg_id, rows)
            except NotListed as error:
                self.alarm.on(error.reason, "Telnyx does not say which commands it has")
                break
            self.alarm.off()
        return settled

    def _is_due(self, leg_id: str) -> bool:
        now = time.monotonic()
        at, wait = self.due_at.setdefault(leg_id, (now + ASK_SECONDS, 2 * ASK_SECONDS))
        if now < at:
            return False
        self.due_at[leg_id] = now + wait, min(2 * wait, ASK_SECONDS_MAX)
        return True

    def _of_leg(self, leg_id: str, rows: Iterable[Unsettled]) -> list[Settlement]:
        listed = call_events.fetch(self.client, self.base_url, leg_id)
        settled: list[Settlement] = []
        for action, its in groupby(rows, lambda each: each.action):
            asked = list(its)
            found = call_events.found([each.sent_at or 0 for each in asked], action or "", listed)
            settled += [_taken(asked[at], found[at]) for at in found if asked[at].state == "in_doubt"]
        return settled


@contextmanager
def running(url: str, stop: threading.Event, settings: Settings) -> Generator[None]:
    """Put on record what commands came to during the block."""
    with beside.running("commands", stop, _run, url, stop, settings):
        yield


def _run(url: str, stop: threading.Event, settings: Settings) -> None:
    """Look until told to stop, whatever happens; a database that is away is waited for."""
    alarm = alarms.Alarm("commands_not_settled", "commands_settled_again")
    with httpx.Client(timeout=call_events.ANSWER_SECONDS, trust_env=False) as client:
        inquiry = _inquiry(client, settings)
        while not stop.is_set():
            try:
                with append.connect(url, application_name="callaudit commands") as connection:
                    settler = Settler(connection, settings.home, inquiry)
                    while not stop.is_set():
                        settler.step()
                        alarm.off()
                        stop.wait(LOOK_SECONDS)
            except psycopg.Error as error:
                alarm.on("database_lost", f"{type(error).__name__} {error.sqlstate}")
            except (StoreError, signing.GatewayKeyUnusable) as error:
                alarm.on(error.reason, str(error))
            except Exception as error:  # noqa: BLE001  a thread that ends would be a silence
                alarm.on("settling_failed", type(error).__name__)
            stop.wait(RETRY_SECONDS)


def _inquiry(client: httpx.Client, settings: Settings) -> Inquiry | None:
    if not settings.telnyx_api_key:
        return None
    client.headers["authorization"] = f"Bearer {settings.telnyx_api_key}"
    return Inquiry(client, settings.telnyx_base_url)


class Settler:
    """Looks for commands that came to their end, over one connection."""

    def __init__(self, connection: psycopg.Connection[Any], home: Path, inquiry: Inquiry | None) -> None:
        """Take a connection that may append, and the home that has the gateway's key; None: Telnyx cannot be asked."""
        self._connection = connection
        self._appender = append.Appender(connection)
        self._home = home
        self._inquiry = inquiry
        self._recorder: Recorder | None = None
        self._seen = read.head(connection)

    def step(self) -> int:
        """Put on record what is not, once the tables show all that was there at the last look; says how much it was.

        A table that lags behind the log would have it said again.
        """
        if project.projected_position(self._connection) <= self._seen:
            return 0
        self._seen = read.head(self._connection)
        settled = [_ended(each) for each in unsettled.ended(self._connection)]
        if self._inquiry is not None:
            settled += self._inquiry.settle(unsettled.doubtful(self._connection))
        if settled:
            self._record(settled)
        return len(settled)

    def _record(self, settled: Sequence[Settlement]) -> None:
        now = worker.now()
        entries = [self._opened(now).settled(each, now) for each in settled]
        failed = [each for each in self._appender.append(entries) if isinstance(each, StoreError)]
        self._seen = read.head(self._connection)
        if failed:
            raise failed[0]

    def _opened(self, now: int) -> Recorder:
        """Open the gateway's key once there is something to sign, and say whom to trust."""
        if self._recorder is None:
            signer = signing.opened(self._home)
            self._appender.append([signer.trusted_event(now)])
            self._recorder = Recorder(signer)
        return self._recorder


def _ended(row: Unsettled) -> Settlement:
    if row.state == "confirmed":
        return _settlement(row, record.CONFIRMED, row.confirmed_at, outcome=row.outcome)
    return _settlement(row, record.EXPIRED, row.expires_at, flags=list(row.flags))


def _taken(row: Unsettled, listed: call_events.Listed) -> Settlement:
    return _settlement(row, record.ACCEPTED, listed.at, by="call_events", listed_as=record.text(listed.name))


def _settlement(row: Unsettled, event_type: str, at: int | None, **said: Any) -> Settlement:
    return Settlement(
        event_type=event_type,
        command_id=row.command_id,
        call_control_id=row.call_control_id,
        action=row.action,
        at=at or 0,
        said=said,
    )

"""Runs of schedules over a real Postgres, with a clock of the test's: planned once, attempted, delivered once."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from reports import due, scheduled, schedules
from reports.errors import ReportRefused
from reports.schedule_errors import RunFailed, ScheduleRefused
from reports.scheduled import Means, Pace, Pinned, Produced, ScheduledRun
from reports.schedules import Schedule
from tests.acceptance.home import until
from tests.conftest import Database
from tests.integration.projections import journal

BEGAN = datetime(2026, 3, 27, 12, tzinfo=UTC)
DAY = timedelta(days=1)
PACE = Pace()
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


@dataclass
class World:
    """A clock, how far the log is, what was produced, and what goes wrong."""

    now: datetime = BEGAN
    position: int = 10
    produced: list[tuple[str, datetime, Pinned]] = field(default_factory=list)
    fails: Callable[[Schedule], Exception | None] = lambda _: None

    def produce(self, schedule: Schedule, due_at: datetime, pinned: Pinned) -> Produced:
        """Note what was asked for, and deliver or fail."""
        self.produced.append((schedule.schedule, due_at, pinned))
        failure = self.fails(schedule)
        if failure is not None:
            raise failure
        return Produced([f"/out/{due_at:%d}"], f"sha of {due_at:%d}", pinned.position)

    def means(self, pace: Pace = PACE) -> Means:
        """Give the means of this world."""
        return Means(lambda: self.now, lambda *_: Pinned(self.position, self.now), self.produce, pace)


def connect(database: Database) -> psycopg.Connection:
    """Connect as the worker."""
    return schedules.connect(database.as_part("worker"))


def asked(name: str = "daily", **other: object) -> schedules.Asked:
    """Give a schedule of each morning in London."""
    given = {
        "schedule": name,
        "report": "siprec_sessions",
        "cron": "30 1 * * *",
        "zone": "Europe/London",
        "period": "yesterday",
        "by": None,
        "formats": ["csv"],
        "destination": "/out",
    }
    return schedules.Asked(**{**given, **other})  # pyright: ignore[reportArgumentType]


def step(connection: psycopg.Connection, means: Means) -> list[ScheduledRun]:
    """Plan, and attempt all that waits."""
    assert [refusal for _, refusal in scheduled.plan(connection, means) if refusal] == []
    return list(iter(lambda: scheduled.attempt(connection, means), None))


def states(connection: psycopg.Connection, name: str | None = None) -> dict[str, int]:
    """Count the runs by state."""
    found = [run.state for run in scheduled.listed(connection, name, limit=100_000)]
    return {state: found.count(state) for state in set(found)}


def test_each_due_time_is_run_once_across_a_change_of_the_clock(database: Database) -> None:
    """Nothing before it was added; 01:30 on the night that skips it, at the skip; the day before as its period."""
    world = World()
    with connect(database) as worker:
        schedules.add(worker, asked(), world.now)
        assert step(worker, world.means()) == []
        for _ in range(4 * 24 * 4):
            world.now += timedelta(minutes=15)
            step(worker, world.means())
        runs = scheduled.listed(worker, limit=9)[::-1]
    assert [f"{run.due_at:%d %H:%M} {run.period_from:%d} {run.period_to:%d}" for run in runs] == [
        "28 01:30 27 28",
        "29 01:00 28 29",
        "30 00:30 29 30",
        "31 00:30 30 31",
    ]
    assert {(run.state, run.attempts, run.next_attempt_at, run.reason) for run in runs} == {
        ("delivered", 1, None, None)
    }
    assert [run.due_at for run in runs] == [due_at for _, due_at, _ in world.produced]
    assert runs[0].files == ["/out/28"]
    assert (runs[0].manifest_sha256, runs[0].log_position) == ("sha of 28", 10)


NIGHTLY = {"Europe/London": "30 1 * * *", "America/New_York": "30 2 * * *", "Australia/Lord_Howe": "15 2 * * *"}
"""Times that each zone's clock skips on one night of the year."""


def test_year_of_nights_is_delivered_each_once_in_three_zones(database: Database) -> None:
    """Both changes of the clock are in it, and weeks without a worker: every local date has its run."""
    world = World(now=datetime(2026, 1, 1, 12, tzinfo=UTC))
    with connect(database) as worker:
        for zone, cron in NIGHTLY.items():
            schedules.add(worker, asked(zone.partition("/")[2].lower(), cron=cron, zone=zone), world.now)
        while world.now < datetime(2027, 1, 1, 12, tzinfo=UTC):
            world.now += timedelta(days=7.5)
            step(worker, world.means())
        runs = scheduled.listed(worker, limit=10_000)
    assert {(run.state, run.attempts) for run in runs} == {("delivered", 1)}
    assert len(world.produced) == len(runs) == len({(run.schedule, run.due_at) for run in runs})
    for zone in NIGHTLY:
        nights = sorted(run.period_to for run in runs if run.schedule == zone.partition("/")[2].lower())
        assert nights == [nights[0] + timedelta(days=number) for number in range(len(nights))]
        assert len(nights) >= 365


@pytest.mark.parametrize("days", [39, 40, 41])
def test_missed_due_times_are_caught_up_once_each_some_of_them_at_a_time(database: Database, days: int) -> None:
    """After weeks without a worker every day is run, in its order, also where the last ones just fill a step."""
    world = World()
    with connect(database) as worker:
        schedules.add(worker, asked(), world.now)
        world.now += days * DAY
        steps = list(iter(lambda: step(worker, world.means(Pace(planned_max=5))), []))
        assert [len(ran) for ran in steps] == [5] * (days // 5) + [days % 5] * (days % 5 > 0)
        missed = list(due.due("30 1 * * *", "Europe/London", BEGAN, world.now))
        assert [run.due_at for ran in steps for run in ran] == missed
        assert [due_at for _, due_at, _ in world.produced] == missed
        assert len(missed) == days
        assert states(worker) == {"delivered": days}


def test_missed_due_times_that_have_no_row_yet_count_as_waiting(database: Database) -> None:
    """The first of them is late for whoever watches, and is what its schedule is due for next."""
    world = World()
    with connect(database) as worker:
        schedules.add(worker, asked(), world.now)
        world.now += 9 * DAY
        assert len(step(worker, world.means(Pace(planned_max=3)))) == 3
        (schedule,) = schedules.listed(worker)
        assert scheduled.look(worker).waiting_since == datetime(2026, 3, 31, 0, 30, tzinfo=UTC)
        assert schedule.next_due_at == datetime(2026, 3, 31, 0, 30, tzinfo=UTC)


def test_schedule_with_much_to_catch_up_lets_the_others_run_in_between(database: Database) -> None:
    """Another's run waits for as many of its runs as are planned at once, not for all of them."""
    world = World()
    with connect(database) as worker:
        schedules.add(worker, asked("often", cron="0 * * * *"), world.now)
        schedules.add(worker, asked("rarely", cron="0 12 5 4 *"), world.now)
        world.now += 10 * DAY
        ran = step(worker, world.means(Pace(planned_max=24)))
    assert [run.schedule for run in ran] == ["often"] * 24 + ["rarely"]


def test_failed_run_is_tried_again_later_and_pinned_to_its_first_attempt(database: Database) -> None:
    """Each wait is twice as long; what the log got meanwhile is not in it; the reason is there while it waits."""
    world = World(fails=lambda _: RunFailed("destination_unavailable", "the destination cannot be used"))
    pace = Pace(first_wait=timedelta(minutes=1), longest_wait=timedelta(minutes=5))
    with connect(database) as worker:
        schedules.add(worker, asked(), world.now)
        world.now = due_at = datetime(2026, 3, 28, 1, 30, tzinfo=UTC)
        waits = list[float]()
        for _ in range(5):
            (run,) = step(worker, world.means(pace))
            assert (run.state, run.reason) == ("failed", "destination_unavailable")
            assert run.next_attempt_at is not None
            waits.append((run.next_attempt_at - world.now) / timedelta(minutes=1))
            world.now = run.next_attempt_at - timedelta(microseconds=1)
            assert step(worker, world.means(pace)) == []
            world.now, world.position = run.next_attempt_at, world.position + 1
        assert waits == [1, 2, 4, 5, 5]
        world.fails = lambda _: None
        (run,) = step(worker, world.means(pace))
    assert (run.state, run.attempts, run.reason, run.detail, run.next_attempt_at) == ("delivered", 6, None, None, None)
    assert set(world.produced) == {("daily", due_at, Pinned(10, due_at))}


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (RunFailed("delivery_conflict", "another file"), "delivery_conflict"),
        (ReportRefused("no such breakdown"), "report_refused"),
        (psycopg.OperationalError("password=secret"), "database_lost"),
        (ZeroDivisionError("secret"), "report_failed"),
    ],
)
def test_run_is_given_up_with_its_reason_and_can_be_ordered_again(
    database: Database, failure: Exception, reason: str
) -> None:
    """After the last attempt nothing more happens by itself; what an exception says goes nowhere."""
    world, pace = World(fails=lambda _: failure), Pace(attempts_max=3)
    with connect(database) as worker:
        schedules.add(worker, asked(), world.now)
        world.now += DAY
        for _ in range(9):
            step(worker, world.means(pace))
            world.now += timedelta(hours=1)
        (run,) = scheduled.listed(worker)
        assert (run.state, run.attempts, run.reason) == ("given_up", 3, reason)
        assert "secret" not in str(run)
        assert len(world.produced) == 3
        world.fails = lambda _: None
        scheduled.order(worker, "daily", run.due_at, world.now)
        (again,) = step(worker, world.means(pace))
        assert (again.state, again.attempts, again.as_of) == ("delivered", 1, run.as_of)
        with pytest.raises(ScheduleRefused) as refused:
            scheduled.order(worker, "daily", run.due_at, world.now)
    assert refused.value.reason == "run_delivered"


def test_schedule_that_fails_keeps_no_other_waiting(database: Database) -> None:
    """While one waits for its next attempt, the other's due times are delivered."""
    failure = RunFailed("destination_unavailable", "away")
    world = World(fails=lambda schedule: failure if schedule.schedule == "bad" else None)
    with connect(database) as worker:
        for name in ("bad", "good"):
            schedules.add(worker, asked(name), world.now)
        for _ in range(3):
            world.now += DAY
            step(worker, world.means())
        assert states(worker, "good") == {"delivered": 3}
        assert states(worker, "bad") == {"failed": 3}


def test_zone_that_is_no_more_is_named_and_keeps_no_other_waiting(database: Database) -> None:
    """A later tzdata may not have it: the schedule stays due, in sight."""
    world = World()
    with connect(database) as worker:
        for name in ("bad", "good"):
            schedules.add(worker, asked(name), world.now)
        worker.execute("UPDATE reports.schedules SET zone = 'Mars/Olympus' WHERE schedule = 'bad'")
        world.now += DAY
        planned = [(name, refusal and refusal.reason) for name, refusal in scheduled.plan(worker, world.means())]
        assert planned == [("bad", "zone_unknown"), ("good", None)]
        assert states(worker) == {"due": 1}


def test_two_workers_run_a_due_time_once(database: Database) -> None:
    """While one is at it the other finds nothing to take, and neither does one that comes later."""
    began, go_on = threading.Event(), threading.Event()
    world = World()

    class Slow(World):
        def produce(self, schedule: Schedule, due_at: datetime, pinned: Pinned) -> Produced:
            began.set()
            assert go_on.wait(30)
            return world.produce(schedule, due_at, pinned)

    slow = Slow(now=BEGAN + DAY)
    with connect(database) as one, connect(database) as two:
        schedules.add(one, asked(), world.now)
        world.now += DAY
        thread = threading.Thread(target=step, args=(one, slow.means()))
        thread.start()
        assert began.wait(30)
        assert step(two, world.means()) == []
        assert states(two) == {"running": 1}
        with pytest.raises(ScheduleRefused) as refused:
            scheduled.order(two, "daily", datetime(2026, 3, 28, 1, 30, tzinfo=UTC), world.now)
        assert refused.value.reason == "run_in_progress"
        go_on.set()
        thread.join(30)
        assert step(two, world.means()) == []
        assert states(two) == {"delivered": 1}
    assert len(world.produced) == 1


def test_many_workers_at_once_run_each_due_time_once(database: Database) -> None:
    """Four of them, over three schedules with ten due times each."""
    world = World()
    with connect(database) as worker:
        for name in ("a", "b", "c"):
            schedules.add(worker, asked(name), world.now)
    world.now += 10 * DAY

    def work() -> None:
        with connect(database) as worker:
            for _ in range(3):
                step(worker, world.means())

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    with connect(database) as worker:
        step(worker, world.means())
        assert states(worker) == {"delivered": 30}
    assert len(world.produced) == len({(name, due_at) for name, due_at, _ in world.produced}) == 30


def test_run_whose_worker_died_is_taken_up_at_once_with_the_same_pin(database: Database) -> None:
    """The lock went with its connection; one that takes its worker with it each time is given up."""
    pace = Pace(attempts_max=3)

    class Dying(World):
        def produce(self, schedule: Schedule, due_at: datetime, pinned: Pinned) -> Produced:
            self.produced.append((schedule.schedule, due_at, pinned))
            raise SystemExit

    world = Dying()
    with connect(database) as worker:
        schedules.add(worker, asked(), world.now)
    world.now += DAY
    for attempts in (1, 2, 3):
        with connect(database) as worker, pytest.raises(SystemExit):
            step(worker, world.means(pace))
        world.position += 1
        with connect(database) as worker:
            (run,) = scheduled.listed(worker)
            assert (run.state, run.attempts) == ("running", attempts)
    assert {pinned for _, _, pinned in world.produced} == {Pinned(10, world.now)}
    with connect(database) as worker:
        (run,) = step(worker, world.means(pace))
    assert (run.state, run.reason) == ("given_up", "worker_died")


def test_paused_schedule_runs_nothing_and_later_not_what_it_missed(database: Database) -> None:
    """Neither what comes due nor what waits for another attempt; resumed, it is due from then on."""
    world = World(fails=lambda _: RunFailed("destination_unavailable", "away"))
    with connect(database) as worker:
        schedules.add(worker, asked(), world.now)
        world.now += DAY
        assert len(step(worker, world.means())) == 1
        schedules.pause(worker, "daily", world.now)
        world.now += 5 * DAY
        assert step(worker, world.means()) == []
        world.fails = lambda _: None
        assert schedules.resume(worker, "daily", world.now).next_due_at == datetime(2026, 4, 3, 0, 30, tzinfo=UTC)
        assert [run.due_at.day for run in step(worker, world.means())] == [28]
        world.now += DAY
        assert [run.due_at.day for run in step(worker, world.means())] == [3]


def test_removed_schedule_keeps_the_rows_of_its_runs(database: Database) -> None:
    """What waits is given up, and a new schedule of that name begins anew."""
    world = World()
    with connect(database) as worker:
        schedules.add(worker, asked(), world.now)
        world.now += DAY
        step(worker, world.means())
        world.fails = lambda _: RunFailed("destination_unavailable", "away")
        world.now += DAY
        step(worker, world.means())
        schedules.remove(worker, "daily", world.now)
        world.now += DAY
        assert step(worker, world.means()) == []
        assert [(run.state, run.reason) for run in scheduled.listed(worker, limit=9)] == [
            ("given_up", "schedule_removed"),
            ("delivered", None),
        ]
        for gone in (schedules.remove, schedules.pause, schedules.resume):
            with pytest.raises(ScheduleRefused, match="schedule list") as refused:
                gone(worker, "daily", world.now)
            assert refused.value.reason == "schedule_unknown"
        schedules.add(worker, asked(), world.now)
        assert step(worker, world.means()) == []


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        ({"schedule": "Daily Report"}, "schedule_name_refused"),
        ({"schedule": "../etc"}, "schedule_name_refused"),
        ({"schedule": "x" * 64}, "schedule_name_refused"),
        ({"report": "horoscope"}, "report_unknown"),
        ({"cron": "0 25 * * *"}, "cron_refused"),
        ({"zone": "Mars/Olympus"}, "zone_unknown"),
        ({"period": "today"}, "period_unknown"),
        ({"by": "zodiac"}, "grouping_unknown"),
        ({"report": "coverage_exceptions", "by": "day"}, "grouping_unknown"),
        ({"report": "recording_coverage", "by": "hour"}, "grouping_unknown"),
        ({"formats": ["csv", "wav"]}, "format_unknown"),
        ({"destination": "out"}, "destination_refused"),
    ],
)
def test_schedule_that_could_never_run_is_refused(database: Database, other: dict[str, object], reason: str) -> None:
    """Before anything is kept, in a sentence."""
    with connect(database) as worker:
        with pytest.raises(ReportRefused) as refused:
            schedules.add(worker, asked(**other), BEGAN)  # pyright: ignore[reportArgumentType]
        assert refused.value.reason == reason
        assert schedules.listed(worker) == []


def test_name_is_taken_once(database: Database) -> None:
    """A second schedule of that name is refused, and the first stays as it is."""
    with connect(database) as worker:
        first = schedules.add(worker, asked(), BEGAN)
        with pytest.raises(ScheduleRefused) as refused:
            schedules.add(worker, asked(cron="0 5 * * *"), BEGAN)
        assert refused.value.reason == "schedule_exists"
        assert schedules.listed(worker) == [first]


def test_standing_is_late_also_where_no_worker_plans(database: Database) -> None:
    """The server's role sees since when the oldest due time waits, what fails, and what was given up of late."""
    world, now = World(now=datetime.now(UTC)), datetime.now(UTC)
    world.fails = lambda _: RunFailed("destination_unavailable", "away")
    with connect(database) as worker, psycopg.connect(database.as_part("ingest"), autocommit=True) as ingest:
        assert scheduled.look(ingest) == scheduled.Standing(None, 0, 0)
        added = schedules.add(worker, asked(cron="* * * * *"), now)
        assert scheduled.look(ingest) == scheduled.Standing(added.next_due_at, 0, 0)
        world.now += timedelta(minutes=1)
        step(worker, world.means())
        assert scheduled.look(ingest) == scheduled.Standing(added.next_due_at, 1, 0)
        schedules.pause(worker, "daily", world.now)
        assert scheduled.look(ingest).waiting_since is None
        schedules.resume(worker, "daily", world.now)
        schedules.remove(worker, "daily", world.now)
        assert scheduled.look(ingest) == scheduled.Standing(None, 0, 1)


def test_run_that_cannot_be_pinned_fails_and_is_pinned_by_the_next_attempt(database: Database) -> None:
    """It never speaks of an empty log, and nothing is produced meanwhile."""
    world = World()
    with connect(database) as worker:
        schedules.add(worker, asked(), world.now)
        world.now += DAY
        refused = Means(lambda: world.now, lambda *_: _raise(ReportRefused("no such zone")), world.produce, PACE)
        list(scheduled.plan(worker, refused))
        run = scheduled.attempt(worker, refused)
        assert run is not None
        assert (run.state, run.as_of, run.log_position, world.produced) == ("failed", None, None, [])
        world.now += DAY
        run = scheduled.attempt(worker, world.means())
    assert run is not None
    assert (run.state, run.log_position, run.as_of) == ("delivered", 10, world.now)


def test_schedule_whose_pin_raises_keeps_no_other_from_running(database: Database) -> None:
    """Whatever it raises: the attempt is counted, and waits like any that failed."""
    world = World()

    def pin(schedule: Schedule, _: datetime) -> Pinned:
        return _raise(ValueError("secret")) if schedule.schedule == "a" else Pinned(1, world.now)

    with connect(database) as worker:
        schedules.add(worker, asked("a"), world.now)
        schedules.add(worker, asked("b"), world.now)
        world.now += DAY
        means = Means(lambda: world.now, pin, world.produce, PACE)
        list(scheduled.plan(worker, means))
        while scheduled.attempt(worker, means) is not None:
            pass
        runs = {run.schedule: run for run in scheduled.listed(worker, limit=9)}
    assert (runs["a"].state, runs["a"].reason, runs["a"].attempts) == ("failed", "report_failed", 1)
    assert "secret" not in str(runs["a"].detail)
    assert runs["b"].state == "delivered"


def test_schedule_removed_in_the_midst_of_an_attempt_leaves_nothing_to_try_again(database: Database) -> None:
    """Nor does a schedule that is added under its name take over what it had to do."""
    world = World()
    with connect(database) as worker, connect(database) as other:
        schedules.add(worker, asked(), world.now)
        world.now += DAY

        def fails(_: Schedule) -> Exception:
            schedules.remove(other, "daily", world.now)
            return RunFailed("destination_unavailable", "away")

        world.fails = fails
        list(scheduled.plan(worker, world.means()))
        run = scheduled.attempt(worker, world.means())
        assert run is not None
        assert (run.state, run.reason) == ("given_up", "schedule_removed")
        world.fails = lambda _: None
        world.now += DAY
        schedules.add(worker, asked(report="call_volume"), world.now)
        assert scheduled.attempt(worker, world.means()) is None
        with pytest.raises(ScheduleRefused, match="added later"):
            scheduled.order(worker, "daily", run.due_at, world.now)


def test_run_of_a_worker_that_dies_after_its_schedule_was_removed_is_given_up(database: Database) -> None:
    """Not while the worker is at it; nor does a schedule that is added under its name take it up."""
    world = World()
    with connect(database) as other:
        schedules.add(other, asked(), world.now)
        world.now += DAY

        def dies(_: Schedule) -> Exception:
            schedules.remove(other, "daily", world.now)
            assert step(other, world.means()) == []
            assert states(other) == {"running": 1}
            raise SystemExit

        world.fails = dies
        with connect(database) as worker, pytest.raises(SystemExit):
            step(worker, world.means())
        assert states(other) == {"running": 1}
        schedules.add(other, asked(), world.now)
        assert step(other, world.means()) == []
        (run,) = scheduled.listed(other)
        assert (run.state, run.reason, run.finished_at) == ("given_up", "schedule_removed", world.now)
        assert scheduled.look(other).waiting_since == datetime(2026, 3, 29, 1, tzinfo=UTC)


def test_removal_gives_up_also_the_rows_that_a_worker_was_making(database: Database) -> None:
    """It waits for the worker's transaction, and sees what came of it."""
    world = World()
    with connect(database) as planner, connect(database) as other:
        schedules.add(other, asked(), world.now)
        world.now += DAY
        with planner.transaction():
            list(scheduled.plan(planner, world.means()))
            removal = threading.Thread(target=schedules.remove, args=(other, "daily", world.now))
            removal.start()
            until(lambda: journal.value(database, WAITING) == 1)
        removal.join(30)
        assert states(planner) == {"given_up": 1}


def _raise(error: Exception) -> Pinned:
    raise error

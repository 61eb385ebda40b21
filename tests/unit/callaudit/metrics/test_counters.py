"""What is counted, and what a scrape of several processes gives."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from callaudit import refusals
from callaudit.metrics import counters, page
from callaudit.metrics.counters import Counters
from callaudit.metrics.directory import FILE_BYTES, Place
from gateway import record
from ingest import errors
from store.spool import Contents
from tests.unit.store import made

Start = Callable[[int], Counters]


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Start:
    """Let a process start in one of the places of a directory."""
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))

    def process(number: int) -> Counters:
        place = Place(tmp_path, number)
        place.prepare()
        return Counters(place)

    return process


def figures(counted: Counters) -> dict[str, float]:
    """Read what a scrape gives: the value of each series, named with its labels."""
    samples = (
        s for family in text_string_to_metric_families(page.render(counted, None).decode()) for s in family.samples
    )
    return {" ".join([s.name, *s.labels.values()]): s.value for s in samples}


def count_one_of_each(counted: Counters) -> None:
    """Let everything that is counted happen once."""
    counted.received()
    counted.appended(made.entry(0))
    counted.commanded(replace(made.entry(1), event_type="command.in_doubt"))
    counted.commanded(made.entry(2))
    counted.redelivered()
    counted.spooled()
    counted.drained(1)
    counted.batch(3, 0.004)
    counted.rejected("signature_mismatch")
    counted.connection_refused("connections_full")
    counted.spool_holds(Contents(rows=2, set_aside=1, bytes=100, oldest_us=None), alarm=True)


EACH_ONCE = {
    "callaudit_webhooks_received_total": 1,
    "callaudit_webhooks_appended_total": 1,
    "callaudit_commands_total in_doubt": 1,
    "callaudit_commands_total sent": 0,
    "callaudit_webhooks_redelivered_total": 1,
    "callaudit_webhooks_spooled_total": 1,
    "callaudit_webhooks_drained_total": 1,
    "callaudit_rejected_total signature_mismatch": 1,
    "callaudit_rejected_total body_too_large": 0,
    "callaudit_connections_refused_total connections_full": 1,
    "callaudit_batch_entries_count": 1,
    "callaudit_batch_entries_sum": 3,
    "callaudit_commit_seconds_bucket 0.005": 1,
    "callaudit_commit_seconds_bucket 0.0025": 0,
    "callaudit_spool_rows": 2,
    "callaudit_spool_set_aside": 1,
    "callaudit_spool_bytes": 100,
    "callaudit_spool_alarm": 1,
    "callaudit_log_reachable": 0,
}


def test_one_process_alone_counts_in_memory() -> None:
    """Where no directory can be had, each process shows its own figures."""
    counted = Counters(None)
    count_one_of_each(counted)
    assert EACH_ONCE.items() <= figures(counted).items()


def test_any_process_shows_the_sum_of_all(start: Start) -> None:
    """Whichever of them is scraped; an alarm is one alarm, however many of them raise it."""
    processes = [start(0), start(1)]
    for counted in processes:
        count_one_of_each(counted)
    doubled = {name: value * (1 if "alarm" in name else 2) for name, value in EACH_ONCE.items()}
    for counted in processes:
        assert doubled.items() <= figures(counted).items()


def test_restarted_process_goes_on_from_what_was_counted(start: Start) -> None:
    """Counters stay when a process dies and go on with the next one; what only the dead one held is gone at once."""
    witness, dying = start(0), start(1)
    count_one_of_each(dying)
    assert dying.place is not None
    dying.place.left()
    left = {name: 0 if "spool_" in name else value for name, value in EACH_ONCE.items()}
    assert left.items() <= figures(witness).items()

    restarted = start(1)
    assert left.items() <= figures(witness).items()
    restarted.received()
    assert figures(witness)["callaudit_webhooks_received_total"] == 2


def test_what_only_the_dead_one_held_is_not_the_next_ones(start: Start) -> None:
    """Also where nobody noticed that a process died before another took its place."""
    count_one_of_each(start(0))
    assert figures(start(0))["callaudit_spool_rows"] == 0


def test_nothing_that_happens_makes_the_files_grow(start: Start, tmp_path: Path) -> None:
    """All series are there from the start, so that a full disk later finds nothing to be made."""
    counted = start(0)
    series = figures(counted).keys()
    count_one_of_each(counted)
    for reason in (*errors.REASONS, "a reason nobody listed", "another"):
        counted.rejected(reason)
    assert figures(counted).keys() == series
    assert {path.stat().st_size for path in tmp_path.glob("*.db")} == {FILE_BYTES}
    assert figures(counted)["callaudit_rejected_total other"] == 2


def test_no_label_is_free(start: Start) -> None:
    """Numbers, ids and addresses are never labels: each series is one of a short list."""
    counted = start(0)
    families = text_string_to_metric_families(page.render(counted, None).decode())
    labels = {(name, value) for family in families for s in family.samples for name, value in s.labels.items()}
    free = {value for name, value in labels if name not in {"reason", "le", "state"}}
    assert free == set()
    assert {f"command.{value}" for name, value in labels if name == "state"} == {*record.SAID_AT_ONCE}
    assert {value for name, value in labels if name == "reason"} == {
        *errors.REASONS,
        counters.OTHER,
        *refusals.REASONS,
    }


def test_same_id_with_other_content_is_a_conflict(monkeypatch: pytest.MonkeyPatch) -> None:
    """Among the events that are remembered, whose number is bounded."""
    monkeypatch.setattr(counters, "IDS_KNOWN_MAX", 2)
    counted = Counters(None)
    first = made.entry(1)
    for entry in (first, replace(first, event_id=None), made.entry(2)):
        counted.appended(entry)
    assert figures(counted)["callaudit_id_conflicts_total"] == 0
    counted.appended(replace(first, data_hash=bytes(32)))
    assert figures(counted)["callaudit_id_conflicts_total"] == 1
    for number in (3, 4):  # by now the first is forgotten
        counted.appended(made.entry(number))
    counted.appended(first)
    assert figures(counted)["callaudit_id_conflicts_total"] == 1


def test_environment_names_the_directory(start: Start, tmp_path: Path) -> None:
    """The library reads it there; one module of the program sets it."""
    start(0)
    assert os.environ["PROMETHEUS_MULTIPROC_DIR"] == str(tmp_path)

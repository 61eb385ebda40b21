"""What each part of the program may touch, listed whole: a grant too many fails here as one too few does."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from psycopg import errors as postgres_errors

from projections import project
from store import heartbeats, sealing, signing, standing
from tests.conftest import Database
from tests.integration.store import log as kept
from tests.unit.store import made

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
APPEND = {"INSERT", "SELECT"}
LOG_AND_INTAKE = {
    ("ingest", "log.events"): {"INSERT"},
    ("ingest", "log.event_keys"): APPEND,
    ("ingest", "log.redeliveries"): {"INSERT"},
    ("ingest", "log.tiles"): {"SELECT"},
    ("ingest", "log.checkpoints"): {"SELECT"},
    ("ingest", "log.append_turn"): {"SELECT", "UPDATE"},
    ("ingest", "intake.heartbeats"): APPEND,
    ("ingest", "intake.rejections"): APPEND,
    ("ingest", "intake.rejection_counts"): {*APPEND, "UPDATE"},
    ("ingest", "intake.redelivery_counts"): {*APPEND, "UPDATE"},
    ("worker", "log.events"): APPEND,
    ("worker", "log.event_keys"): APPEND,
    ("worker", "log.redeliveries"): APPEND,
    ("worker", "log.tiles"): APPEND,
    ("worker", "log.checkpoints"): APPEND,
    ("worker", "log.append_turn"): {"SELECT", "UPDATE"},
    ("worker", "log.seal_turn"): {"SELECT", "UPDATE"},
    ("worker", "intake.heartbeats"): APPEND,
    ("worker", "intake.rejections"): {"SELECT"},
    ("worker", "intake.rejection_counts"): {*APPEND, "UPDATE"},
    ("worker", "intake.redelivery_counts"): {*APPEND, "UPDATE"},
    ("worker", "intake.verifications"): APPEND,
    ("auditor", "intake.verifications"): {"SELECT"},
    ("auditor", "log.events"): {"SELECT"},
    ("auditor", "log.event_keys"): {"SELECT"},
    ("auditor", "log.redeliveries"): {"SELECT"},
    ("auditor", "log.tiles"): {"SELECT"},
    ("auditor", "log.checkpoints"): {"SELECT"},
    ("auditor", "log.append_turn"): {"SELECT"},
    ("auditor", "intake.heartbeats"): {"SELECT"},
    ("auditor", "intake.rejections"): {"SELECT"},
    ("auditor", "intake.rejection_counts"): {"SELECT"},
    ("auditor", "intake.redelivery_counts"): {"SELECT"},
    ("ingest", "access.api_keys"): {"SELECT"},
}
BEATING = {"alive_at", "oldest_waiting", "position", "stopped"}
COLUMNS = {
    ("ingest", "intake.heartbeats", "UPDATE"): BEATING,
    ("worker", "intake.heartbeats", "UPDATE"): BEATING,
    ("ingest", "log.events", "SELECT"): {"position", "leaf_hash", "delivery_id"},
    ("ingest", "log.redeliveries", "SELECT"): {"position", "delivery_id"},
    ("ingest", "intake.rejections", "UPDATE"): {"readmitted_at"},
    ("ingest", "gateway.approvals", "UPDATE"): {
        "decision",
        "decided_by",
        "decided_key_id",
        "decided_at",
        "used_at",
    },
}
GRANTED = """
    SELECT replace(coalesce(grantee.rolname, 'public'), 'callaudit_', ''),
           relnamespace::regnamespace || '.' || relname, array_agg(given.privilege_type)
    FROM pg_class, aclexplode(relacl) AS given LEFT JOIN pg_roles AS grantee ON grantee.oid = given.grantee
    WHERE relnamespace::regnamespace::text = ANY(%s) AND given.grantee <> relowner AND relkind IN ('r', 'p', 'v')
    GROUP BY 1, 2
"""

GRANTED_COLUMNS = """
    SELECT replace(grantee.rolname, 'callaudit_', ''), relnamespace::regnamespace || '.' || relname,
           given.privilege_type, array_agg(attname::text)
    FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid, aclexplode(attacl) AS given
    JOIN pg_roles AS grantee ON grantee.oid = given.grantee
    WHERE relnamespace::regnamespace::text IN ('log', 'intake', 'access', 'gateway', 'calls', 'facts')
    GROUP BY 1, 2, 3
"""


def granted(database: Database, *schemas: str) -> dict[tuple[str, str], set[str]]:
    """Give what is granted on the tables and views of the schemas, by role and name; the owner's left out."""
    with psycopg.connect(database.url) as connection:
        rows = connection.execute(GRANTED, [list(schemas)]).fetchall()
    return {(role, name): set(privileges) for role, name, privileges in rows}


def test_grants_on_the_log_are_those_listed_and_no_others(database: Database) -> None:
    """Nobody may change evidence, partitions are reached through their table alone, and analysts see nothing.

    Who takes webhooks cannot read them back.
    """
    assert granted(database, "log", "intake", "access") == LOG_AND_INTAKE
    with psycopg.connect(database.url) as connection:
        columns = connection.execute(GRANTED_COLUMNS).fetchall()
    assert {(role, table, privilege): set(names) for role, table, privilege, names in columns} == COLUMNS


def test_grants_on_the_read_models_let_the_worker_write_and_others_read(database: Database) -> None:
    """Ingest has no business with read models; analysts and auditors read them; the worker alone writes them."""
    given = granted(database, "calls", "facts")
    tables = {name for _, name in given if name.startswith("calls.")}
    views = {name for _, name in given if name.startswith("facts.")}
    assert tables
    assert views
    writes = {("worker", name): {*APPEND, "UPDATE", "DELETE"} for name in tables}
    reads = {(role, name): {"SELECT"} for role in ("analyst", "auditor") for name in tables | views}
    assert given == {**writes, **reads, **{("worker", name): {"SELECT"} for name in views}}


def test_grants_on_the_gateway_let_it_claim_and_ask_and_nobody_else(database: Database) -> None:
    """Whoever asked, and for what, is not to be changed: only what was decided of it is written later."""
    claims = {("ingest", "gateway.claims"): {"SELECT", "INSERT", "UPDATE", "DELETE"}}
    assert granted(database, "gateway") == {**claims, ("ingest", "gateway.approvals"): {"SELECT", "INSERT"}}


def test_grants_on_schedules_let_the_worker_run_and_others_see(database: Database) -> None:
    """What was run stays on record, and a server that is watched sees how schedules stand and no more."""
    reads = {(role, f"reports.{name}"): {"SELECT"} for role in ("analyst", "auditor") for name in ("schedules", "runs")}
    watches = {(role, "reports.standing"): {"SELECT"} for role in ("ingest", "worker", "analyst", "auditor")}
    runs = {
        ("worker", "reports.runs"): {*APPEND, "UPDATE"},
        ("worker", "reports.schedules"): {*APPEND, "UPDATE", "DELETE"},
    }
    assert granted(database, "reports") == {**reads, **watches, **runs}


@pytest.mark.parametrize(
    ("schema", "roles"),
    [
        ("log", {"ingest", "worker", "auditor"}),
        ("intake", {"ingest", "worker", "auditor"}),
        ("calls", {"worker", "analyst", "auditor"}),
        ("facts", {"worker", "analyst", "auditor"}),
        ("rebuild", {"worker"}),
        ("reports", {"ingest", "worker", "analyst", "auditor"}),
        ("access", {"ingest"}),
        ("gateway", {"ingest"}),
    ],
)
def test_schemas_are_open_to_those_who_need_them(database: Database, schema: str, roles: set[str]) -> None:
    """Without USAGE nothing in a schema can be named."""
    with psycopg.connect(database.url) as connection:
        allowed = {
            role
            for role in ("ingest", "worker", "analyst", "auditor")
            if connection.execute("SELECT has_schema_privilege(%s, %s, 'USAGE')", [f"callaudit_{role}", schema])
            .fetchone() == (True,)
        }  # fmt: skip
    assert allowed == roles


@pytest.mark.parametrize(
    ("function", "roles"),
    [
        ("log.ensure_partitions(bigint)", {"ingest", "worker"}),
        ("intake.prune(timestamptz)", {"worker"}),
        ("access.note_use(text)", {"ingest"}),
    ],
)
def test_functions_with_the_owners_rights_are_for_those_who_need_them(
    database: Database, function: str, roles: set[str]
) -> None:
    """What runs as the owner is run by nobody else, and finds its tables whatever the caller's search path."""
    with psycopg.connect(database.url) as connection:
        allowed = {
            role
            for role in ("ingest", "worker", "analyst", "auditor")
            if connection.execute("SELECT has_function_privilege(%s, %s, 'EXECUTE')", [f"callaudit_{role}", function])
            .fetchone() == (True,)
        }  # fmt: skip
        settings = connection.execute("SELECT proconfig FROM pg_proc WHERE oid = %s::regprocedure", [function])
        assert settings.fetchone() == (["search_path=pg_catalog, pg_temp"],)
    assert allowed == roles


def test_only_the_known_functions_run_as_the_owner(database: Database) -> None:
    """A new SECURITY DEFINER function has to be listed above."""
    with psycopg.connect(database.url) as connection:
        names = connection.execute(
            "SELECT oid::regprocedure::text FROM pg_proc WHERE prosecdef AND pronamespace::regnamespace::text"
            " IN ('log', 'intake', 'access', 'calls', 'facts', 'rebuild', 'reports') ORDER BY 1"
        ).fetchall()
    assert names == [
        ("access.note_use(text)",),
        ("intake.prune(timestamp with time zone)",),
        ("log.ensure_partitions(bigint)",),
    ]


def test_analyst_reads_read_models_and_no_body(database: Database) -> None:
    """An analyst asks the read models; the log, with its bodies, and what was refused stay closed."""
    with psycopg.connect(database.as_part("analyst"), autocommit=True) as analyst:
        analyst.execute("SELECT * FROM calls.timeline, facts.call_legs, facts.log_position")
        for table in ("log.events", "log.redeliveries", "intake.rejections"):
            with pytest.raises(postgres_errors.InsufficientPrivilege):
                analyst.execute(f"SELECT * FROM {table}")  # noqa: S608 our own names
        with pytest.raises(postgres_errors.InsufficientPrivilege):
            analyst.execute("DELETE FROM calls.timeline")
        columns = analyst.execute(
            "SELECT count(*) FROM information_schema.columns WHERE data_type = 'bytea' AND table_schema <> 'pg_catalog'"
        ).fetchone()
        assert columns == (0,)


def test_auditor_reads_everything_and_writes_nothing(database: Database) -> None:
    """An auditor sees the signed bytes, and leaves no trace."""
    with kept.appender(database) as appender:
        appender.append([made.entry(0), made.entry(1)])
    with psycopg.connect(database.as_part("auditor"), autocommit=True) as auditor:
        assert auditor.execute("SELECT body FROM log.events").fetchall() == [
            (made.entry(0).body,),
            (made.entry(1).body,),
        ]
        auditor.execute("SELECT * FROM log.event_keys, log.redeliveries, intake.rejections, calls.call_legs")
        for statement in (
            "INSERT INTO log.event_keys VALUES (0, '', 0)",
            "INSERT INTO intake.redelivery_counts VALUES (0, 1)",
            "INSERT INTO calls.progress VALUES (true, 1)",
            "CREATE TABLE calls.mine ()",
        ):
            with pytest.raises(postgres_errors.InsufficientPrivilege):
                auditor.execute(statement)


REFUSED = {
    "ingest": (
        "SELECT body FROM log.events",
        "SELECT signature FROM log.events",
        "SELECT body FROM log.redeliveries",
        "INSERT INTO log.tiles VALUES (0, 0, '')",
        "INSERT INTO log.checkpoints (size, origin, note, sealed_at) VALUES (1, '', '', now())",
        "SELECT FROM log.seal_turn",
        "UPDATE intake.heartbeats SET since = now()",
        "DELETE FROM intake.heartbeats",
        "UPDATE intake.rejections SET reason = ''",
        "DELETE FROM intake.rejections",
        "SELECT intake.prune(now())",
        "SELECT FROM calls.timeline",
        "CREATE TABLE public.mine ()",
        "CREATE TABLE log.mine ()",
        "SET ROLE callaudit_worker",
        "SET ROLE callaudit_owner",
    ),
    "worker": (
        "UPDATE log.checkpoints SET note = ''",
        "DELETE FROM log.tiles",
        "UPDATE intake.heartbeats SET since = now()",
        "DELETE FROM intake.heartbeats",
        "INSERT INTO intake.rejections DEFAULT VALUES",
        "DELETE FROM intake.rejections",
        "SELECT FROM access.api_keys",
        "ALTER TABLE calls.timeline ADD COLUMN mine text",
        "CREATE TABLE public.mine ()",
        "SET ROLE callaudit_owner",
    ),
}


@pytest.mark.parametrize("part", REFUSED)
def test_part_is_refused_what_is_not_its_business(database: Database, part: str) -> None:
    """Who takes webhooks reads none and seals none; who seals and projects takes none, and changes no history."""
    with psycopg.connect(database.as_part(part), autocommit=True) as connection:
        for statement in REFUSED[part]:
            with pytest.raises(postgres_errors.InsufficientPrivilege):
                connection.execute(statement)


def test_ingest_does_all_of_its_work_with_its_grants(database: Database) -> None:
    """It appends, counts deliveries beyond the twentieth, keeps refusals, and says that it lives and for how long."""
    with kept.appender(database) as appender:
        appender.append([made.entry(0)] * 25)
    said = heartbeats.Beat(process=uuid4(), duty="ingest", since=NOW, alive_at=NOW)
    later = replace(said, alive_at=NOW + timedelta(seconds=1))
    with psycopg.connect(database.as_part("ingest"), autocommit=True) as ingest:
        heartbeats.beat(ingest, said)
        heartbeats.beat(ingest, later)
        heartbeats.settle(ingest, said.process)
        assert heartbeats.latest(ingest) == {"ingest": replace(later, stopped=True)}
        assert standing.look(ingest).position == 1


def test_worker_does_all_of_its_work_with_its_grants(database: Database, tmp_path: Path) -> None:
    """It projects, seals, beats, appends what it found out, and prunes what was refused long ago."""
    with kept.appender(database) as appender:
        appender.append([made.entry(number) for number in range(300)])
    with sealing.connect(database.as_part("worker")) as worker:
        sealed = sealing.Sealer(worker, signing.Folder(tmp_path), lambda: NOW).seal()
        assert sealed is not None
        assert sealed.size == 300
        heartbeats.beat(worker, heartbeats.Beat(process=uuid4(), duty="seal", since=NOW, alive_at=NOW))
        worker.execute("SELECT intake.prune(now())")
    with kept.appender(database, "worker") as appender:
        appender.append([made.entry(300)])
    with project.connect(database.as_part("worker")) as worker:
        assert project.Projector(worker, lambda: 0).step().events > 0


def test_stranger_reads_nothing(clone: Callable[..., Database]) -> None:
    """PUBLIC has been given nothing on any of our schemas."""
    with psycopg.connect(clone().url, autocommit=True) as connection:
        open_to_all = connection.execute(
            "SELECT nspname FROM pg_namespace, aclexplode(nspacl) AS given"
            " WHERE given.grantee = 0"
            " AND nspname IN ('log', 'intake', 'access', 'calls', 'facts', 'rebuild', 'reports')"
        ).fetchall()
    assert open_to_all == []

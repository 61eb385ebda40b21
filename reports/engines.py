"""Where a report's SQL runs: Postgres over the live read models, or DuckDB over folded calls in memory.

An engine takes the text of a report unchanged, with small tables that it makes visible under their names
(``calendar``, ``asked``), and answers in whole numbers and text, with the log position that holds for exactly
what it read. Both engines give equal answers; the conformance test holds them to it.
"""

from collections.abc import Generator, Iterable, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, LiteralString, NamedTuple, Protocol, TypeAlias

import duckdb
import pandas as pd
import psycopg
from psycopg import sql
from psycopg.rows import class_row, tuple_row

from calls.instants import Instant
from calls.records import CallRecord
from reports import facts
from reports.arrow import DAY, TEXT, WHOLE, Table, pa
from store import statements

Frames: TypeAlias = Mapping[str, Table]
"""Small tables by the name the SQL knows them by."""

_ONE_STATE = """
    SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY;
    -- Compiling takes longer than what it saves; sorts of a million delays stay in memory.
    SET LOCAL jit = off;
    SET LOCAL work_mem = '64MB';
    -- What a report reads is read again: pages cost what they cost in memory, and a few keys are looked up by index.
    SET LOCAL random_page_cost = 1.1;
"""
_POSITION = "SELECT position FROM facts.log_position"

_POSTGRES_ARRAYS: dict[Any, LiteralString] = {TEXT: "%s::text[]", DAY: "%s::integer[]", WHOLE: "%s::bigint[]"}
_POSTGRES_SCALARS: dict[Any, LiteralString] = {TEXT: "%s::text", DAY: "%s::integer", WHOLE: "%s::bigint"}
_POSTGRES_OIDS = {20: WHOLE, 23: WHOLE, 25: TEXT}
_DTYPES = {WHOLE: pd.Int64Dtype(), TEXT: pd.StringDtype(na_value=float("nan"))}


class Answer(NamedTuple):
    """Rows in no order, columns ``Int64`` or ``str``; every event before log ``position`` is in them."""

    frame: pd.DataFrame
    position: int | None


@dataclass(frozen=True, slots=True)
class Standing:
    """How the live facts stand. Events before ``position`` are registered, and all folded if none is ``unfolded``.

    No call was judged later than ``judged_us``; the next that time alone may change is due at ``due_us``. Both may be
    None: never, and nobody knows.
    """

    position: int
    unfolded: int
    judged_us: Instant | None
    due_us: Instant | None


class Engine(Protocol):
    """Something that can answer a report's SQL."""

    def read(self, text: LiteralString, frames: Frames) -> Answer:
        """Run ``text`` with ``frames`` and read the position, both of one state of the facts."""
        ...

    def snapshot(self) -> AbstractContextManager[None]:
        """Make all reads within it see one state of the facts."""
        ...


class Postgres:
    """The live read models. The connection MUST be idle; each read is a transaction of its own, read-only.

    Reads within ``snapshot`` are one transaction.
    """

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection
        self._held = False

    def read(self, text: LiteralString, frames: Frames) -> Answer:
        """Run ``text`` as a subquery below its frames: no temporary table, so a read-only standby will do."""
        statement, parameters = _below_frames(text, frames)
        with self.snapshot(), self._connection.cursor(row_factory=tuple_row) as cursor:
            # Two statements, one snapshot: the position belongs to the rows.
            position = cursor.execute(_POSITION).fetchone()
            assert position is not None, "facts.log_position has one row"
            # Never prepared: a plan for any frames at all is no plan for these.
            frame = _fetch(cursor.execute(statement, parameters, prepare=False))
        return Answer(frame, position[0])

    @contextmanager
    def snapshot(self) -> Generator[None]:
        """Make all reads within it part of one transaction; it begins with the first."""
        if self._held:
            yield
            return
        with self._connection.transaction():
            self._connection.execute(_ONE_STATE)
            self._held = True
            try:
                yield
            finally:
                self._held = False

    def standing(self) -> Standing:
        """Say as of when the facts are, and what would still change them; of one state with reads in ``snapshot``."""
        with self.snapshot(), self._connection.cursor(row_factory=class_row(Standing)) as cursor:
            found = cursor.execute(statements.load("reports", "standing")).fetchone()
        assert found is not None, "calls.progress has one row"
        return found


class DuckDB:
    """Facts held in memory, or in a database made of files, as of whatever they were made from."""

    def __init__(self, tables: Mapping[str, Table], *, database: duckdb.DuckDBPyConnection | None = None) -> None:
        """Take tables, into memory or into ``database``, which may have others already."""
        self._database = duckdb.connect() if database is None else database
        self._database.execute("CREATE SCHEMA IF NOT EXISTS facts")
        for name, table in tables.items():
            self._database.register("given", table)
            self._database.execute(f'CREATE TABLE facts."{name}" AS SELECT * FROM given')  # noqa: S608 - our names
            self._database.unregister("given")
        # No files, network, downloads or Python variables: what is there now is all there is.
        self._database.execute("SET enable_external_access = false; SET python_enable_replacements = false")

    @classmethod
    def from_records(cls, records: Iterable[CallRecord], position: int | None = None) -> "DuckDB":
        """Take folded calls; ``position`` is the log position they were folded up to."""
        return cls(facts.from_records(records, position))

    @classmethod
    @contextmanager
    def from_files(cls, folder: Path, position: int) -> Generator["DuckDB"]:
        """Take facts from ``<name>-<share>.parquet`` files into a database beside them, for as long as this lasts."""
        with duckdb.connect(folder / "as_of.duckdb") as database:
            database.execute("CREATE SCHEMA facts")
            for name in facts.from_records((), None).keys() - {"log_position"}:
                database.read_parquet(str(folder / f"{name}-*.parquet")).create(f"facts.{name}")
            yield cls({"log_position": facts.position_table(position)}, database=database)

    def read(self, text: LiteralString, frames: Frames) -> Answer:
        """Run ``text`` beside its frames, on a connection of its own, so that they are its alone."""
        with self._database.cursor() as connection:
            for name, table in frames.items():
                connection.register(name, table)
            rows: Any = connection.sql(text)
            frame = _frame(rows.to_arrow_table())
            ((position,),) = connection.sql(_POSITION).fetchall()
        return Answer(frame, position)

    def snapshot(self) -> AbstractContextManager[None]:
        """Do nothing: what is held does not change."""
        return nullcontext()


@contextmanager
def opened(source: "Engine | psycopg.Connection[Any] | str") -> Generator[Engine]:
    """Give an engine as it is, a connection as Postgres, a URL as Postgres for as long as this lasts."""
    if isinstance(source, str):
        with psycopg.connect(source, autocommit=True) as connection:
            yield Postgres(connection)
    elif isinstance(source, psycopg.Connection):
        yield Postgres(source)
    else:
        yield source


def _below_frames(text: LiteralString, frames: Frames) -> tuple[sql.Composed, list[Any]]:
    if not frames:
        return sql.Composed([sql.SQL(text)]), []
    named = sql.SQL(", ").join(_frame_sql(name, table) for name, table in frames.items())
    statement = sql.SQL("WITH {} SELECT * FROM (\n{}\n) AS report").format(named, sql.SQL(text))
    values = ((table, column.to_pylist()) for table in frames.values() for column in table.columns)
    return statement, [column[0] if table.num_rows == 1 else column for table, column in values]


def _frame_sql(name: str, table: Table) -> sql.Composed:
    """Write a frame as a query that the planner puts where its name stands; a single row is constants to it.

    So it leaves out what is not asked for, looks for a period by index, and reads in several processes.
    """
    columns = [sql.Identifier(column) for column in table.schema.names]
    if table.num_rows == 1:
        values = [sql.SQL(_POSTGRES_SCALARS[field.type]) for field in table.schema]
        named = (sql.SQL("{} AS {}").format(*pair) for pair in zip(values, columns, strict=True))
        query = sql.SQL("SELECT {}").format(sql.SQL(", ").join(named))
    else:
        arrays = sql.SQL(", ").join(sql.SQL(_POSTGRES_ARRAYS[field.type]) for field in table.schema)
        given = sql.SQL(", ").join(columns)
        query = sql.SQL("SELECT * FROM unnest({}) AS given({})").format(arrays, given)
    return sql.SQL("{} AS NOT MATERIALIZED ({})").format(sql.Identifier(name), query)


def _fetch(cursor: psycopg.Cursor[tuple[Any, ...]]) -> pd.DataFrame:
    assert cursor.description is not None, "a report's SQL is a query"
    schema = pa.schema([(column.name, _POSTGRES_OIDS[column.type_code]) for column in cursor.description])
    columns = list(zip(*cursor.fetchall(), strict=True)) or [()] * len(schema)
    return _frame(
        pa.Table.from_arrays([pa.array(c, t) for c, t in zip(columns, schema.types, strict=True)], schema=schema)
    )


def _frame(rows: Table) -> pd.DataFrame:
    wide = pa.schema([(field.name, WHOLE if field.type == DAY else field.type) for field in rows.schema])
    return rows.cast(wide).to_pandas(types_mapper=_DTYPES.__getitem__)

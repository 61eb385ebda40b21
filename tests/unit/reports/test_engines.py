"""DuckDB as an engine; that it agrees with Postgres is tested beside a real one."""

from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from reports import engines
from tests.unit.reports import report_rows as rows


def test_duckdb_answers_in_whole_numbers_and_text() -> None:
    """Columns are nullable integers and strings, whatever holds them; the position comes along."""
    answer = rows.engine(rows.siprec(), position=41).read(
        "SELECT utc_day, at_us, status, cause_name FROM facts.siprec_sessions", {}
    )
    assert [str(kind) for kind in answer.frame.dtypes] == ["Int64", "Int64", "str", "str"]
    assert answer.position == 41


def test_duckdb_sees_the_frames_of_this_question_alone() -> None:
    """A second question with other frames of the same names is answered from those."""
    engine = rows.engine()
    for number in (1, 2):
        frames = {"calendar": pa.table({"n": [number]})}
        assert engine.read("SELECT n FROM calendar", frames).frame["n"].tolist() == [number]


def test_duckdb_reads_no_files(tmp_path: Path) -> None:
    """SQL cannot reach the machine: the facts are all there is."""
    path = tmp_path / "secret.csv"
    path.write_text("a\n1\n")
    with pytest.raises(duckdb.Error, match=r"(?i)disabled"):
        rows.engine().read(f"SELECT * FROM read_csv('{path}')", {})  # noqa: S608 - the attack itself


def test_duckdb_sees_no_python_variable() -> None:
    """A name in SQL is a table that was given, never a variable that happens to be near."""
    frame = pa.table({"n": [1]})
    with pytest.raises(duckdb.CatalogException):
        rows.engine().read("SELECT * FROM frame", {})
    assert frame.num_rows == 1


def test_opened_gives_an_engine_as_it_is() -> None:
    """An engine that the caller made is used, and left, as it is."""
    engine = rows.engine()
    with engines.opened(engine) as given:
        assert given is engine

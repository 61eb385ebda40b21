"""The read-model tables follow from the rows a call folds into."""

import dataclasses

import pytest
from sqlalchemy.dialects import postgresql

from calls.records import TABLES, CallLeg, NativeRecording, SiprecSession
from projections import columns, tables


@pytest.mark.parametrize("name", TABLES)
def test_columns_are_the_fields_of_the_row(name: str) -> None:
    """Each field is one column, and what every row carries comes last."""
    fields = [field.name for field in dataclasses.fields(TABLES[name])]
    names = [column.name for column in tables.TABLES[name].columns]
    assert sorted(names) == sorted(fields)
    assert names[-4:] == ["finality", "revision", "revised_by", "positions"]
    assert tuple(names) == columns.names(TABLES[name])


@pytest.mark.parametrize("name", TABLES)
def test_key_columns_are_there_and_begin_with_the_session(name: str) -> None:
    """A call's rows are found by its session, in every table."""
    key = columns.key(name)
    assert key[0] == "call_session_id"
    assert set(key) <= set(tables.TABLES[name].columns.keys())


@pytest.mark.parametrize(
    ("row", "column", "type_", "nullable"),
    [
        (CallLeg, "answered_at", "TIMESTAMP WITH TIME ZONE", True),
        (CallLeg, "talk_us", "BIGINT", True),
        (CallLeg, "status", "TEXT", False),
        (CallLeg, "flags", "TEXT[]", False),
        (CallLeg, "positions", "BIGINT[]", False),
        (NativeRecording, "occurred_at", "TIMESTAMP WITH TIME ZONE", False),
        (NativeRecording, "call_leg_id", "TEXT", True),
        (SiprecSession, "cause_raw", "JSONB", True),
    ],
)
def test_column_type_follows_from_the_field(row: type, column: str, type_: str, *, nullable: bool) -> None:
    """Instants are timestamptz, sequences arrays, a cause of any shape JSON; what may be None may be null."""
    (name,) = (name for name, each in TABLES.items() if each is row)
    found = tables.TABLES[name].columns[column]
    assert found.type.compile(postgresql.dialect()) == type_
    assert found.nullable is nullable

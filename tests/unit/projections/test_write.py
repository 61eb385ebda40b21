"""What a row's values become on the way into a column."""

from datetime import UTC, datetime
from typing import Any

import pytest
from psycopg.types.json import Jsonb

from calls import fold
from calls.records import TABLES
from projections import write
from tests.unit.calls import made


@pytest.mark.parametrize(
    ("wire_type", "value", "adapted"),
    [
        ("text", "a\0b\0", "a\ufffdb\ufffd"),
        ("text", "plain", "plain"),
        ("text", None, None),
        ("text[]", ("a\0", "b"), ["a\ufffd", "b"]),
        ("int8", 2**63 - 1, 2**63 - 1),
        ("int8", 2**63, None),
        ("int8", -(2**64), None),
        ("int8", None, None),
        ("int8[]", (1, 2), [1, 2]),
        ("timestamptz", 1, datetime(1970, 1, 1, 0, 0, 0, 1, UTC)),
        ("timestamptz", None, None),
        ("jsonb", None, None),
    ],
)
def test_value_fits_its_column(wire_type: str, value: Any, adapted: Any) -> None:
    """Postgres text holds no NUL and a bigint has 64 bits: the one is replaced, a number beyond the other left out."""
    assert write._ADAPTERS[wire_type](value) == adapted


@pytest.mark.parametrize(
    ("raw", "stored"),
    [
        (603, 603),
        ("a\0", "a\ufffd"),
        (False, False),
        ({"k\0": ["v\0", {"n": None}]}, {"k\ufffd": ["v\ufffd", {"n": None}]}),
    ],
)
def test_json_keeps_its_shape_without_nul(raw: Any, stored: Any) -> None:
    """At any depth, keys included."""
    adapted = write._ADAPTERS["jsonb"](raw)
    assert isinstance(adapted, Jsonb)
    assert adapted.obj == stored


def test_gather_sorts_rows_by_table() -> None:
    """Rows of many records come together; tables without rows are there, empty."""
    records = [
        fold.fold([made.event("call.answered", 1, call_session_id=session)], as_of=2) for session in ("ses-1", "ses-2")
    ]
    rows = write.gather(records)
    assert rows.keys() == TABLES.keys()
    assert [row.call_session_id for row in rows["call_legs"]] == ["ses-1", "ses-2"]
    assert rows["dtmf"] == []

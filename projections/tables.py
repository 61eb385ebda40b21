"""The read-model tables of schema ``calls``, as SQLAlchemy knows tables.

Alembic compares the migrated database with this; queries take their tables from it.
"""

from collections.abc import Mapping
from typing import Any

import sqlalchemy
from sqlalchemy.dialects import postgresql

from projections import columns
from projections.columns import COLUMNS, Column, WireType

METADATA = sqlalchemy.MetaData(schema="calls")

_TYPES: Mapping[WireType, Any] = {
    "timestamptz": sqlalchemy.TIMESTAMP(timezone=True),
    "int8": sqlalchemy.BigInteger(),
    "text": sqlalchemy.Text(),
    "jsonb": postgresql.JSONB(),
    "text[]": postgresql.ARRAY(sqlalchemy.Text),
    "int8[]": postgresql.ARRAY(sqlalchemy.BigInteger),
}


def _column(column: Column, key: tuple[str, ...]) -> sqlalchemy.Column[Any]:
    primary = column.name in key and not column.nullable
    return sqlalchemy.Column(column.name, _TYPES[column.wire_type], nullable=column.nullable, primary_key=primary)


def _table(name: str) -> sqlalchemy.Table:
    return sqlalchemy.Table(name, METADATA, *(_column(each, columns.key(name)) for each in COLUMNS[name]))


TABLES = {name: _table(name) for name in COLUMNS}
"""Table name -> table, in the order in which a call's page shows them."""

"""pyarrow as reports use it. It has no type stubs, so what comes from here is Any, and only here."""

import importlib
from typing import Any, TypeAlias

Table: TypeAlias = Any
"""A ``pyarrow.Table``."""

pa: Any = importlib.import_module("pyarrow")
parquet: Any = importlib.import_module("pyarrow.parquet")

TEXT: Any = pa.string()
WHOLE: Any = pa.int64()
DAY: Any = pa.int32()
"""The type of ``utc_day``: days from 1970-01-01."""

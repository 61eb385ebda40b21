"""The example that people copy works."""

import random
import re
from pathlib import Path
from typing import Any

import psycopg

from tests.integration.reports import random_rows

TEXT = (Path(__file__).parents[3] / "docs" / "reports.md").read_text(encoding="utf-8")


def test_notebook_example_runs_on_a_live_database(database: Any) -> None:
    """Run as written, but for the URL, it gives the Pareto of causes and the daily trend."""
    with psycopg.connect(database.url, autocommit=True) as connection:
        record = random_rows.made(random.Random(1).choice, 50, 200, 50)
        random_rows.hold(connection, record)
    (example,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    names: dict[str, Any] = {}
    exec(example.replace("postgresql:///callaudit", database.url), names)  # noqa: S102 - the example itself
    assert {"absent", "unmapped", "USER_BUSY"} <= set(names["pareto"]["cause_name"])
    assert names["pareto"]["cumulative_share"].is_monotonic_increasing
    assert len(names["trend"]) == 31
    assert names["trend"]["2026-10-25"] < 1

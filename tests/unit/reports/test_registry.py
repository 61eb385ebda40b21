"""The reports there are, and their SQL."""

import re
import subprocess
import sys

import pytest

import reports
from reports import registry
from tests.unit.reports import report_rows as rows

ALLOWED = {"cast", "coalesce", "count", "sum", "min", "max", "over", "percentile_disc", "group"}
"""What every engine computes alike; ``WITHIN GROUP`` belongs to the percentile, by nearest rank."""

HINTS = {"materialized"}
"""What changes no result: an engine that does not know the word may be given the text without it."""


@pytest.mark.parametrize("name", reports.TITLES)
def test_report_is_found_by_name(name: str) -> None:
    """Each name leads to a report of that name, with a text and columns whose names carry no doubt."""
    report = registry.find(name)
    names = [column.name for column in report.columns]
    assert report.name == name
    assert len(names) == len(set(names))


def test_unknown_report_is_refused_with_the_known_names() -> None:
    """A name that is no report is refused with a stable reason and the names there are."""
    with pytest.raises(reports.ReportRefused, match="failure_causes, log_integrity, recording_coverage") as refused:
        reports.run("export", rows.engine(), from_="2026-10-02", to="2026-10-03")
    assert refused.value.reason == "report_unknown"


@pytest.mark.parametrize("name", reports.TITLES)
def test_sql_stays_within_the_portable_subset(name: str) -> None:
    """No vendor function, time, float, division or parameter mark, so that every engine reads the same."""
    text = re.sub(r"--.*", "", registry.find(name).sql)
    called = {match.lower() for match in re.findall(r"(\w+)\s*\(", text)}
    assert called - {"as", "with", "in", "and", "or", "where"} <= ALLOWED | HINTS, called
    vendor = r"[/%;:]|\b(avg|interval|timestamp|double|float|extract|like|ilike|limit)\b"
    assert not re.search(vendor, text, re.IGNORECASE)
    assert "%" not in registry.find(name).sql, "psycopg reads it as a parameter, also in a comment"
    assert set(re.findall(r"CAST\(.* AS (\w+)\)", text)) <= {"bigint"}
    assert not re.search(r"(<=|>=|<(?!>)|(?<!<)>)\s*'", text), "text is compared for equality alone"


def test_names_are_at_hand_without_pandas() -> None:
    """Listing the reports does not import pandas, which takes a second."""
    code = "import reports, sys; assert reports.TITLES; sys.exit('pandas' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

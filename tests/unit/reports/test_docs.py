"""The documentation of the reports says what the program does."""

import re
from pathlib import Path

import pytest

import reports
from reports import errors, registry

DOCS = Path(__file__).parents[3] / "docs"
TEXT = (DOCS / "reports.md").read_text(encoding="utf-8")
OTHERS = "".join((DOCS / name).read_text(encoding="utf-8") for name in ("exports.md", "reproducing.md"))


@pytest.mark.parametrize("name", reports.TITLES)
def test_every_column_is_documented_in_order(name: str) -> None:
    """Each report's section lists its columns as declared: name, what it holds, meaning."""
    section = re.search(rf"^## {name}$(.*?)(?=^## |\Z)", TEXT, re.MULTILINE | re.DOTALL)
    assert section is not None
    table = section[1].partition("| column | holds | meaning |\n|---|---|---|\n")[2].strip().splitlines()
    declared = registry.find(name).columns
    assert table == [f"| `{column.name}` | {column.kind.value} | {column.meaning} |" for column in declared]


def test_every_reason_is_documented() -> None:
    """The reasons that a caller may rely on are those in the error tree."""
    reasons = re.findall(r"[a-z]+(?:_[a-z]+)+", errors.__doc__ or "")
    assert len(reasons) == 16
    assert all(f"`{reason}`" in TEXT + OTHERS for reason in reasons)

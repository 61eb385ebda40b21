"""XLSX as independent readers find it: the same values, and nothing that runs."""

import io
import zipfile
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import openpyxl
import orjson
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reports import export, heading, ratios
from reports.errors import FormatUnfit
from reports.formats import workbook
from reports.runs import Run
from tests.unit.reports.test_export import ONE, failed, run

DANGEROUS = (
    "=1+1",
    '=HYPERLINK("http://x.invalid","y")',
    "=cmd|' /C calc'!A0",
    "+1",
    "-1",
    "@SUM(A1)",
    "\tx",
    "\rx",
    "\n=1",
    "http://x.invalid",
    "mailto:x@x.invalid",
    "{=1+1}",
    "1e5",
    "_x0041_",
    "'quoted",
)


def sheets(answer: Run) -> Any:
    """Open the run's workbook with openpyxl, formulas as formulas."""
    return openpyxl.load_workbook(io.BytesIO(export.encode(answer, "xlsx", program_version="1")))


def causes(raws: list[str]) -> Run:
    """Give a run with these raw causes."""
    many = pd.concat([ONE.frame.head(1)] * len(raws), ignore_index=True)
    return replace(ONE, frame=many.assign(cause_raw=pd.Series(raws, dtype="str")))


def test_no_text_becomes_a_formula_or_a_link() -> None:
    """What a spreadsheet could run is a string cell with the very text, also when it is edited."""
    book = sheets(causes(list(DANGEROUS)))
    place = [cell.value for cell in book["Report"][1]].index("cause_raw")
    cells = [row[place] for row in book["Report"].iter_rows(min_row=2)]
    assert [cell.data_type for cell in cells] == ["s"] * len(DANGEROUS)
    assert [unescaped(cell.value) for cell in cells] == list(DANGEROUS)
    assert [cell.hyperlink for cell in cells] == [None] * len(DANGEROUS)
    assert all(cell.quotePrefix for cell, text in zip(cells, DANGEROUS, strict=True) if text[0] in "=+-@\t\r\n")


def test_workbook_has_no_part_that_runs_or_reaches_out() -> None:
    """Neither formulas nor links, macros or connections are in the package."""
    content = export.encode(causes(list(DANGEROUS)), "xlsx", program_version="1")
    with zipfile.ZipFile(io.BytesIO(content)) as package:
        names = package.namelist()
        parts = b"".join(package.read(name) for name in names if name.startswith("xl/worksheets/"))
    assert b"<f>" not in parts
    assert b"<hyperlink" not in parts
    assert not [name for name in names if "external" in name.lower() or "vba" in name.lower() or "/_rels/sheet" in name]


def unescaped(text: str) -> str:
    """Read the escapes that the format has for what XML cannot hold (openpyxl leaves them)."""
    from openpyxl.utils.escape import unescape

    return str(unescape(text))


@settings(max_examples=60, deadline=None)
@given(raws=st.lists(st.text(st.characters(codec="utf-8"), min_size=1), min_size=1, max_size=5))
def test_every_text_comes_back(raws: list[str]) -> None:
    """Any text, control characters included, is what a reader finds."""
    sheet = sheets(causes(raws))["Report"]
    place = [cell.value for cell in sheet[1]].index("cause_raw")
    assert [unescaped(row[place]) for row in sheet.iter_rows(min_row=2, values_only=True)] == raws


def test_cells_are_typed_and_the_head_is_frozen() -> None:
    """Counts and ratios are numbers, unknown is an empty cell, the head stays in sight and repeats in print."""
    sheet = sheets(run(failed("zap")))["Report"]
    names = [cell.value for cell in sheet[1]]
    first, last = sheet[2], sheet[sheet.max_row]
    assert first[names.index("cause_count")].data_type == "n"
    assert first[names.index("cause_share")].value == 1
    assert last[names.index("cause_share")].value is None
    assert (sheet.freeze_panes, sheet.print_title_rows) == ("A2", "$1:$1")
    assert all(sheet.column_dimensions[letter].width >= workbook._WIDTH_MIN for letter in "ABC")


@pytest.mark.parametrize(("ratio", "text"), [(0.9996, "99.9 %"), (0.99999999, "99.9 %"), (1.0, "100.0 %")])
def test_ratio_is_exact_with_its_honest_text_beside(ratio: float, text: str) -> None:
    """What is not all is never shown as 100 %: no percent format rounds it up."""
    frame = ONE.frame.assign(cause_share=ratio)
    sheet = sheets(replace(ONE, frame=frame))["Report"]
    place = [cell.value for cell in sheet[1]].index("cause_share")
    exact, shown = sheet[2][place], sheet[2][place + 1]
    assert (exact.value, exact.number_format, shown.value) == (ratio, "General", text)
    assert text == ratios.floor_text(ratio)


def test_pandas_reads_the_rows_of_the_frame() -> None:
    """A reader that takes the first sheet gets the report's columns and values."""
    answer = run(failed("zap"), failed("=1"), by="day")
    read = pd.read_excel(io.BytesIO(export.encode(answer, "xlsx", program_version="1")))
    mine = read[list(answer.frame.columns)]
    expected = [list(row.values()) for row in orjson.loads(export.encode(answer, "json", program_version="1"))["rows"]]
    assert [[None if pd.isna(cell) else cell for cell in row] for row in mine.itertuples(index=False)] == expected


def test_what_was_asked_stands_on_a_sheet_of_its_own() -> None:
    """The sheet About has every line of the header, and the trend has a sheet where there is one."""
    weekly: Any = SimpleNamespace(**{name: getattr(ONE, name) for name in ("name", "question", "position", "columns")})
    weekly.frame, weekly.trend = ONE.frame, ONE.frame.head(2)
    book = sheets(weekly)
    head = export.header(weekly, program_version="1")
    assert [tuple(row) for row in book["About"].iter_rows(values_only=True)] == [
        tuple(line) for line in heading.lines(weekly, head)
    ]
    assert (book["Trend"].max_row, sheets(ONE).sheetnames) == (3, ["Report", "About"])


def test_more_rows_than_a_sheet_holds_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Rows are never left out: the format is refused, and nothing is written."""
    monkeypatch.setattr(workbook, "ROWS_MAX", 2)
    with pytest.raises(FormatUnfit, match="take csv or parquet") as refused:
        export.write(run(failed("zap")), tmp_path / "out", ["csv", "xlsx"], program_version="1")
    assert (refused.value.reason, (tmp_path / "out").exists()) == ("format_unfit", False)


def test_text_longer_than_a_cell_is_cut_and_says_so() -> None:
    """The longest text a cell holds keeps its beginning and tells how long it was."""
    sheet = sheets(causes(["x" * 40_000]))["Report"]
    place = [cell.value for cell in sheet[1]].index("cause_raw")
    text = sheet[2][place].value
    assert (len(text), text.endswith(" [cut, 40,000 characters]")) == (workbook.TEXT_MAX, True)

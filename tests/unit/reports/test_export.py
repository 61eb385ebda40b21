"""Reports as files."""

import csv
import hashlib
import io
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

import reports
from reports import export
from reports.errors import FormatUnknown, OutUnwritable
from reports.formats import delimited
from reports.runs import Run
from tests.unit.reports import report_rows as rows


def run(*endings: Any, **question: Any) -> Run:
    """Run the causes report over the day around noon."""
    asked = {"from_": "2026-10-02", "to": "2026-10-03", "zone": "Europe/London", **question}
    return reports.execute("failure_causes", rows.engine(*endings, position=99), **asked)


def failed(raw: str, **fields: Any) -> Any:
    """Give a failed session with this raw cause."""
    return rows.siprec("failed", cause_raw=raw, cause_name="UNKNOWN", **fields)


ONE = run(failed("zap"))


def cells(content: bytes) -> list[dict[str, str]]:
    """Read a CSV as any program would."""
    return list(csv.DictReader(io.StringIO(content.decode(), newline="")))


@pytest.mark.parametrize(
    ("text", "shown"), [("a;=1+1", "a;'=1+1"), ("17; -3", "17; '-3"), ("a;b", "a;b"), ("a-b", "a-b")]
)
def test_csv_text_cannot_be_a_formula_behind_a_semicolon(text: str, shown: str) -> None:
    """Where that is the list separator a spreadsheet splits there."""
    assert delimited._cell(text) == shown


@pytest.mark.parametrize("raw", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "\nx", "＝1+1"])  # noqa: RUF001  meant so
def test_csv_text_cannot_be_a_formula(raw: str) -> None:
    """Text that a spreadsheet would run is prefixed, so that it is shown."""
    row = cells(export.encode(run(failed(raw)), "csv", program_version="1"))[0]
    assert row["cause_raw"] == f"'{raw}"


def test_csv_numbers_are_numbers_also_when_negative() -> None:
    """Only text is prefixed: a negative number stays one."""
    assert [delimited._cell(value) for value in (-5, -0.5, "-5", None)] == [-5, -0.5, "'-5", None]


@given(raw=st.text(st.characters(codec="utf-8", exclude_characters="\0")))
def test_csv_gives_every_text_back(raw: str) -> None:
    """Quotes, commas and line ends in a value survive RFC 4180, but for the prefix."""
    answer = replace(ONE, frame=ONE.frame.assign(cause_raw=raw))
    row = cells(export.encode(answer, "csv", program_version="1"))[0]
    assert row["cause_raw"].removeprefix("'") == raw.removeprefix("'")


def test_csv_is_rows_alone_with_crlf_in_utf8() -> None:
    """The file is a header line and rows, ended by CRLF, without a byte order mark."""
    content = export.encode(run(failed("é")), "csv", program_version="1")
    assert content.startswith(b"subject,ended_count,")
    assert content.endswith(b"\r\n")
    assert b"\n" not in content.replace(b"\r\n", b"")
    assert "é".encode() in content


def test_json_says_what_was_asked_and_as_of_when() -> None:
    """The JSON carries report, period, zone, position, versions and the rows, unknown values as null."""
    document = orjson.loads(export.encode(run(failed("zap"), by="day"), "json", program_version="1.2"))
    assert document["report"] == "failure_causes"
    assert document["period"] == {"from": "2026-10-02", "to": "2026-10-03", "zone": "Europe/London"}
    assert (document["by"], document["log_position"]) == (["day"], 99)
    assert document["versions"]["program"] == "1.2"
    assert re.fullmatch(r"\d{4}[a-z]", document["versions"]["tzdata"])
    assert {"cause_tables", "cause_normaliser"} <= document["versions"].keys()
    assert document["rows"][0]["cause_raw"] == "zap"
    assert document["rows"][-1]["cause_share"] is None


def test_parquet_has_the_declared_types(tmp_path: Path) -> None:
    """Whole numbers stay whole, ratios are doubles, unknown is null, and the header travels as metadata."""
    (path, _) = export.write(run(failed("zap")), tmp_path, ["parquet"], program_version="1")
    table = parquet.read_table(path)
    types = {field.name: str(field.type) for field in table.schema}
    assert (types["cause_name"], types["endings_count"], types["cause_share"]) == (
        "string",
        "int64",
        "double",
    )
    assert table.column("cause_raw").to_pylist()[:2] == ["zap", None]
    assert orjson.loads(table.schema.metadata[b"callaudit"])["log_position"] == 99


def test_manifest_fits_the_files(tmp_path: Path) -> None:
    """The manifest names each file with its size and SHA-256, and the rows with their hash."""
    paths = export.write(run(failed("zap")), tmp_path, export.FORMATS, program_version="1")
    assert sorted(map(str, tmp_path.iterdir())) == sorted(paths)
    manifest = orjson.loads((tmp_path / "failure_causes.manifest.json").read_bytes())
    for file in manifest["files"]:
        content = (tmp_path / file["name"]).read_bytes()
        assert (file["bytes"], file["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())
    assert len(manifest["files"]) == len(export.FORMATS)
    assert (manifest["rows"], manifest["log_position"]) == (6, 99)
    assert {"pandas", "pyarrow", "program"} <= manifest["versions"].keys()


def test_content_hash_is_that_of_the_documented_lines() -> None:
    """Anybody can compute it from the JSON: the column names, then each row's values, one array a line."""
    answer = run(failed("zap"))
    table = orjson.loads(export.encode(answer, "json", program_version="1"))["rows"]
    lines = [list(table[0]), *(list(row.values()) for row in table)]
    canonical = b"".join(orjson.dumps(line) + b"\n" for line in lines)
    assert export.content_sha256(answer) == hashlib.sha256(canonical).hexdigest()


def test_same_facts_in_another_order_give_the_same_bytes(tmp_path: Path) -> None:
    """Files depend on what is true, not on the order in which it was read, nor on when."""
    endings = [failed(raw, connection_id=name) for raw in "abc" for name in ("x", "y", None)]
    first = export.write(run(*endings, by="connection"), tmp_path / "1", export.FORMATS, program_version="1")
    second = export.write(run(*endings[::-1], by="connection"), tmp_path / "2", export.FORMATS, program_version="1")
    assert [Path(path).read_bytes() for path in first] == [Path(path).read_bytes() for path in second]


def test_export_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    """When a file cannot take its place, no half-written one stays, and what was there stays whole."""
    (tmp_path / "failure_causes.csv").write_text("before")
    (tmp_path / "failure_causes.json").mkdir()
    with pytest.raises(OutUnwritable, match=r"cannot write to .*: a folder has the name of a file") as refused:
        export.write(run(), tmp_path, ["csv", "json"], program_version="1")
    assert refused.value.reason == "out_unwritable"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["failure_causes.csv", "failure_causes.json"]
    assert (tmp_path / "failure_causes.csv").read_text() == "before"


def test_unknown_format_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    """A format that there is not is refused with a stable reason."""
    with pytest.raises(FormatUnknown, match=r"csv, (html, )?json, parquet, xlsx") as refused:
        export.write(run(), tmp_path / "out", ["csv", "docx"], program_version="1")
    assert refused.value.reason == "format_unknown"
    assert not (tmp_path / "out").exists()

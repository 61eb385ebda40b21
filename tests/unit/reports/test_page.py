"""The HTML page: complete, escaped, honest, and alone."""

import html
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import markupsafe
import pytest

import reports
from reports import content, drawing, export, figures, heading, registry
from reports.formats import page
from tests.unit.reports import made_runs
from tests.unit.reports import report_rows as rows
from tests.unit.reports.test_export import run

COVERAGE = made_runs.coverage()
HOSTILE = "<script>alert(1)</script>\"'><img src=//x.invalid onerror=alert(1)>"


def text(answer: Any) -> str:
    """Write the run as a page."""
    return export.encode(answer, "html", program_version="1").decode()


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def tags(written: str) -> list[tuple[str, dict[str, str | None]]]:
    """Give every tag of a page with its attributes."""
    parser = _Tags()
    parser.feed(written)
    return parser.found


def test_header_says_everything_that_is_asked_of_it() -> None:
    """Period, zone, position, root, policies, verification and completeness stand above the figures."""
    written = text(COVERAGE)
    for line in heading.lines(COVERAGE, export.header(COVERAGE, program_version="1")):
        assert html.escape(line.text, quote=False) in html.unescape(written).replace("&", "&amp;")
    for part in (
        "2026-10-01 to 2026-10-31, 31 days, Europe/London",
        "9f" * 32,
        "ab" * 32,
        "intact up to position 48213",
    ):
        assert part in written


@pytest.mark.parametrize(("result", "told"), [("broken", "did not verify"), ("not_verified", "was not verified")])
def test_page_says_first_that_the_log_is_not_known_to_be_intact(result: str, told: str) -> None:
    """What is not verified, or broken, is said above everything else; what is intact is not."""
    found = {"result": result, "position": 5, "verified_at": None}
    written = text(made_runs.coverage(header={**made_runs.EVIDENCE, "verification": found}))
    assert told in written.partition("What this is")[0]
    assert 'class="note"' not in text(COVERAGE).partition("What this is")[0]


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ({"signatures": False}, "verified in part: signatures were not checked."),
        ({"since": 700}, "verified in part: what is before rests on hashes that the database holds."),
        ({"since": 700}, "intact from position 700 up to position 48213"),
    ],
)
def test_intact_is_not_overstated(how: dict[str, Any], told: str) -> None:
    """A verification without signatures, or of the end of the log alone, is told as just that."""
    found = {**made_runs.EVIDENCE["verification"], **how}
    written = text(made_runs.coverage(header={**made_runs.EVIDENCE, "verification": found}))
    assert told in re.sub(r"<[^>]+>", "", written)


def test_page_has_no_script_and_names_nothing_to_fetch() -> None:
    """No script, link, image, frame or handler; a policy that forbids them all the same."""
    found = tags(text(COVERAGE)) + tags(text(made_runs.exceptions()))
    assert not {tag for tag, _ in found} & {
        "script",
        "link",
        "img",
        "iframe",
        "object",
        "embed",
        "base",
        "image",
        "use",
    }
    assert not [
        name for _, attributes in found for name in attributes if name.startswith("on") or name in ("src", "href")
    ]
    policy = [each["content"] for tag, each in found if tag == "meta" and "http-equiv" in each]
    assert set(policy) == {"default-src 'none'; style-src 'unsafe-inline'"}


def test_everything_is_escaped() -> None:
    """Text from calls is text on the page and in its charts."""
    hostile = rows.siprec("failed", connection_id=HOSTILE, cause_raw=HOSTILE, cause_name=HOSTILE)
    for name, by in (("siprec_sessions", "connection"), ("failure_causes", "connection")):
        asked = {"from_": "2026-10-02", "to": "2026-10-03", "by": by}
        written = text(reports.execute(name, rows.engine(hostile), **asked))
        assert HOSTILE not in written
        assert str(markupsafe.escape(HOSTILE)) in written
        assert not {tag for tag, _ in tags(written)} & {"script", "img"}


def test_every_chart_is_there_for_wide_and_narrow_screens_with_its_words() -> None:
    """A chart has a title and a description that say its figures, also to who cannot see it."""
    written = text(COVERAGE)
    drawn = [attributes for tag, attributes in tags(written) if tag == "svg"]
    names = [figure.name for figure in figures.of(COVERAGE)]
    assert names == ["talk-time", "bounds", "trend"]
    assert [each["class"] for each in drawn] == ["wide", "narrow"] * len(names)
    for each in drawn:
        title, description = (each["aria-labelledby"] or "").split()
        assert f'<title id="{title}">' in written
        assert f'<desc id="{description}">' in written
    ids = re.findall(r' id="([^"]+)"', written)
    assert len(ids) == len(set(ids))


def test_each_pattern_is_defined_in_its_drawing_and_has_a_tone_in_print() -> None:
    """What is filled with a pattern finds it in its own drawing; a printer gets a tone for each there is."""
    written = text(COVERAGE)
    for name in set(re.findall(r"url\(#([a-z-]+)\)", written)):
        assert f'<pattern id="{name}"' in written
    assert all(f'[fill$="{name})"]' in written for name in drawing.PATTERNS)


def test_page_is_honest_about_percentages() -> None:
    """Nothing but all is 100 %: neither in the table nor in the words of a chart."""
    frame = COVERAGE.frame.assign(strict_rate=0.99996, confirmed_ms=10**9, inferred_ms=0, unknown_ms=0, uncovered_ms=1)
    written = text(made_runs.coverage(frame=frame))
    assert "99.9 %" in written
    assert "at least 99.9 % was recorded (low)" in written


def test_signing_is_for_the_coverage_alone() -> None:
    """The sign-off names the hash of what is signed."""
    written = text(COVERAGE)
    assert "Sign-off" in written
    assert f"<code>{content.sha256(COVERAGE)}</code>" in written.partition("Sign-off")[2]
    assert "Sign-off" not in text(made_runs.exceptions())


def test_rows_that_are_left_out_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page holds so many rows, and says how many more there are."""
    monkeypatch.setattr(page, "ROWS_MAX", 30)
    assert "<strong>10 more rows are not on this page.</strong>" in text(made_runs.exceptions())


def test_every_figure_is_in_one_piece_of_the_table() -> None:
    """Cutting a wide table loses nothing, and each piece names its rows."""
    pieces = page.tables(COVERAGE.frame, COVERAGE.columns)
    assert len(pieces) > 1
    heads = [cell.text for piece in pieces for cell in piece.head]
    assert set(heads) == {column.name.replace("_", " ") for column in COVERAGE.columns}
    assert all(piece.head[0].text == "day" for piece in pieces)
    assert len(heads) == len(COVERAGE.columns) + len(pieces) - 1


def test_few_rows_stand_upright() -> None:
    """One total is a line a figure, with its meaning."""
    (piece,) = page.tables(COVERAGE.frame.head(1), COVERAGE.columns)
    assert (piece.upright, len(piece.rows)) == (True, len(COVERAGE.columns))


@pytest.mark.parametrize("name", registry.TITLES)
def test_report_without_calls_is_a_page(name: str) -> None:
    """Nothing to draw is no chart, and no failure."""
    written = text(reports.execute(name, rows.engine(), from_="2026-10-02", to="2026-10-03"))
    assert "<svg" not in written or name == "log_integrity"
    assert "Figures" in written


def test_pareto_adds_up() -> None:
    """The words of the chart are those of the table."""
    (figure,) = figures.of(
        run(*(rows.siprec("failed", cause_raw=raw, cause_name=name) for raw, name in ("aA", "bA", "cB")))
    )
    assert figure.description.startswith("3 failures and abnormal ends. Most frequent: A with 2, 66.6 % of them.")


@pytest.mark.parametrize(("names", "heavy"), [(["csv", "json", "parquet"], []), (["csv", "xlsx"], ["xlsxwriter"])])
def test_no_library_is_loaded_that_no_format_needs(names: list[str], heavy: list[str], tmp_path: Path) -> None:
    """Who asks for a CSV does not wait for a chart library."""
    script = (
        "import sys; from reports import export; from tests.unit.reports.test_export import ONE; "
        f"export.write(ONE, {str(tmp_path)!r}, {names!r}, program_version='1'); "
        "print(*sorted({'altair', 'jinja2', 'vl_convert', 'xlsxwriter'} & set(sys.modules)))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script], cwd=Path(__file__).parents[3], capture_output=True, text=True, check=True
    )
    assert ran.stdout.split() == heavy

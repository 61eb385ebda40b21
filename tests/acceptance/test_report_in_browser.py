"""A report's page as a real Chromium shows it, without a network."""

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest

from reports import export
from tests.acceptance import chromium
from tests.unit.reports import made_runs

pytestmark = pytest.mark.skipif(chromium.PROGRAM is None, reason="no Chromium on this machine")

OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
SHOWN = (
    "[...document.querySelectorAll('svg')]"
    ".filter(e => e.getBoundingClientRect().height > 50).map(e => [...e.classList][0])"
)
LEAST_TEXT = (
    "Math.min(...[...document.querySelectorAll('svg text')].map(e => e.getBoundingClientRect().height).filter(h => h))"
)
COLOURS = "(e => [getComputedStyle(e).color, getComputedStyle(e).backgroundColor])(document.body)"
AXIS = "getComputedStyle(document.querySelector('svg.wide text')).fill"
HATCH = "getComputedStyle(document.querySelector('svg.wide [fill$=\"stripes-blue)\"]')).fill"


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page of coverage with a month of days."""
    folder = tmp_path_factory.mktemp("report")
    return Path(export.write(made_runs.coverage(), folder, ["html"], program_version="1")[0])


@pytest.fixture(scope="module")
def page(written: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[chromium.Page]:
    """The browser with that page in it."""
    with chromium.page(tmp_path_factory.mktemp("browser")) as opened:
        opened.open(written)
        yield opened


def test_it_asks_for_nothing_and_complains_of_nothing(page: chromium.Page, written: Path) -> None:
    """The file itself is the only request, and the console stays empty."""
    assert page.requests == [written.as_uri()]
    assert page.complaints == []


def test_what_it_says_is_there_to_read(page: chromium.Page) -> None:
    """Header, figures and sign-off are rendered text, and charts take their room."""
    page.looks(width=1280, scheme="light")
    read = page.value("document.body.innerText")
    for part in ("intact up to position 48213", "no eligible calls", "Talk time by day", "Reviewed by", "99.6 %"):
        assert part in read
    assert page.value(SHOWN) == ["wide"] * 3


def test_on_a_narrow_screen_nothing_runs_out_of_it(page: chromium.Page) -> None:
    """Charts are those for narrow screens, their text is not scaled down, and only tables scroll by themselves."""
    page.looks(width=390, scheme="light")
    assert page.value(SHOWN) == ["narrow"] * 3
    assert page.value(OVERFLOW) == 0
    assert page.value(LEAST_TEXT) >= 9


def test_dark_is_dark_and_light_is_light(page: chromium.Page) -> None:
    """Text, ground and the lines of charts follow the reader's choice."""
    seen = {}
    for scheme in ("light", "dark"):
        page.looks(width=1280, scheme=scheme)
        seen[scheme] = (*page.value(COLOURS), page.value(AXIS))
    assert seen["light"] == ("rgb(27, 31, 36)", "rgb(255, 255, 255)", "rgb(27, 31, 36)")
    assert seen["dark"] == ("rgb(230, 237, 243)", "rgb(13, 17, 23)", "rgb(230, 237, 243)")


def test_it_prints_on_light_paper_in_tones_of_reasonable_size(page: chromium.Page) -> None:
    """Also from a dark screen; patterns, which a browser would print as pictures, become tones."""
    page.looks(width=1280, scheme="dark", media="print")
    assert page.value(COLOURS)[1] == "rgb(255, 255, 255)"
    assert page.value(HATCH) == "rgb(169, 203, 232)"
    printed = base64.b64decode(page.ask("Page.printToPDF", preferCSSPageSize=True)["data"])
    assert printed.startswith(b"%PDF")
    assert len(printed) < 2_000_000

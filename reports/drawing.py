"""A spec as SVG that stands in a page: it has a title and a description, and brings the patterns it is filled with.

vl-convert draws it here, without a browser. Text is measured with a font that it brings along, so that the same spec
gives the same bytes on any machine; where a page has another font of those widths, it looks the same.
"""

import re
from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING

import vl_convert

if TYPE_CHECKING:
    from reports.charts import Spec

FONT = "Liberation Sans"
"""The font that vl-convert brings; Arial and Helvetica have its widths."""

_OPENING = re.compile(r'<svg [^>]*?width="([0-9.]+)" height="([0-9.]+)" viewBox="([^"]*)">')
_BLUE, _RED, _GREY, _AMBER = "#2f78b4", "#b8432f", "#7d8590", "#a8730f"
_TILE = '<path class="tile" d="M0 0h6v6h-6z" fill="#fff"/>'
PATTERNS: Mapping[str, str] = {
    "solid-blue": f'<path d="M0 0h6v6h-6z" fill="{_BLUE}"/>',
    "stripes-blue": f'{_TILE}<path d="M0 6L6 0M-1 1L1 -1M5 7L7 5" stroke="{_BLUE}" stroke-width="2"/>',
    "dots-grey": f'{_TILE}<circle cx="3" cy="3" r="1.4" fill="{_GREY}"/>',
    "lines-grey": f'{_TILE}<path d="M0 3h6" stroke="{_GREY}" stroke-width="1.2"/>',
    "cross-red": f'{_TILE}<path d="M0 0L6 6M6 0L0 6" stroke="{_RED}" stroke-width="1.6"/>',
    "stripes-red": f'{_TILE}<path d="M0 0L6 6M-1 5L1 7M5 -1L7 1" stroke="{_RED}" stroke-width="2"/>',
    "solid-red": f'<path d="M0 0h6v6h-6z" fill="{_RED}"/>',
    "bars-amber": f'{_TILE}<path d="M3 0v6" stroke="{_AMBER}" stroke-width="2"/>',
    "grid-amber": f'{_TILE}<path d="M3 0v6M0 3h6" stroke="{_AMBER}" stroke-width="1.2"/>',
}
"""Pattern -> what is in a square of 6 by 6. A spec fills with ``url(#<pattern>)``.

A browser prints patterns as pictures, 40 MB of them: the page prints a tone for each, as dark as no other.
"""


def svg(spec: "Spec", *, id_: str, title: str, description: str, kind: str = "chart") -> str:
    """Draw a spec. ``id_`` is the page's own for it, a name of letters, digits and hyphens."""
    drawn = vl_convert.vegalite_to_svg(spec.to_dict())
    opening = _OPENING.match(drawn)
    assert opening is not None, "what vl-convert draws begins with its size"
    width, height, box = opening.groups()
    inside = drawn[opening.end() :].replace('"url(#', f'"url(#{id_}-')
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="{kind}" role="img" width="{width}" height="{height}" '
        f'viewBox="{box}" aria-labelledby="{id_}-title {id_}-desc"><title id="{id_}-title">{escape(title)}</title>'
        f'<desc id="{id_}-desc">{escape(description)}</desc><defs>{_defined(inside, id_)}</defs>{inside}'
    )


def _defined(inside: str, id_: str) -> str:
    """Give the patterns that a drawing uses, under its own id: a hidden drawing's are no use to another."""
    return "".join(
        f'<pattern id="{id_}-{name}" width="6" height="6" patternUnits="userSpaceOnUse">{square}</pattern>'
        for name, square in PATTERNS.items()
        if f"url(#{id_}-{name})" in inside
    )

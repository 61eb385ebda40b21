"""Where in a TOML document something stands: the parser says what is there, and only of syntax errors where."""

import re
import tomllib
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias, cast

Path: TypeAlias = tuple[str | int, ...]
"""Keys and numbers (from 0) that lead from the document to a value."""

_TOKEN = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}'
    r"|'''.*?'{3,5}"
    r'|"(?:\\.|[^"\\\n])*"'
    r"|'[^'\n]*'"
    r"|\#[^\n]*|[\[{]|[\]}]|\n",
    re.DOTALL,
)


def line_of(document: str, path: Path) -> int:
    """Give the line, from 1, on which the statement begins that says what ``path`` leads to; the document is TOML."""
    return _first_where(document, lambda text: _holds(tomllib.loads(text), path))


def line_of_failure(document: str) -> int:
    """Give the line, from 1, of the first statement that the parser fails at, for whatever reason."""
    return _first_where(document, _fails)


def _first_where(document: str, told: Callable[[str], bool]) -> int:
    """Give the line of the first statement with which the document, up to its end, answers yes."""
    begins = [*_statements(document), len(document)]

    def answer(number: int) -> bool:
        try:
            return told(document[: begins[number]])
        except (ValueError, RecursionError):
            return False

    statement = bisect_left(range(1, len(begins)), True, key=answer)  # noqa: FBT003  False comes before True
    return document.count("\n", 0, begins[min(statement, len(begins) - 2)]) + 1


def _statements(document: str) -> list[int]:
    """Give where each statement begins; a comment or an empty line is one."""
    begins, depth = [0], 0
    for token in _TOKEN.finditer(document):
        match token[0]:
            case "[" | "{":
                depth += 1
            case "]" | "}":
                depth -= 1
            case "\n" if depth <= 0 and token.end() < len(document):
                begins.append(token.end())
            case _:
                pass
    return begins


def _fails(text: str) -> bool:
    try:
        tomllib.loads(text)
    except (ValueError, RecursionError):
        return True
    return False


def _holds(value: object, path: Path) -> bool:
    for step in path:
        match value:
            case dict() if step in value:
                value = cast("Mapping[Any, object]", value)[step]
            case list() if isinstance(step, int) and step < len(cast("Sequence[object]", value)):
                value = cast("Sequence[object]", value)[step]
            case _:
                return False
    return True

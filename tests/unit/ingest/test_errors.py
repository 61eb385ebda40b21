"""The closed list of reasons is what the code refuses with."""

import ast
from pathlib import Path

from ingest import errors
from store.errors import EntryRefused, LogUnavailable, SpoolUnavailable

INGEST = Path(errors.__file__).parent
KINDS = {kind.__name__ for kind in (errors.Refused, *errors.Refused.__subclasses__())}


def _reasons(source: Path) -> set[str]:
    """Give the reasons that a module refuses with, as it writes them."""
    calls = [node for node in ast.walk(ast.parse(source.read_text())) if isinstance(node, ast.Call)]
    names = [node for node in calls if ast.unparse(node.func).rpartition(".")[2] in KINDS]
    first = [node.args[0] for node in names if node.args]
    written = {reason.value for reason in first if isinstance(reason, ast.Constant) and isinstance(reason.value, str)}
    named = {reason.attr for reason in first if isinstance(reason, ast.Attribute)}
    return written | {getattr(errors, name) for name in named if hasattr(errors, name)}


def test_every_reason_is_listed() -> None:
    """A metric has a series for each; one that is not listed would be counted as another."""
    written = set[str]().union(*(_reasons(source) for source in INGEST.glob("*.py")))
    passed_on = {kind.reason for kind in (LogUnavailable, SpoolUnavailable, EntryRefused)}
    assert {*written, *passed_on, errors.RATE_LIMITED} == set(errors.REASONS)
    assert len(set(errors.REASONS)) == len(errors.REASONS)

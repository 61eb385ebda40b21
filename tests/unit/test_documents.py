"""What the documents name is there: files, commands, targets, settings."""

import re
import shlex
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
import typer.main
from prometheus_client.parser import text_string_to_metric_families

from callaudit import cli, refusals
from callaudit.metrics import page
from callaudit.metrics.counters import Counters
from callaudit.settings import Settings
from ingest import errors
from reports import scheduled
from store.errors import MirrorInconsistent, MirrorUnavailable, SealingRefused
from store.heartbeats import Beat
from store.standing import WORK, Standing

NOW = datetime.now(UTC)

ROOT = Path(__file__).parents[2]
DOCUMENTS = [
    *("README.md", "ARCHITECTURE.md", "benchmarks/README.md"),
    *("docs/coverage.md", "docs/exports.md", "docs/policy.md", "docs/reports.md", "docs/reproducing.md"),
    "docs/schedules.md",
    *("docs/operations.md", "docs/security.md", "docs/verifying.md"),
]
OF_THE_HOME = ("keys/", "spool/", "metrics/", "deploy/.env", "callaudit/report/v1")
"""Paths that documents name and that are no part of the repository; and the first line of what is signed."""


def _text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", DOCUMENTS)
def test_files_named_in_a_document_exist(name: str) -> None:
    """Every path of the repository that a document names in backticks or links is there."""
    named = re.findall(r"`((?:[a-z_]+/)+[a-z0-9_.]*)`", _text(name)) + re.findall(r"\]\(([^)#:]+)\)", _text(name))
    missing = [
        path
        for path in named
        if not path.startswith(OF_THE_HOME)
        and not (ROOT / path).exists()
        and not (ROOT / name).parent.joinpath(path).exists()
    ]

    assert missing == []


@pytest.mark.parametrize("name", [*DOCUMENTS, "CHANGELOG.md"])
def test_commands_named_in_a_document_are_commands(name: str) -> None:
    """Every `callaudit …` that a document shows is a command of the program."""
    top = typer.main.get_command(cli.build([]))
    for words in re.findall(r"callaudit ((?:[a-z]+ ?)+)", _text(name)):
        first, *rest = words.split()
        if first not in cli.COMMANDS:
            continue  # prose, not a command line
        command = top.commands[first]  # pyright: ignore[reportAttributeAccessIssue]
        assert not hasattr(command, "commands") or not rest or rest[0] in command.commands, words


def test_command_lines_for_operators_are_understood() -> None:
    """Each line of a block that runs the program has options and arguments that its command takes."""
    lines = re.findall(r"^callaudit (.*)$", _text("docs/operations.md"), re.MULTILINE)
    lines += re.findall(r"`callaudit ([a-z ]*--[^`]*)`", _text("docs/operations.md"))
    assert len(lines) > 4
    for line in lines:
        command, words = typer.main.get_command(cli.build([])), shlex.split(line)
        while hasattr(command, "commands"):
            command = command.commands[words.pop(0)]  # pyright: ignore[reportAttributeAccessIssue]
        command.make_context(line, words).close()


def test_make_targets_of_the_readme_are_described() -> None:
    """The README's two commands are targets, and every phony target has its description."""
    makefile = _text("Makefile")
    described = set(re.findall(r"^([a-z-]+):.*## ", makefile, re.MULTILINE))
    phony = re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)

    assert phony is not None
    assert set(phony[1].split()) == described
    assert set(re.findall(r"make ([a-z-]+)$", _text("README.md"), re.MULTILINE)) == {"demo", "test"}


@pytest.mark.parametrize("name", ["README.md", "docs/operations.md", "docs/security.md"])
def test_settings_named_in_a_document_are_settings(name: str) -> None:
    """Every variable that a document names is read."""
    named = set(re.findall(r"`([A-Z]+_[A-Z_]+)", _text(name)))

    assert named <= {field.upper() for field in Settings.model_fields}


def test_anchors_within_a_document_are_headings() -> None:
    """Every link to a section of the same page finds it."""
    for name in DOCUMENTS:
        headings = re.findall(r"^#+ (.*)$", _text(name), re.MULTILINE)
        anchors = {re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in headings}
        assert set(re.findall(r"\]\(#([^)]+)\)", _text(name))) <= anchors, name


def test_metrics_are_described_for_operators() -> None:
    """Every series of a scrape is in the operators' table, and no other is."""
    beats = {duty: Beat(process=UUID(int=0), duty=duty, since=NOW, alive_at=NOW) for duty in WORK}
    schedules = scheduled.Standing(waiting_since=None, failed=0, given_up=0)
    text = page.render(Counters(None), Standing(position=0, sealed=0, beats=beats), schedules).decode()
    shown = {f"{family.name}{'_total' * (family.type == 'counter')}" for family in text_string_to_metric_families(text)}
    created = {name for name in shown if name.endswith("_created")}

    assert set(re.findall(r"`(callaudit_[a-z_]+)(?:\{[a-z]+\})?`", _text("docs/operations.md"))) >= shown - created
    named = set(
        re.findall(
            r"\b(callaudit_[a-z_]+)",
            re.sub(r"callaudit_(ingest|worker|analyst|auditor)\b", "", _text("docs/operations.md")),
        )
    )
    assert named <= shown


def test_reasons_and_events_are_described_for_operators() -> None:
    """Every reason of a refusal, and every event that is logged, stands in the operators' tables."""
    described = set(re.findall(r"`([a-z_]+)`", _text("docs/operations.md")))
    sources = [*(ROOT / "callaudit").rglob("*.py")]
    told = r'(?:_log\.\w+|Alarm)\(\s*"(\w+)"(?:, "(\w+)"\))?'
    logged = {event for source in sources for each in re.findall(told, source.read_text()) for event in each if event}
    unsealed = {kind.reason for kind in (*SealingRefused.__subclasses__(), MirrorInconsistent, MirrorUnavailable)}

    assert "sealing_again" in logged
    assert {*errors.REASONS, *refusals.REASONS} | logged | unsealed <= described

"""What the documents name is there: files, commands, targets, settings."""

import re
from pathlib import Path

import pytest
import typer.main

from callaudit import cli
from callaudit.settings import Settings

ROOT = Path(__file__).parents[2]
DOCUMENTS = ["README.md", "ARCHITECTURE.md", "docs/reports.md", "docs/verifying.md", "benchmarks/README.md"]


def _text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", DOCUMENTS)
def test_files_named_in_a_document_exist(name: str) -> None:
    """Every path of the repository that a document names in backticks or links is there."""
    named = re.findall(r"`((?:[a-z_]+/)+[a-z0-9_.]*)`", _text(name)) + re.findall(r"\]\(([^)#:]+)\)", _text(name))
    missing = [
        path for path in named if not (ROOT / path).exists() and not (ROOT / name).parent.joinpath(path).exists()
    ]

    assert missing == []


@pytest.mark.parametrize("name", ["README.md", "CHANGELOG.md", "docs/reports.md", "docs/verifying.md"])
def test_commands_named_in_a_document_are_commands(name: str) -> None:
    """Every `callaudit …` that a document shows is a command of the program."""
    top = typer.main.get_command(cli.build([]))
    for words in re.findall(r"callaudit ((?:[a-z]+ ?)+)", _text(name)):
        first, *rest = words.split()
        if first not in cli.COMMANDS:
            continue  # prose, not a command line
        command = top.commands[first]  # pyright: ignore[reportAttributeAccessIssue]
        assert not hasattr(command, "commands") or not rest or rest[0] in command.commands, words


def test_make_targets_of_the_readme_are_described() -> None:
    """The README's two commands are targets, and every phony target has its description."""
    makefile = _text("Makefile")
    described = set(re.findall(r"^([a-z-]+):.*## ", makefile, re.MULTILINE))
    phony = re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)

    assert phony is not None
    assert set(phony[1].split()) == described
    assert set(re.findall(r"make ([a-z-]+)$", _text("README.md"), re.MULTILINE)) == {"demo", "test"}


def test_settings_in_the_readme_are_settings() -> None:
    """Every variable in the README's table of settings is read."""
    named = set(re.findall(r"`([A-Z]+_[A-Z_]+)`", _text("README.md")))

    assert named <= {field.upper() for field in Settings.model_fields}

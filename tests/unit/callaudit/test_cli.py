"""The command line's exit codes and sentences, as far as no database is needed: the address given is nobody's."""

import re
import socket
import subprocess
import sys
from collections.abc import Callable, Generator
from pathlib import Path

import pytest
import typer

from callaudit import cli
from callaudit.settings import Settings

Ask = Callable[..., int]


@pytest.fixture
def nobody() -> Generator[int]:
    """Give a port that nobody listens on."""
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        yield unheard.getsockname()[1]


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, nobody: int) -> Ask:
    """Run a command line in an empty directory, with these settings, and give its exit code."""
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.setenv(name.upper(), "")
    monkeypatch.setenv("DATABASE_URL", f"postgresql://ada:hunter2@127.0.0.1:{nobody}/audit")

    def run(*arguments: str, **settings: str) -> int:
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr("sys.argv", ["callaudit", *arguments])
        return cli._run(cli.build(arguments))

    return run


def refusal(capsys: pytest.CaptureFixture[str]) -> tuple[str, str]:
    """Give the one sentence that was said, and its reason."""
    printed, said = capsys.readouterr()
    assert printed == ""
    match = re.fullmatch(r"callaudit: (.+) \[(\w+)\]\n", said)
    assert match is not None, said
    return match[1], match[2]


@pytest.mark.parametrize(
    "password",
    ["hun@ter2", "hun/ter2", "hun%ter2", "@hun@ter2", "hun?ter2", "hun ter2@x", "[hunter2", "hunter2,x@y", "hun:ter2"],
)
@pytest.mark.parametrize("name", ["DATABASE_URL", "CALLAUDIT_QUERY_DATABASE_URL"])
def test_password_with_special_characters_is_in_no_refusal(
    ask: Ask, capsys: pytest.CaptureFixture[str], nobody: int, password: str, name: str
) -> None:
    """Not even the part of it that could be taken for a host, a port or a database."""
    assert ask("calls", "list", **{name: f"postgresql://ada:{password}@127.0.0.1:{nobody}/audit"}) == 2
    sentence, reason = refusal(capsys)
    assert reason in {"settings_refused", "database_refused"}
    assert not re.search("hun|ter2", sentence)


@pytest.mark.parametrize(
    "command", ["log stats", "calls list", "calls show x", "report run siprec_sessions", "rebuild"]
)
def test_database_that_cannot_be_reached_is_refused(
    ask: Ask, capsys: pytest.CaptureFixture[str], nobody: int, command: str
) -> None:
    """The sentence says where nobody answered, and not with which password."""
    assert ask(*command.split()) == 2
    sentence, reason = refusal(capsys)
    assert reason == "database_refused"
    assert str(nobody) in sentence
    assert "hunter2" not in sentence


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ("nonsense", "report_unknown"),
        ("siprec_sessions --from yesterday", "date_refused"),
        ("siprec_sessions --from 2026-02-30", "date_refused"),
        ("siprec_sessions --from 20260201", "date_refused"),
        ("siprec_sessions --from 9999-12-31", "period_empty"),
        ("siprec_sessions --from 0001-01-01", "period_out_of_range"),
        ("siprec_sessions --from 2026-02-02 --to 2026-02-01", "period_empty"),
        ("siprec_sessions --zone Mars/Phobos", "zone_unknown"),
        ("siprec_sessions --zone ../../etc/passwd", "zone_unknown"),
        ("siprec_sessions --by month", "grouping_unknown"),
    ],
)
def test_question_without_answer_is_refused(
    ask: Ask, capsys: pytest.CaptureFixture[str], asked: str, reason: str
) -> None:
    """Before any database is asked."""
    assert ask("report", "run", *asked.split()) == 2
    assert refusal(capsys)[1] == reason


@pytest.mark.parametrize(
    "command", ["nonsense", "calls", "calls show", "calls list --limit 0", "up --port 65536", "--x", ""]
)
def test_wrong_use_is_told_with_the_usage(ask: Ask, capsys: pytest.CaptureFixture[str], command: str) -> None:
    """Commands and options that there are not, and arguments that are missing: exit code 2."""
    assert ask(*command.split()) == 2
    assert "Usage: " in "".join(capsys.readouterr())


@pytest.mark.parametrize(
    "command", ["--help", *(f"{name} --help" for name in cli.COMMANDS), "report list", "report list --json"]
)
def test_good_answer_is_exit_code_0(ask: Ask, capsys: pytest.CaptureFixture[str], command: str) -> None:
    """Help for every command, and what can be said without a database."""
    assert ask(*command.split()) == 0
    printed, said = capsys.readouterr()
    assert printed
    assert said == ""


def test_interruption_is_exit_code_130() -> None:
    """As a shell expects of a program that was interrupted."""

    def interrupted(**_: object) -> None:
        raise KeyboardInterrupt

    assert cli._run(interrupted) == 130


def test_command_may_end_with_its_own_code() -> None:
    """What a command raises or returns is the exit code; nothing is 0."""
    app = typer.Typer()

    @app.command()
    def no() -> None:
        raise typer.Exit(1)

    assert cli._run(lambda **options: app([], **options)) == 1
    assert cli._run(lambda **_: None) == 0


def test_mistake_of_ours_is_raised() -> None:
    """What nobody foresaw is no refusal: its traceback is needed."""

    def mistaken(**_: object) -> None:
        raise LookupError("ours")

    with pytest.raises(LookupError, match="ours"):
        cli._run(mistaken)


@pytest.mark.parametrize("module", ["serve", "worker", "commands.processes", "commands.log", "commands.report"])
def test_what_does_not_migrate_starts_without_the_tools_for_it(module: str) -> None:
    """They would be a third of what the server or the worker imports before it begins."""
    code = f"import sys, callaudit.{module}; sys.exit(bool({{'alembic', 'sqlalchemy'}} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

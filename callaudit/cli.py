"""The command line: what a person or a schedule types. Exit codes: 0 good, 1 the answer is no, 2 wrong use."""

import importlib
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import NoReturn

import typer

from callaudit import logs
from callaudit.database import missing_schema

COMMANDS: Mapping[str, str] = {
    "up": "processes",
    "serve": "processes",
    "worker": "database",
    "migrate": "database",
    "demo": "demo",
    "simulate": "simulate",
    "upstream": "upstream",
    "calls": "calls",
    "call": "call",
    "report": "report",
    "schedule": "schedule",
    "log": "log",
    "rebuild": "rebuild",
    "policy": "policy",
    "keys": "keys",
}
"""Command -> the module of ``callaudit.commands`` that has it, as a function or (then named ``app``) a group."""


def main() -> NoReturn:
    """Run the program. A refusal (anything with a ``reason``) is one sentence and exit 2, never a traceback."""
    logs.configure()
    if any(not _is_text(argument) for argument in sys.argv):
        logs.say("callaudit: an argument is no text in UTF-8 [argument_refused]")
        sys.exit(2)
    sys.exit(_run(build(sys.argv[1:])))


def build(arguments: Sequence[str]) -> typer.Typer:
    """Give the command line; of its commands only the one that was asked for, which saves importing the others."""
    asked = next((argument for argument in arguments if not argument.startswith("-")), "")
    app = typer.Typer(
        help="A provable record of what happened on every phone call.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    app.callback()(_callaudit)
    for name in [asked] if asked in COMMANDS else COMMANDS:
        module = importlib.import_module(f"callaudit.commands.{COMMANDS[name]}")
        if hasattr(module, "app"):
            app.add_typer(module.app, name=name)
        else:
            app.command(name)(getattr(module, name))
    return app


def _is_text(argument: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in argument)


def _callaudit() -> None:
    """Keep commands below a name, also where only one of them was imported."""


def _run(program: Callable[..., object]) -> int:
    try:
        code = program(standalone_mode=False)  # gives the code of a typer.Exit, else what the command returned
    except (typer.Abort, KeyboardInterrupt):
        return 130
    except Exception as error:  # noqa: BLE001  told in one sentence, or raised on
        show = getattr(error, "show", None)
        if show is not None:  # a usage error: it knows how to show itself, with the usage line
            show()
            return 2
        logs.say(f"callaudit: {_sentence(error)}")
        return 2
    return code if isinstance(code, int) else 0


def _sentence(error: Exception) -> str:
    """Say what was refused, in one line with its reason; what nobody foresaw is raised on."""
    reason = getattr(error, "reason", None)
    if reason is not None:
        return f"{error} [{reason}]"
    database_error = getattr(error, "orig", error)  # SQLAlchemy's wrapper around the driver's
    if not type(database_error).__module__.startswith("psycopg"):
        raise error
    if missing_schema(database_error):
        return "the database has no schema of callaudit yet: run `callaudit migrate` [schema_missing]"
    return f"the database refused: {' '.join(str(database_error).split())} [database_refused]"

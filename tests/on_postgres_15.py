"""Run what depends on the server's version on the machine's own Postgres 15, if there is one; else say so.

That is every SQL statement of ours: log, read models, access, gateway, reports. What starts a Postgres
of its own, or asks the same reports again at length, ran on the embedded one.
"""

import subprocess
import sys
from pathlib import Path

SAME_ON_ANY = (
    *("callaudit/test_embedded_postgres.py", "callaudit/test_up.py"),
    *(f"reports/test_{name}.py" for name in ("truth", "rerun", "as_of", "notebook", "object_store")),
)
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
            *(f"--ignore=tests/integration/{name}" for name in SAME_ON_ANY),
        ],
        check=False,
    ).returncode
)

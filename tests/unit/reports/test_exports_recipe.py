"""The recipe of docs/exports.md, as somebody without callaudit runs it."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from reports import export, manifest
from store import signing
from tests.unit.reports.test_export import failed, run

TEXT = (Path(__file__).parents[3] / "docs" / "exports.md").read_text(encoding="utf-8")
COMMANDS = "set -e\n" + "\n".join(re.findall(r"^```sh\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL))


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl on this machine")
@pytest.mark.parametrize("seed", range(4))
def test_openssl_checks_the_signature_and_python_the_files(tmp_path: Path, seed: int) -> None:
    """A set as written verifies, under any key; with a byte changed it does not."""
    del seed
    key = signing.new_key()
    export.write(run(failed("zap")), tmp_path, ["csv"], program_version="1", sign=manifest.signing(key), name="x")
    environment = {**os.environ, "VKEY": str(key.verifier), "NAME": "x"}

    def checked() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-c", COMMANDS], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )

    ran = checked()
    assert ran.returncode == 0, ran.stderr
    assert "Signature Verified Successfully" in ran.stdout
    assert "x.csv True" in ran.stdout
    assert ran.stdout.split()[0] == (tmp_path / "x.manifest.sig").read_text().splitlines()[1]
    changed = (tmp_path / "x.manifest.sig").read_text().replace("v1\n", "v1\n0", 1)
    (tmp_path / "x.manifest.sig").write_text(changed)
    assert checked().returncode != 0

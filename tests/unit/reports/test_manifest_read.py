"""Manifests as they are read to be run again."""

import orjson
import pytest

from reports import rerun
from reports.errors import ManifestRejected

WHOLE = {
    "report": "call_volume",
    "period": {"from": "2026-10-01", "to": "2026-10-02", "zone": "UTC"},
    "by": ["day"],
    "log_position": 7,
    "as_of": "2026-10-02T00:00:00.000000Z",
    "formats": ["csv"],
    "files": [{"name": "call_volume.csv", "sha256": "0"}],
    "content_sha256": "0",
    "versions": {},
}


def test_whole_manifest_is_read() -> None:
    """As it is, with what else it says."""
    assert rerun.load(orjson.dumps(WHOLE | {"rows": 1})) == WHOLE | {"rows": 1}


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize("wrong", [[], "7", 7.5, [{}], None, {"zone": 1}])
def test_manifest_with_a_wrong_or_missing_part_is_refused(name: str, wrong: object) -> None:
    """In a sentence that names the part, whatever stands there."""
    without = {key: value for key, value in WHOLE.items() if key != name}
    with pytest.raises(ManifestRejected, match=f": {name}"):
        rerun.load(orjson.dumps(without))
    if isinstance(wrong, type(WHOLE[name])) or (wrong is None and name in ("log_position", "as_of")):
        return
    with pytest.raises(ManifestRejected, match=f": {name}"):
        rerun.load(orjson.dumps(without | {name: wrong}))


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("log_position", -1),
        ("verification", 3),
        ("verification", {}),
        ("completeness", "x"),
        ("completeness", {"a": "b"}),
        ("tree_root", 7),
    ],
)
def test_what_a_header_would_show_is_looked_at_too(name: str, wrong: object) -> None:
    """Before anything is run again."""
    with pytest.raises(ManifestRejected, match=f": {name}"):
        rerun.load(orjson.dumps(WHOLE | {name: wrong}))


@pytest.mark.parametrize("text", [b"", b"[]", b"null", b"7", b"\xff"])
def test_what_is_no_manifest_is_refused(text: bytes) -> None:
    """Whatever it is."""
    with pytest.raises(ManifestRejected, match="no manifest of a report"):
        rerun.load(text)

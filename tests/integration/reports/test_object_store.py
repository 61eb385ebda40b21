"""Exports to an object store that speaks S3, over HTTP on this machine."""

import hashlib
from collections.abc import Iterator
from typing import Any

import httpx
import obstore
import orjson
import pytest
from obstore.store import S3Store

from reports import export, manifest
from reports.destinations import Objects
from reports.errors import OutExists, OutUnwritable
from store import signing
from tests.unit.reports.test_export import failed, run

URL = "s3://reports/daily"
SETTINGS = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_REGION": "us-east-1",
}


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A server of S3 with one bucket, and the settings of whoever writes to it."""
    import boto3  # these two take seconds, which every process of a run would wait for
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        url = f"http://{host}:{port}"
        for name, value in {**SETTINGS, "AWS_ENDPOINT_URL": url}.items():
            monkeypatch.setenv(name, value)
        httpx.post(f"{url}/moto-api/reset").raise_for_status()  # what it holds outlives a server
        client: Any = boto3.client("s3")
        client.create_bucket(Bucket="reports")
        yield url
    finally:
        server.stop()


def held(endpoint: str) -> dict[str, bytes]:
    """Give what lies in the bucket, by a client of its own."""
    store = S3Store("reports", endpoint=endpoint, client_options={"allow_http": True})
    paths = [each["path"] for batch in obstore.list(store) for each in batch]
    return {path: bytes(obstore.get(store, path).bytes()) for path in paths}


def test_set_lies_below_the_url_with_its_manifest(endpoint: str) -> None:
    """Every file that the manifest names lies there with that hash, and the signature holds."""
    key = signing.new_key()
    paths = export.write(run(failed("zap")), URL, ["csv", "xlsx"], program_version="1", sign=manifest.signing(key))
    assert paths[-1] == f"{URL}/failure_causes.manifest.json"
    lies = held(endpoint)
    assert sorted(lies) == sorted(path.removeprefix("s3://reports/") for path in paths)
    written = lies["daily/failure_causes.manifest.json"]
    for file in orjson.loads(written)["files"]:
        assert hashlib.sha256(lies[f"daily/{file['name']}"]).hexdigest() == file["sha256"]
    manifest.verify(written, lies["daily/failure_causes.manifest.sig"], [key.verifier])


def test_finished_set_is_never_replaced(endpoint: str) -> None:
    """The same bytes again are no change, others are refused, and without create_only they replace."""
    for _ in range(2):
        export.write(run(failed("zap")), URL, ["csv"], program_version="1", create_only=True)
    before = held(endpoint)
    with pytest.raises(OutExists, match=r"s3://reports/daily/failure_causes\.csv: a finished set") as refused:
        export.write(run(failed("other")), URL, ["csv"], program_version="1", create_only=True)
    assert (refused.value.finished, held(endpoint)) == (True, before)
    export.write(run(failed("other")), URL, ["csv"], program_version="1")
    assert held(endpoint) != before


@pytest.mark.parametrize("create_only", [True, False])
def test_bucket_that_is_not_there_is_refused(endpoint: str, create_only: bool) -> None:
    """Said in one sentence, without credentials."""
    with pytest.raises(OutUnwritable, match=r"cannot write to s3://nowhere: .*; check address") as refused:
        export.write(run(), "s3://nowhere", ["csv"], program_version="1", create_only=create_only)
    assert "testing" not in str(refused.value)
    assert held(endpoint) == {}


def test_store_that_does_not_answer_is_refused(endpoint: str) -> None:
    """Within seconds, in one sentence; an opened store may be given in place of a URL."""
    store = S3Store(
        "reports",
        endpoint=f"{endpoint.rpartition(':')[0]}:9",
        client_options={"allow_http": True, "timeout": "1s"},
        retry_config={"max_retries": 0},
    )
    with pytest.raises(OutUnwritable, match="it does not answer as it should"):
        export.write(run(), Objects(store, "s3://reports"), ["csv"], program_version="1")

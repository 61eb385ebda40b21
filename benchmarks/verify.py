"""How fast a log is verified: ``python -m benchmarks.verify [--events N]``.

Makes a log of signed webhooks in a Postgres of its own, seals it, and verifies it as ``callaudit log verify`` does,
whole and with --skip-signatures. The verifier is pinned to one core, Postgres to none.
"""

import argparse
import base64
import os
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg

import migrations
from benchmarks import requests
from callaudit import postgres
from calls import envelope
from ingest import deliveries
from ingest import keys as telnyx_keys
from ingest.strongbox import Strongbox
from store import append, sealing, signing, verify
from store.entry import Entry
from store.telnyx_keys import TelnyxKey

BATCH = 1_000
SIGNED_AT = "1772366400"


def main() -> None:
    """Measure and print the table; end non-zero if the log is not intact."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=100_000)
    events = parser.parse_args().events
    with tempfile.TemporaryDirectory() as folder, postgres.embedded(Path(folder) / "home") as server:
        keys = Path(folder) / "keys"
        url = server.url(dbname="postgres")
        migrations.upgrade(url)
        _fill(server.url(user="callaudit_ingest", dbname="postgres"), events)
        _seal(server.url(user="callaudit_worker", dbname="postgres"), keys)
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
        print("| what is checked | events/s | seconds | CPU seconds of the verifier |\n|---|---|---|---|")
        for signatures in (True, False):
            _measure(server.url(user="callaudit_auditor", dbname="postgres"), keys, signatures=signatures)


def _measure(url: str, keys: Path, *, signatures: bool) -> None:
    (public,) = telnyx_keys.public_keys(requests.KEY.public)
    key = signing.Folder(keys).verifier()
    given = verify.Given(
        log_keys=[] if key is None else [key],
        telnyx_keys=[TelnyxKey(public.key_id, public.label, bytes(public.verify_key), "settings")],
        data_hash_of=(lambda body: envelope.decode(body).data_hash) if signatures else None,
        signatures=signatures,
    )
    with psycopg.connect(url) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        began, began_cpu = time.perf_counter(), time.process_time()
        verdict = verify.verify(connection, given)
        seconds, cpu = time.perf_counter() - began, time.process_time() - began_cpu
    if verdict.first_wrong is not None or verdict.unsealed:
        sys.exit(f"the log is not what was written: {verdict.first_wrong}")
    what = "everything" if signatures else "rows, tree and checkpoints (`--skip-signatures`)"
    print(f"| {what} | {verdict.events / seconds:,.0f} | {seconds:.1f} | {cpu:.1f} |")


def _fill(url: str, events: int) -> None:
    appender = append.Appender(append.connect(url, application_name="benchmark"))
    box = Strongbox(bytes(32))
    for first in range(0, events, BATCH):
        appender.append(list(_entries(first, min(first + BATCH, events), box)))
    appender.close()


def _entries(first: int, end: int, box: Strongbox) -> Iterator[Entry]:
    (public,) = telnyx_keys.public_keys(requests.KEY.public)
    now_us = int(time.time()) * 1_000_000
    for number in range(first, end):
        body = requests.make_body(number, now_us)
        fields: dict[str, Any] = {
            "delivery_id": uuid.uuid4(),
            "body": body,
            "content_type": "application/json",
            "received_us": now_us + number,
            "signed_timestamp": SIGNED_AT,
            "signature": base64.b64decode(requests.KEY.signature(SIGNED_AT, body)),
            "key_id": public.key_id,
        }
        yield deliveries.entry(deliveries.Delivery(**fields), box)


def _seal(url: str, keys: Path) -> None:
    with sealing.connect(url) as connection:
        sealing.Sealer(connection, signing.Folder(keys), lambda: datetime.now(UTC)).seal()


if __name__ == "__main__":
    main()

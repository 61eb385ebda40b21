"""The worker's second place for checkpoints: a thread of its own, for which no sealing ever waits."""

import threading
from collections.abc import Generator
from contextlib import contextmanager

import psycopg

from callaudit import alarms, beside
from store import mirror, sealing, signing
from store.errors import StoreError

LOOK_SECONDS = 1.0
RETRY_SECONDS = 10.0


@contextmanager
def running(
    url: str, folder: signing.Folder, target: str | None, *, retry_seconds: float = RETRY_SECONDS
) -> Generator[None]:
    """Mirror during the block, and once more at its end; without a target do nothing."""
    if target is None:
        yield
        return
    stop = threading.Event()
    with beside.running("mirror checkpoints", stop, run, url, folder, target, stop, retry_seconds):
        yield


def run(url: str, folder: signing.Folder, target: str, stop: threading.Event, retry_seconds: float) -> None:
    """Mirror until told to stop, whatever happens; what fails is said, and tried again."""
    alarm = alarms.Alarm("checkpoint_not_mirrored", "mirroring_again")
    last = False
    while not last:
        last = stop.is_set()
        try:
            _catch_up(url, folder, target, stop, alarm)
        except StoreError as error:
            alarm.on(error.reason, str(error))
        except psycopg.Error as error:
            alarm.on("database_lost", f"{type(error).__name__} {error.sqlstate}")
        except Exception as error:  # noqa: BLE001  a thread that ends would be a silence
            alarm.on("mirroring_failed", type(error).__name__)
        stop.wait(retry_seconds)


def _catch_up(url: str, folder: signing.Folder, target: str, stop: threading.Event, alarm: alarms.Alarm) -> None:
    second = mirror.Mirror(mirror.open_store(target), folder)
    with sealing.connect(url) as connection:
        while True:
            last = stop.is_set()
            wrote = second.catch_up(connection)
            alarm.off()
            if not wrote:
                if last:
                    return
                stop.wait(LOOK_SECONDS)

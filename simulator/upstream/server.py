"""The double over HTTP on a loopback port, with a thread that posts its webhooks as Telnyx does."""

import queue
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx

from simulator.post import ATTEMPTS_MAX, BACKOFF_SECONDS_DEFAULT, NO_ANSWER, TIMEOUT_SECONDS_DEFAULT, is_retried
from simulator.signing import Key
from simulator.upstream.double import Double
from simulator.webhooks import Webhook

LISTEN_SECONDS = 0.05
"""How often a server that is to stop looks whether it is."""


@dataclass(slots=True)
class Serving:
    """A double that answers. ``url`` is what TELNYX_BASE_URL is set to; ``webhooks_url`` may be set anew."""

    double: Double
    url: str
    webhooks_url: str
    waiting: "queue.Queue[Webhook | None]"
    stopped: threading.Event

    def settle(self) -> None:
        """Wait until every webhook so far was answered, or given up."""
        self.waiting.join()


@contextmanager
def running(double: Double, webhooks_url: str, key: Key, port: int = 0) -> Generator[Serving]:
    """Serve during the block; webhooks go to the URL, signed with the key. Port 0 is any."""
    waiting: queue.Queue[Webhook | None] = queue.Queue()
    double.post = waiting.put
    server = _Server(("127.0.0.1", port), _Handler)
    server.double, server.stopped = double, threading.Event()
    serving = Serving(double, f"http://127.0.0.1:{server.server_address[1]}/v2", webhooks_url, waiting, server.stopped)
    threads = [
        threading.Thread(target=server.serve_forever, args=(LISTEN_SECONDS,), name="double"),
        threading.Thread(target=_post, args=(serving, key), name="double's webhooks"),
    ]
    for thread in threads:
        thread.start()
    try:
        yield serving
    finally:
        server.stopped.set()
        waiting.put(None)
        server.shutdown()
        server.server_close()
        for thread in threads:
            thread.join()


def _post(serving: Serving, key: Key) -> None:
    """Post one after the other, each until it is answered for good."""
    with httpx.Client(timeout=TIMEOUT_SECONDS_DEFAULT, trust_env=False) as client:
        while (webhook := serving.waiting.get()) is not None:
            for attempt in range(1, ATTEMPTS_MAX + 1):
                if not is_retried(_posted(client, serving.webhooks_url, key, webhook, attempt)):
                    break
                serving.stopped.wait(BACKOFF_SECONDS_DEFAULT * 2 ** (attempt - 1))
            serving.waiting.task_done()


def _posted(client: httpx.Client, url: str, key: Key, webhook: Webhook, attempt: int) -> int:
    body = webhook.body(attempt, url)
    try:
        return client.post(url, content=body, headers=key.sign(str(int(time.time())), body)).status_code
    except httpx.TransportError:
        return NO_ANSWER


class _Server(ThreadingHTTPServer):
    double: Double
    stopped: threading.Event
    daemon_threads = True
    block_on_close = False  # connections that are kept open would hold the end back


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server  # pyright: ignore[reportIncompatibleVariableOverride]

    def _answer(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(headers.get("content-length", "0")))
        reply = self.server.double.reply(self.command, self.path, headers, body)
        if reply.after_seconds:
            self.server.stopped.wait(reply.after_seconds)
        if reply.answer is None:
            self.close_connection = True
            return
        head = f"HTTP/1.1 {reply.answer.status} x\r\ncontent-type: application/json\r\n"
        length = f"content-length: {len(reply.answer.body)}\r\n\r\n"
        self.wfile.write(f"{head}{length}".encode() + reply.answer.body)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer  # noqa: N815  the library's names

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the library's name
        """Say nothing: a request may hold digits."""

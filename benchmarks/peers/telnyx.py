"""What stands for Telnyx behind the gateway and the proxy: answers each command at once, or after DELAY seconds."""

import asyncio
import os
from typing import Any

DELAY = float(os.environ.get("DELAY", "0"))


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Read the request, wait, and answer as Telnyx's commands do."""
    if scope["type"] != "http":
        while True:
            message = await receive()
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return
    while (await receive()).get("more_body"):
        pass
    await asyncio.sleep(DELAY)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": b'{"data":{"result":"ok"}}'})

"""A reverse proxy as one writes it in Python: Starlette and httpx, headers passed on, nothing recorded or checked."""

import os

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

UPSTREAM = os.environ["UPSTREAM"]
client = httpx.AsyncClient(timeout=20, limits=httpx.Limits(max_keepalive_connections=100))


async def forward(request: Request) -> Response:
    """Pass a request on, and its answer back."""
    headers = {name: value for name, value in request.headers.items() if name not in {"host", "authorization"}}
    headers["authorization"] = "Bearer KEY"
    answer = await client.request(
        request.method, UPSTREAM + request.url.path, content=await request.body(), headers=headers
    )
    kept = {
        name: value for name, value in answer.headers.items() if name not in {"content-length", "transfer-encoding"}
    }
    return Response(answer.content, answer.status_code, kept)


app = Starlette(routes=[Route("/{path:path}", forward, methods=["GET", "POST", "PUT"])])

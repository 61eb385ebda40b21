"""A webhook handler as a FastAPI and SQLAlchemy user would write it: verify, insert, one transaction a request."""

import base64
import json
import os
import time

from fastapi import FastAPI, HTTPException, Request
from nacl.exceptions import BadSignatureError
from nacl.signing import VerifyKey
from sqlalchemy import JSON, Column, DateTime, MetaData, String, Table, create_engine, func
from sqlalchemy.dialects.postgresql import insert
from starlette.concurrency import run_in_threadpool

TOLERANCE_SECONDS = 86_400

engine = create_engine(os.environ["SQLALCHEMY_URL"], pool_size=20)
events = Table(
    "events",
    MetaData(),
    Column("id", String, primary_key=True),
    Column("event_type", String, nullable=False),
    Column("occurred_at", DateTime(timezone=True)),
    Column("received_at", DateTime(timezone=True), server_default=func.now()),
    Column("call_session_id", String, index=True),
    Column("call_leg_id", String),
    Column("body", JSON, nullable=False),
)
key = VerifyKey(base64.b64decode(os.environ["TELNYX_PUBLIC_KEY"]))
app = FastAPI()


@app.post("/webhooks/telnyx")
async def webhook(request: Request) -> dict[str, str]:
    """Verify, insert, answer."""
    body = await request.body()
    timestamp = request.headers.get("telnyx-timestamp", "")
    signature = request.headers.get("telnyx-signature-ed25519", "")
    if abs(time.time() - int(timestamp)) > TOLERANCE_SECONDS:
        raise HTTPException(401)
    try:
        key.verify(timestamp.encode() + b"|" + body, base64.b64decode(signature))
    except BadSignatureError:
        raise HTTPException(401) from None
    await run_in_threadpool(store, json.loads(body))
    return {"status": "ok"}


def store(event: dict) -> None:
    """Insert the event, once."""
    data, payload = event["data"], event["data"]["payload"]
    with engine.begin() as connection:
        connection.execute(
            insert(events)
            .values(
                id=data["id"],
                event_type=data["event_type"],
                occurred_at=data["occurred_at"],
                call_session_id=payload.get("call_session_id"),
                call_leg_id=payload.get("call_leg_id"),
                body=event,
            )
            .on_conflict_do_nothing()
        )

"""``command_audit``: the commands that were asked of the gateway, by whom and why, and what came of them."""

import orjson
import pandas as pd

from calls import instants
from reports.columns import Column, Kind
from reports.question import Question
from reports.registry import Report

NOTHING_TEXT = "no commands on record"

EXCEPTIONS = ("expired", "in_doubt")

COLUMNS = (
    Column("requested_at_utc", Kind.TEXT, "When it was asked for, UTC."),
    Column("command_id", Kind.TEXT, "The command."),
    Column("call_session_id", Kind.TEXT, "The call session."),
    Column("call_leg_id", Kind.TEXT, "The leg."),
    Column("connection_id", Kind.TEXT, "The Telnyx connection."),
    Column("action", Kind.TEXT, "What was to be done, by Telnyx's name."),
    Column("target", Kind.TEXT, "Where a transfer or a new call goes."),
    Column("actor", Kind.TEXT, "Who asked: the name of the API key."),
    Column("key_id", Kind.TEXT, "The API key."),
    Column("purpose", Kind.TEXT, "Why, as they said."),
    Column("ticket", Kind.TEXT, "The ticket they named."),
    Column("approved_by", Kind.TEXT, "Who approved or denied it."),
    Column("state", Kind.TEXT, "What came of it; see docs/gateway.md."),
    Column("outcome", Kind.TEXT, "What confirmed it says: started, failed, stopped, echoed, or a transfer's outcome."),
    Column("exception", Kind.TEXT, "expired or in_doubt: nobody knows whether it was done; empty for all else."),
    Column("http_status", Kind.CODE, "What Telnyx answered."),
    Column("error_code", Kind.TEXT, "Telnyx's code of a refusal."),
    Column("refused_by", Kind.TEXT, "telnyx or gateway."),
    Column("reason", Kind.TEXT, "The gateway's own reason of a refusal or doubt."),
    Column("repeats_count", Kind.COUNT, "How often it was asked for again, and not sent."),
    Column("answer_ms", Kind.MILLISECONDS, "From the request to Telnyx's answer."),
    Column("confirmation_ms", Kind.MILLISECONDS, "From the request to the webhook that confirms it."),
    Column("flags", Kind.TEXT, "What is peculiar about it, with commas."),
    Column("finality", Kind.TEXT, "provisional: an answer, a webhook or a decision may still come."),
    Column("positions", Kind.TEXT, "Log positions it rests on, with commas."),
)


def finish(rows: pd.DataFrame, question: Question) -> pd.DataFrame:
    """Give the commands in order of time, then of ids."""
    del question  # it has no breakdown
    rows = rows.sort_values(["at_us", "command_id"], ignore_index=True)
    return rows.assign(
        requested_at_utc=pd.Series([instants.to_text(each) for each in rows["at_us"].tolist()], dtype="str"),
        answer_ms=(rows["answered_us"] - rows["at_us"]) // 1000,
        confirmation_ms=(rows["confirmed_us"] - rows["at_us"]) // 1000,
        exception=rows["state"].where(rows["state"].isin(EXCEPTIONS)),
        repeats_count=rows["repeats"],
        flags=_listed(rows["flags"]),
        positions=_listed(rows["positions"]),
    )


def _listed(values: "pd.Series[str]") -> "pd.Series[str]":
    return pd.Series([", ".join(map(str, orjson.loads(each))) for each in values.tolist()], dtype="str")


REPORT = Report("command_audit", (), COLUMNS, finish, breakdowns=(), nothing=NOTHING_TEXT)

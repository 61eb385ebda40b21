"""``command_audit``: the commands that were sent to Telnyx, by whom and why, and what came of them.

Commands are on record once they go through the gateway; until then the report has its columns and no line.
"""

import orjson
import pandas as pd

from calls import instants
from reports.columns import Column, Kind
from reports.question import Question
from reports.registry import Report

NOTHING_TEXT = "no commands on record"

COLUMNS = (
    Column("requested_at_utc", Kind.TEXT, "When it was asked for, UTC."),
    Column("command_id", Kind.TEXT, "The command."),
    Column("call_session_id", Kind.TEXT, "The call session."),
    Column("call_leg_id", Kind.TEXT, "The leg."),
    Column("connection_id", Kind.TEXT, "The Telnyx connection."),
    Column("action", Kind.TEXT, "What was to be done, by Telnyx's name."),
    Column("actor", Kind.TEXT, "Who asked."),
    Column("purpose", Kind.TEXT, "Why, as they said."),
    Column("ticket", Kind.TEXT, "The ticket they named."),
    Column("state", Kind.TEXT, "What came of it."),
    Column("http_status", Kind.CODE, "What Telnyx answered."),
    Column("answer_ms", Kind.MILLISECONDS, "From the request to Telnyx's answer."),
    Column("confirmation_ms", Kind.MILLISECONDS, "From the request to the webhook that confirms it."),
    Column("positions", Kind.TEXT, "Log positions it rests on, with commas."),
)


def finish(rows: pd.DataFrame, question: Question) -> pd.DataFrame:
    """Give the commands in order of time, then of ids."""
    del question  # it has no breakdown
    rows = rows.sort_values(["at_us", "command_id"], ignore_index=True)
    at, positions = rows["at_us"].tolist(), rows["positions"].tolist()
    return rows.assign(
        requested_at_utc=pd.Series([instants.to_text(each) for each in at], dtype="str"),
        answer_ms=(rows["answered_us"] - rows["at_us"]) // 1000,
        confirmation_ms=(rows["confirmed_us"] - rows["at_us"]) // 1000,
        positions=pd.Series([", ".join(map(str, orjson.loads(each))) for each in positions], dtype="str"),
    )


REPORT = Report("command_audit", (), COLUMNS, finish, breakdowns=(), nothing=NOTHING_TEXT)

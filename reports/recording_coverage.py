"""``recording_coverage``: how much of what had to be recorded was, by count and by time (domain 5.1, 5.2, 5.5).

A leg counts on the local day of its answer; its talk time is split at local midnight, so that each day has what was
said on it. A pending leg is in no rate: what is missing may still come. Time is that of judged legs, sum over sum.
"""

import pandas as pd

from reports import ratios
from reports.columns import KEYS, NOTHING_TEXT, Column, Kind
from reports.question import KEY_COLUMNS, Question
from reports.registry import Report

NOT_ELIGIBLE = ("not_in_scope", "not_eligible")
"""Verdicts of legs outside both numerator and denominator."""

JUDGED = ("full", "full_inferred", "partial_track", "partial", "unknown", "unrecorded")
"""Verdicts that are one: eligible, and not pending."""

PARTS = ("confirmed", "inferred", "unknown", "uncovered")
"""What talk time is made of."""

SMALL_BELOW = 30
"""With fewer legs a percentage says little: show the counts and the interval (domain 5.5)."""

COLUMNS = (
    *KEYS,
    Column("legs_count", Kind.COUNT, "All legs of the group."),
    Column("not_in_scope_count", Kind.COUNT, "The policy does not ask for a recording."),
    Column("not_eligible_count", Kind.COUNT, "Never answered, or shorter than the policy asks for."),
    Column("eligible_count", Kind.COUNT, "Had to be recorded: all others."),
    Column("pending_count", Kind.COUNT, "Eligible; events may still come, nothing is concluded. In no rate."),
    Column("judged_count", Kind.COUNT, "eligible_count - pending_count: the denominator of every rate."),
    Column("full_count", Kind.COUNT, "Recorded within the policy's tolerances, both ends evidenced."),
    Column("full_inferred_count", Kind.COUNT, "The same, an end taken from the hangup."),
    Column("partial_track_count", Kind.COUNT, "Full in time, but one direction only."),
    Column("partial_count", Kind.COUNT, "Some recorded, and more missing than the tolerances allow."),
    Column("unknown_count", Kind.COUNT, "The evidence says neither recorded nor unrecorded."),
    Column("unrecorded_count", Kind.COUNT, "Nothing recorded."),
    Column("unrecorded_failure_count", Kind.COUNT, "Of those: a failure to record was reported."),
    Column("unrecorded_silence_count", Kind.COUNT, "Of those: no event speaks of any recording."),
    Column("strict_rate", Kind.GOOD_RATIO, "Low: full_count / judged_count; empty where none was judged."),
    Column("strict_low_95", Kind.GOOD_RATIO, "Lower end of its 95 % Wilson interval."),
    Column("strict_high_95", Kind.BAD_RATIO, "Upper end of its 95 % Wilson interval."),
    Column("strict_upper_share", Kind.BAD_RATIO, "(full + unknown) / judged: were all unknown legs full."),
    Column("usual_rate", Kind.GOOD_RATIO, "Mid: (full + full_inferred) / judged."),
    Column("usual_low_95", Kind.GOOD_RATIO, "Lower end of its 95 % Wilson interval."),
    Column("usual_high_95", Kind.BAD_RATIO, "Upper end of its 95 % Wilson interval."),
    Column("usual_upper_share", Kind.BAD_RATIO, "High: (full + full_inferred + unknown) / judged."),
    Column("unknown_share", Kind.BAD_RATIO, "unknown_count / judged_count."),
    Column("sample", Kind.TEXT, "no eligible calls, all pending, or n < 30; else empty."),
    Column("grade_a_count", Kind.COUNT, "Judged, both ends by webhooks."),
    Column("grade_b_count", Kind.COUNT, "Judged, one end or the answer inferred."),
    Column("grade_c_count", Kind.COUNT, "Judged, from provider records alone."),
    Column("grade_d_count", Kind.COUNT, "Judged, the evidence unknown."),
    Column("talk_known_count", Kind.COUNT, "Judged legs whose talk time is known."),
    Column("talk_unknown_count", Kind.COUNT, "Judged legs whose talk time is not; in no sum of time."),
    Column("talk_ms", Kind.MILLISECONDS, "Talk time of judged legs; the four parts below add up to it."),
    Column("confirmed_ms", Kind.MILLISECONDS, "Recorded, both ends evidenced."),
    Column("inferred_ms", Kind.MILLISECONDS, "Recorded, an end taken from the hangup."),
    Column("unknown_ms", Kind.MILLISECONDS, "Perhaps recorded."),
    Column("uncovered_ms", Kind.MILLISECONDS, "Not recorded."),
    Column("time_low_share", Kind.GOOD_RATIO, "confirmed / talk; empty where nobody talked."),
    Column("time_mid_share", Kind.GOOD_RATIO, "(confirmed + inferred) / talk."),
    Column("time_high_share", Kind.BAD_RATIO, "(confirmed + inferred + unknown) / talk."),
    Column("pending_talk_ms", Kind.MILLISECONDS, "Talk time of pending legs, as far as known; in no share."),
    Column("start_delay_known_count", Kind.COUNT, "Judged legs with a first recorded instant."),
    Column("start_delay_median_ms", Kind.MILLISECONDS, "Median time from the answer to it, nearest rank."),
    Column("start_delay_p95_ms", Kind.MILLISECONDS, "95th percentile of the same, nearest rank."),
    Column("recovered_count", Kind.COUNT, "Judged legs on which recording failed, and later ran."),
    Column("double_covered_ms", Kind.MILLISECONDS, "Recorded by SIPREC and natively at once; adds no coverage."),
    Column("over_recorded_count", Kind.COUNT, "Legs recorded that must not be, also of unknown extent."),
    Column("over_recorded_ms", Kind.MILLISECONDS, "Known time of that, whole on the day of the answer."),
    Column("provisional_count", Kind.COUNT, "Legs that later events or time may still change."),
)

_DELAYS = ["start_delay_known_count", "start_delay_median_ms", "start_delay_p95_ms"]


def finish(rows: pd.DataFrame, question: Question) -> pd.DataFrame:
    """Add up each group, then the rates, bounds and shares; by day, week, connection, number, tag."""
    sums = _counts(rows).groupby(KEY_COLUMNS, dropna=False, as_index=False).sum()
    frame = question.groups(rows).merge(sums, how="left", on=KEY_COLUMNS)
    frame = frame.merge(rows[rows["verdict"].isna()][[*KEY_COLUMNS, *_DELAYS]], how="left", on=KEY_COLUMNS)
    added = [name for name in frame.columns if name not in (*KEY_COLUMNS, *_DELAYS[1:])]
    frame[added] = frame[added].fillna(0)
    frame = _with_shares(_with_rates(frame))
    milliseconds = {f"{name[:-3]}_ms": frame[name] // 1000 for name in frame.columns if name.endswith("_us")}
    return frame.assign(**milliseconds).sort_values(KEY_COLUMNS, na_position="last")


def _counts(rows: pd.DataFrame) -> pd.DataFrame:
    """Give each row of the SQL in the columns it counts in."""
    verdict, grade, legs = rows["verdict"], rows["evidence_grade"], rows["legs_count"]
    judged = verdict.isin(JUDGED)
    counts = {f"{name}_count": legs.where(verdict == name, 0) for name in (*NOT_ELIGIBLE, "pending", *JUDGED)}
    for letter in "ABCD":
        counts[f"grade_{letter.lower()}_count"] = legs.where(judged & (grade == letter), 0)
    for name in ("failure_count", "silence_count"):
        counts[f"unrecorded_{name}"] = rows[name].where(verdict == "unrecorded", 0)
    for name in ("talk_known_count", "recovered_count", *(f"{part}_us" for part in ("talk", *PARTS))):
        counts[name] = rows[name].fillna(0).where(judged, 0)
    counts["pending_talk_us"] = rows["talk_us"].fillna(0).where(verdict == "pending", 0)
    for name in ("legs_count", "over_recorded_count", "over_recorded_us", "double_covered_us", "provisional_count"):
        counts[name] = rows[name].fillna(0)
    return rows[KEY_COLUMNS].assign(**counts)


def _with_rates(frame: pd.DataFrame) -> pd.DataFrame:
    eligible = frame["legs_count"] - frame["not_in_scope_count"] - frame["not_eligible_count"]
    judged = eligible - frame["pending_count"]
    strict, unknown = frame["full_count"], frame["unknown_count"]
    usual = strict + frame["full_inferred_count"]
    return frame.assign(
        eligible_count=eligible,
        judged_count=judged,
        **ratios.rate(strict, judged, "strict"),
        strict_upper_share=ratios.shares(strict + unknown, judged),
        **ratios.rate(usual, judged, "usual"),
        usual_upper_share=ratios.shares(usual + unknown, judged),
        unknown_share=ratios.shares(unknown, judged),
        talk_unknown_count=judged - frame["talk_known_count"],
        sample=pd.Series([_sample(*pair) for pair in zip(eligible, judged, strict=True)], dtype="str"),
    )


def _with_shares(frame: pd.DataFrame) -> pd.DataFrame:
    talk = frame["talk_us"]
    low = frame["confirmed_us"]
    mid = low + frame["inferred_us"]
    return frame.assign(
        time_low_share=ratios.shares(low, talk),
        time_mid_share=ratios.shares(mid, talk),
        time_high_share=ratios.shares(mid + frame["unknown_us"], talk),
    )


def _sample(eligible: int, judged: int) -> str | None:
    """Say why the group's rates are to be read with care, if they are."""
    if not eligible:
        return NOTHING_TEXT
    if not judged:
        return "all pending"
    return f"n < {SMALL_BELOW}" if judged < SMALL_BELOW else None


REPORT = Report("recording_coverage", (), COLUMNS, finish, has_trend=True)

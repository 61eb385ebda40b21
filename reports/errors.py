"""What a report refuses, each with a stable ``reason``.

ReportRefused
    ReportUnknown     report_unknown
    PeriodRefused     zone_unknown, date_refused, period_empty, period_out_of_range
    GroupingUnknown   grouping_unknown
    FormatUnknown     format_unknown
    FormatUnfit       format_unfit
    OutUnwritable     out_unwritable
    OutExists         out_exists
    ManifestRejected  manifest_rejected
    AsOfRefused       as_of_unreadable, as_of_beyond_log, as_of_before_first_checkpoint, as_of_in_future
AsOfFailed            as_of_failed
"""

from collections.abc import Sequence


class ReportRefused(ValueError):
    """A report was asked for in a way that has no answer; ``reason`` is stable, the message is for people."""

    reason: str = "report_refused"


class ReportUnknown(ReportRefused):
    """There is no report of that name; ``known`` are the names there are."""

    reason = "report_unknown"

    def __init__(self, name: str, known: Sequence[str]) -> None:
        super().__init__(f"there is no report {name!r}; there are {', '.join(known)}")
        self.known = tuple(known)


class PeriodRefused(ReportRefused):
    """The dates or the time zone name no period."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class GroupingUnknown(ReportRefused):
    """The report cannot be broken down by that."""

    reason = "grouping_unknown"


class FormatUnknown(ReportRefused):
    """There is no export format of that name."""

    reason = "format_unknown"


class FormatUnfit(ReportRefused):
    """The report is more than a file of that format can hold."""

    reason = "format_unfit"


class OutUnwritable(ReportRefused):
    """The files cannot be written where they should be; nothing of them is left that looks finished."""

    reason = "out_unwritable"


class OutExists(ReportRefused):
    """Something else lies there already. ``finished``: with a manifest, so a set that was finished once."""

    reason = "out_exists"

    def __init__(self, message: str, *, finished: bool) -> None:
        super().__init__(message)
        self.finished = finished


class ManifestRejected(ReportRefused):
    """A manifest is not signed by a key that it should be signed by, or was changed since."""

    reason = "manifest_rejected"


class AsOfRefused(ReportRefused):
    """There is no state of the log as of then."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class AsOfFailed(Exception):
    """The log could not be folded as of then."""

    reason = "as_of_failed"

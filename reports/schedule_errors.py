"""What a schedule refuses, and how a run of it fails, each with a stable ``reason``.

ScheduleRefused (a ReportRefused)
    cron_refused, period_unknown, schedule_name_refused, schedule_exists, schedule_unknown, destination_refused
    due_refused       no instant, or one still to come
    run_delivered     that due time was delivered
    run_in_progress   a worker is at it
RunFailed             tried again later
    report_failed             it could not be made
    database_lost             the database could not be read
    worker_died               the worker ended in the midst of each attempt
    destination_unavailable   it cannot be written now
    delivery_conflict         something else lies there, and nothing is overwritten
"""

from reports.errors import ReportRefused


class ScheduleRefused(ReportRefused):
    """A schedule or a run cannot be had so; the message is a sentence."""

    def __init__(self, reason: str, sentence: str) -> None:
        super().__init__(sentence)
        self.reason = reason


class RunFailed(Exception):
    """An attempt delivered nothing, or not all; the message is a sentence and holds no secret."""

    def __init__(self, reason: str, sentence: str) -> None:
        super().__init__(sentence)
        self.reason = reason

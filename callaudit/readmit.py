"""Readmit what was refused and proves genuine: judged, appended and marked, so many at a time.

Of each portion, one transaction holds the rows, appends the event that says how they came in, then the deliveries,
and marks the rows. So whatever ends it, either all of that is there or nothing; and who runs it again, or twice at
once, appends nothing twice.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

from calls import instants
from ingest import keys, readmission
from ingest.readmission import Readmitted, StillRefused
from ingest.strongbox import Strongbox
from store import append, rejections
from store.entry import Kept
from store.errors import EntryRefused
from store.rejections import Held

PORTION = 500
"""Deliveries in one transaction, and in one event that names them: about 150 KB."""


class _Refused(Exception):
    """The log refuses some of the entries; the transaction is rolled back."""

    def __init__(self, held: Sequence[Held]) -> None:
        super().__init__()
        self.held = held


@dataclass(frozen=True, slots=True)
class Readmission:
    """What is needed to judge and append."""

    connection: psycopg.Connection[Any]
    rules: readmission.Rules
    strongbox: Strongbox
    now_us: instants.Instant

    def run(self, *, dry_run: bool) -> Generator[list[Readmitted | StillRefused]]:
        """Give what became of each portion of what is held; a dry run judges and changes nothing."""
        after = 0
        while portion := rejections.held(self.connection, after, PORTION):
            after = portion[-1].rejection_id
            judged = [readmission.judge(each, self.rules, self.strongbox) for each in portion]
            genuine = [each for each in judged if isinstance(each, Readmitted)]
            if genuine and not dry_run:
                became = self._append_all_but_refused(genuine)
                judged = [
                    each if isinstance(each, StillRefused) else became[each.held.rejection_id]
                    for each in judged
                    if isinstance(each, StillRefused) or each.held.rejection_id in became
                ]
            yield judged

    def _append_all_but_refused(self, genuine: Sequence[Readmitted]) -> dict[int, Readmitted | StillRefused]:
        """Give, by their ids, what became of those that are ours; one that the log refuses must not hold the others."""
        became: dict[int, Readmitted | StillRefused] = {}
        while True:
            left = [each for each in genuine if each.held.rejection_id not in became]
            try:
                ours = self._append(left)
            except _Refused as refused:
                became |= {held.rejection_id: StillRefused(held, EntryRefused.reason) for held in refused.held}
            else:
                return became | {each.held.rejection_id: each for each in left if each.held.rejection_id in ours}

    def _append(self, genuine: Sequence[Readmitted]) -> set[int]:
        """Append and mark those that nobody else readmitted; gives their ids. Raises _Refused, having done nothing."""
        appender = append.Appender(self.connection)
        with self.connection.transaction():
            ours = rejections.claim_held(self.connection, [each.held.rejection_id for each in genuine])
            claimed = [each for each in genuine if each.held.rejection_id in ours]
            if claimed:
                said = [
                    *keys.trusted_events(self.rules.public_keys, self.now_us),
                    readmission.event(claimed, self.now_us),
                ]
                outcomes = appender.append([*said, *(each.entry for each in claimed)])
                delivered = zip(claimed, outcomes[len(said) :], strict=True)
                refused = [each.held for each, outcome in delivered if isinstance(outcome, EntryRefused)]
                if refused:
                    raise _Refused(refused)  # the event names them: it is made anew without them
                for outcome in outcomes:
                    if not isinstance(outcome, Kept):
                        raise outcome
                rejections.mark_readmitted(self.connection, sorted(ours))
        return ours

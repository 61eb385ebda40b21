"""What the store refuses, each with a stable ``reason``.

StoreError
├── LogUnavailable      the log could not take it now; try again
├── SpoolUnavailable    neither could the spool: it is full, or its disk is
├── EntryRefused        Postgres refuses this very entry, whatever is left out of it
└── TreeIncomplete      the log has not all the leaves that a tree of this size has
"""


class StoreError(Exception):
    """Anything the store refuses."""

    reason = "store_error"


class LogUnavailable(StoreError):
    """The log could not say that it took the entry. Trying again is safe: an entry is stored once."""

    reason = "log_unavailable"


class SpoolUnavailable(StoreError):
    """The spool could not write the entry down: it or its disk is full, or cannot be written."""

    reason = "spool_unavailable"


class EntryRefused(StoreError):
    """Postgres refuses the entry even with every column emptied that may be empty."""

    reason = "entry_refused"


class TreeIncomplete(StoreError):
    """A position is missing, or the log is smaller than the tree that was asked for."""

    reason = "tree_incomplete"

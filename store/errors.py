"""What the store refuses, each with a stable ``reason``.

StoreError
├── LogUnavailable      the log could not take it now; nothing was stored, try again
└── EntryRefused        Postgres refuses this very entry, whatever is left out of it
"""


class StoreError(Exception):
    """Anything the store refuses."""

    reason = "store_error"


class LogUnavailable(StoreError):
    """The log could not take the batch now. Nothing of it was stored; the caller may try again."""

    reason = "log_unavailable"


class EntryRefused(StoreError):
    """Postgres refuses the entry even with every column emptied that may be empty."""

    reason = "entry_refused"

"""What the store refuses, each with a stable ``reason``.

StoreError
├── LogUnavailable      the log could not take it now; try again
├── SpoolUnavailable    neither could the spool: it is full, or its disk is
├── EntryRefused        Postgres refuses this very entry, whatever is left out of it
├── TreeIncomplete      the log has not all the leaves that a tree of this size has
├── NothingToContinue   a log that was never sealed needs no other beginning
├── MirrorUnavailable   the second place of the checkpoints cannot be reached; try again
├── MirrorInconsistent  the second place has a checkpoint that contradicts this log
└── SealingRefused      no checkpoint is signed
    ├── LogBehindCheckpoint    the log is smaller than one that was signed
    ├── LogInconsistent        the log is not the one that was signed
    ├── TilesInconsistent      the rows are not those that a stored tile was made of
    ├── CheckpointKeyMissing   the key here is not the one that sealed the log
    └── SigningFilesUnusable   the files of the key cannot be used
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


class NothingToContinue(StoreError):
    """The log was never sealed."""

    reason = "nothing_to_continue"


class MirrorUnavailable(StoreError):
    """The second place can be neither read nor written now."""

    reason = "mirror_unavailable"


class MirrorInconsistent(StoreError):
    """What lies in the second place and this log cannot both be the log that was sealed."""

    reason = "mirror_inconsistent"


class SealingRefused(StoreError):
    """No checkpoint is signed: it could contradict one that was."""

    reason = "sealing_refused"


class LogBehindCheckpoint(SealingRefused):
    """The log is smaller than what was signed: cut off, or put back to an earlier state."""

    reason = "log_behind_checkpoint"


class LogInconsistent(SealingRefused):
    """The log's tree has another root than the one that was signed."""

    reason = "log_inconsistent"


class TilesInconsistent(SealingRefused):
    """A stored tile has other hashes than the rows it was made of."""

    reason = "tiles_inconsistent"


class CheckpointKeyMissing(SealingRefused):
    """The log was sealed with a key that is not here."""

    reason = "checkpoint_key_missing"


class SigningFilesUnusable(SealingRefused):
    """The key, or what was signed last, can be neither read nor written."""

    reason = "checkpoint_files_unusable"

"""Which errors are the user's to mend, and which say that the work failed: the command line's exit codes 2 and 1."""

from rlvr.load import ConfigError
from rlvr.tasks.rows import SourceError


class WorkFailed(Exception):
    """The work failed though the input was right. The message says what and where to look."""


UserError = (ConfigError, SourceError)

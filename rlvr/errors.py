"""Whose error it is decides how a command ends: 2 for the user's input, 1 for work that failed though it was right."""


class UserError(ValueError):
    """The input is wrong. One clear line: what was expected, what came, what to do."""


class WorkFailed(Exception):
    """The work failed though the input was right. The message says what and where to look."""


class RunStopped(WorkFailed):
    """The run should not go on by itself. The message says why; `--resume` goes on once that is mended."""

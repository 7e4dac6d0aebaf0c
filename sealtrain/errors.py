"""Errors a user can act on, and the exit code each one ends the program with."""


class SealError(Exception):
    """Something the user can mend; its message is one line: what is wrong, where, what to do."""

    exit_code = 1


class ConfigError(SealError):
    """A training config or an argument is wrong (exit 2)."""

    exit_code = 2


class DataError(SealError):
    """A shard, a checkpoint or a file of references is missing, broken or another one (exit 1)."""

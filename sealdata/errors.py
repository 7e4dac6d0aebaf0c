"""Errors a user can act on, and the exit code each one ends the program with."""


class SealError(Exception):
    """Something the user can mend; its message is one line: what is wrong, where, what to do."""

    exit_code = 1


class ConfigError(SealError):
    """A recipe, an argument or a name is wrong (exit 2)."""

    exit_code = 2


class DataError(SealError):
    """An input file or a result on disk is missing, broken or not what it claims to be (exit 1)."""


class CheckError(SealError):
    """A check the user asked for did not hold: gold, verify, audit --fail-on (exit 3)."""

    exit_code = 3


def first_line(error: Exception) -> str:
    """The first line of an error's message, or the name of the error if it has no message."""
    said = str(error).strip().splitlines()
    return said[0] if said else type(error).__name__

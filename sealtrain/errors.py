"""Errors that the user can mend, their exit codes, and one-line texts for other libraries' errors.

`sealtrain --help` imports this module, so it loads nothing heavy: only type checkers import
pydantic here, and torch's errors are recognised by their names.
"""

import difflib
import errno
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError


class SealError(Exception):
    """A mistake or fault that the user can mend.

    The message is one line: what is wrong, where, and what to do.
    """

    # `cli/` exits with it: 1 for a fault that is not in the command or config.
    exit_code = 1


class ConfigError(SealError):
    """A training config or a command-line argument is wrong (exit 2)."""

    exit_code = 2


class DataError(SealError):
    """A shard, checkpoint or reference file is missing, damaged or not the one needed (exit 1)."""


def first_fault(error: "ValidationError", schema: type["BaseModel"]) -> tuple[tuple[str, ...], str]:
    """The fault of a config to report: the path of its key, table first, and what is wrong.

    An unknown key comes before all other faults: a misspelt required key is both unknown and
    missing, and only the unknown spelling leads to the cure. The text names the nearest known key.
    """
    # `min` takes the first of equals, and False comes before True: an unknown key, else the first.
    fault = min(error.errors(), key=lambda fault: fault["type"] != "extra_forbidden")
    path = tuple(str(part) for part in fault["loc"])
    if fault["type"] == "missing":
        return path, "is required"
    if fault["type"] != "extra_forbidden":
        return path, fault["msg"].removeprefix("Value error, ")
    # The schema has one level of tables, so the first name leads to the section.
    *tables, key = path
    section: Any = schema.model_fields[tables[0]].annotation if tables else schema
    return path, f"unknown key; {nearest(key, list(section.model_fields))}"


def nearest(name: str, choices: list[str]) -> str:
    """The choice that is spelt most like `name`, as a question, or all of them if none is close."""
    similar = difflib.get_close_matches(name, choices, n=1, cutoff=0.5)
    return f"did you mean {similar[0]!r}?" if similar else f"allowed: {', '.join(choices)}"


def user_error(error: BaseException) -> BaseException:
    """The SealError for a full disk, a lost file or too little memory; any other error unchanged.

    The whole chain of causes is searched: torch wraps what fails in the saving threads of any rank
    into a `CheckpointException`, which holds the errors by rank in `failures`.
    """
    # Breadth first, so the error nearest to the surface decides the text.
    causes = [error]
    for cause in causes:  # the list grows while it is read
        # Values are pairs of an error and its traceback.
        by_rank = [wrapped for wrapped, _ in getattr(cause, "failures", {}).values()]
        linked = [e for e in (*by_rank, cause.__cause__, cause.__context__) if e is not None]
        # Errors may refer to each other in a circle, so each is added once.
        causes += [e for e in linked if e not in causes]
        # By name: `torch.cuda.OutOfMemoryError` is recognised without importing torch.
        kind = type(cause).__name__
        if kind in ("OutOfMemoryError", "MemoryError") or "can't allocate" in str(cause):
            return SealError(
                "out of memory: lower train.micro_batch_sequences or train.loss_chunk_tokens, set "
                'train.activation_checkpointing = true or optim.moments = "bfloat16", or use more '
                "GPUs; --dry-run estimates the memory"
            )
        # Writers in C++ report a full disk as text only.
        if getattr(cause, "errno", None) == errno.ENOSPC or "No space left" in str(cause):
            return SealError(
                "disk full: free space and run the same command again; it continues from the last "
                "complete checkpoint (checkpoint.keep_last = 1 keeps fewer)"
            )
        # An OSError without a file, as of a socket, is returned unchanged.
        if isinstance(cause, OSError) and cause.filename is not None:
            return DataError(
                f"{cause.filename}: {cause.strerror}; restore it and run the same command again"
            )
    return error

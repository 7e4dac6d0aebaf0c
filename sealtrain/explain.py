"""What went wrong, in one line with its cure; loaded only once something did."""

import difflib
import errno
import math
from typing import Any

from pydantic import BaseModel, ValidationError

from sealtrain.errors import DataError, SealError


def config_error(error: ValidationError, config: type[BaseModel]) -> str:
    """The first thing wrong with a config, in one line; an unknown key with the nearest known."""
    first = min(error.errors(), key=lambda e: e["type"] != "extra_forbidden")
    *tables, key = (str(part) for part in first["loc"]) if first["loc"] else ("",)
    where = ".".join([*tables, key])
    if first["type"] != "extra_forbidden":
        message = "is required" if first["type"] == "missing" else first["msg"]
        return f"{where}: {message.removeprefix('Value error, ')}"
    section: Any = config.model_fields[tables[0]].annotation if tables else config
    known = list(section.model_fields)
    near = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}?" if near else f"allowed: {', '.join(known)}"
    return f"unknown key {where!r}; {hint}"


def not_to_trust(
    step: int, loss: float, norm: float, limits: tuple[float, float], read: list[tuple[Any, int]]
) -> str:
    """Where numbers broke or leapt: the step, and where the (stream, number) that it read begin."""
    spike = f" (a spike: above {limits[0]:.4g} or {limits[1]:.4g})" * math.isfinite(loss + norm)
    return (
        f"step {step}: loss {loss}, gradient norm {norm}{spike}, update skipped, weights sound: "
        f"lower optim.lr, or `sealdata trace` what it read: {', '.join(_place(*r) for r in read)}"
    )


def _place(stream: Any, number: int) -> str:
    """`FILE:TOKEN` where a sequence begins, as `sealdata trace` takes it."""
    part, place = stream.find(number)
    segment, size = stream.manifest.segments[part], stream.manifest.sequence_length
    first = segment.byte_start * 8 // int(segment.dtype.removeprefix("uint"))
    return f"{stream.folder / segment.path}:{first + (segment.num_sequences + place) * size}"


def of_the_machine(error: BaseException) -> BaseException:
    """A full disk, a file that went away or want of memory in one line with its cure; what is none
    of these, as it was."""
    causes = [error]
    for cause in causes:  # grows
        inner = [wrapped for wrapped, _ in getattr(cause, "failures", {}).values()]
        causes += [e for e in (*inner, cause.__cause__, cause.__context__) if e and e not in causes]
        name = type(cause).__name__  # torch's own, and torch is not loaded for a wrong config
        if name in ("OutOfMemoryError", "MemoryError") or "can't allocate" in str(cause):
            return SealError(
                "out of memory: lower train.micro_batch_sequences or train.loss_chunk_tokens, set "
                'train.activation_checkpointing = true or optim.moments = "bfloat16", or use more '
                "GPUs; --dry-run estimates what is needed"
            )
        if getattr(cause, "errno", None) == errno.ENOSPC or "No space left" in str(cause):
            return SealError(
                "disk full: free space and run the same command again; it continues from the last "
                "whole checkpoint (checkpoint.keep_last = 1 keeps fewer)"
            )
        if isinstance(cause, OSError) and cause.filename is not None:
            return DataError(f"{cause.filename}: {cause.strerror}: put it back and run again")
    return error

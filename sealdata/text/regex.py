"""Regular expressions of users, for Rust's engine: checked before any text is read."""

import re

import polars as pl

_GROUP = re.compile(r"\$(?:\$|\{(?P<braced>[^}]*)\}|(?P<bare>\w+))")


def fault(pattern: str) -> str:
    """Why Rust's ``regex`` does not compile ``pattern``; empty if it does."""
    try:
        pl.select(pl.lit("").str.contains(pattern))
    except pl.exceptions.PolarsError as error:
        # The pattern and a mark below it come first, then "error: " and what is wrong.
        reasons = re.findall(r"^(?:regex )?error: (.+)$", str(error), re.MULTILINE)
        return str((reasons or ["too long"])[-1])
    return ""


def check_pattern(pattern: str) -> str:
    """``pattern``, if Rust's ``regex`` compiles it; else the reason, and what to do.

    The engine takes time in proportion to the text whatever the pattern, because it lacks what
    needs backtracking: look-around and references to groups.

    Raises:
        ValueError: see above; pydantic reports it with its place.
    """
    if reason := fault(pattern):
        raise ValueError(f"{pattern!r} is not a regular expression: {reason}{_cure(reason)}")
    return pattern


def _cure(reason: str) -> str:
    if "look-around" in reason:
        return (
            ". Match what stands around it too, or write two rules; a program (scorer or cleaner "
            "'program') may use any engine"
        )
    if "backreference" in reason:
        return ". Name the alternatives, or use a program (scorer or cleaner 'program')"
    return ""


def check_replacement(pattern: str, replacement: str) -> str:
    """``replacement``, if the pattern has all groups that it names: others would be empty.

    Raises:
        ValueError: see above; pydantic reports it with its place.
    """
    fields = pl.select(pl.lit("").str.extract_groups(pattern)).to_series().struct.fields
    numbers = [str(number) for number in range(len(fields) + 1)]
    for match in _GROUP.finditer(replacement):
        name = match["braced"] if match["braced"] is not None else match["bare"]
        if name is None or name in (*numbers, *fields):
            continue
        digits = re.match(r"\d+", name)
        hint = f"; write ${{{digits[0]}}} before letters" if digits and digits[0] != name else ""
        groups = ", ".join(dict.fromkeys((*numbers, *fields)))
        raise ValueError(f"the pattern has no group {name!r}{hint}; groups: {groups}")
    return replacement

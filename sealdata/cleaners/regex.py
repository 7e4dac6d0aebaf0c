"""Substitutions by a regular expression of your own."""

import polars as pl
from pydantic import ValidationInfo, field_validator

from sealdata.cleaners import Cleaner
from sealdata.cleaners._where import repair_where
from sealdata.errors import DataError
from sealdata.text.regex import check_pattern, check_replacement

_MAX_PASSES = 10


class Regex(Cleaner):
    """Replaces all matches of a pattern, again and again until it matches nothing that changes.

    Rust's ``regex`` syntax, which takes time in proportion to the text: no look-around and no
    references to groups in the pattern. The replacement may name groups: ``$1``, ``${1}``,
    ``${name}``; ``$$`` is a dollar sign. A replacement that makes new matches without end is an
    error.
    """

    pattern: str  # regular expression of Rust's `regex`
    replacement: str  # what each match becomes

    _compiles = field_validator("pattern")(check_pattern)

    @field_validator("replacement")
    @classmethod
    def _has_groups(cls, replacement: str, info: ValidationInfo) -> str:
        # A pattern that does not compile is reported by itself.
        if "pattern" in info.data:
            check_replacement(info.data["pattern"], replacement)
        return replacement

    def clean(self, text: pl.Series) -> pl.Series:
        """The texts with the replacements.

        Raises:
            DataError: the replacement makes new matches after 10 passes.
        """
        return repair_where(self.pattern, text, self._replaced)

    def _replaced(self, texts: pl.Series) -> pl.Series:
        done, rows = texts, pl.int_range(texts.len(), dtype=pl.UInt32, eager=True)
        for _ in range(_MAX_PASSES):
            before = done.gather(rows)
            after = before.str.replace_all(self.pattern, self.replacement)
            changed = after != before
            rows = rows.filter(changed)
            if rows.is_empty():
                return done
            done = done.clone().scatter(rows, after.filter(changed))
        raise DataError(
            f"cleaner 'regex': {self.replacement!r} for {self.pattern!r} makes new matches without "
            f"end: {texts.gather(rows)[0][:40]!r}; anchor the pattern"
        )


COMPONENT = Regex

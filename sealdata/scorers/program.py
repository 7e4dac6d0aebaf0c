"""Scores by a program of your own: a number for each line, from stdin to stdout."""

from typing import ClassVar, Literal

import polars as pl

from sealdata.errors import DataError
from sealdata.filter_stages import RuleStage
from sealdata.programs.program import LineProgram, one_line
from sealdata.scorers import ANY_NUMBER, Range, Scorer

_NONE = ("", "nan", "null", "none")  # answers that stand for "no score", in small letters


class Program(LineProgram, Scorer):
    """A number that a program prints for each pair.

    It reads a line for each pair, and prints one number for it. An empty line, ``nan`` or ``null``
    mean that the pair has no score. Line breaks in a text, and tabs where both sides are sent,
    become spaces. It sees only pairs that all rules before similarity keep, because programs are
    slow.

    The program runs once per batch, without a shell, in ``cwd``. Its environment is PATH, HOME,
    TMPDIR, a locale in UTF-8, and ``env``. Its answer to a line must depend on that line only. It
    is an error if it prints another number of lines, something else than numbers, or takes too
    long. A run that crashes is repeated; then the error names the line.
    """

    stage: ClassVar[RuleStage] = "similarity"
    columns: ClassVar[dict[str, str]] = {
        "value": "the number that the program prints; its unit and range are the program's"
    }
    ranges: ClassVar[dict[str, Range | None]] = dict.fromkeys(columns, ANY_NUMBER)

    # what a line holds: the English side, the other side, or both with a tab between
    input: Literal["src", "tgt", "both"] = "both"

    def score(self, pairs: pl.DataFrame) -> pl.DataFrame:
        """A Float64 column; null where the program prints no number.

        Raises:
            DataError: the program failed, or an answer is not a finite number.
        """
        sides = [one_line(pl.col(side)) for side in ("src", "tgt")]
        if self.input == "both":
            line = pl.concat_str(
                [side.str.replace_all("\t", " ") for side in sides], separator="\t"
            )
        else:
            line = sides[("src", "tgt").index(self.input)]
        lines = pairs.select(line=line).to_series()
        answers = self.answers(lines).str.strip_chars()
        values = answers.cast(pl.Float64, strict=False)
        bad = ~answers.str.to_lowercase().is_in(_NONE) & ~values.is_finite().fill_null(False)
        if bad.any():
            row = int(bad.arg_true()[0])
            raise DataError(
                f"program {' '.join(self.command)!r} answered {answers[row][:80]!r} to "
                f"{lines[row][:80]!r}, which is not a number"
            )
        return values.fill_nan(None).to_frame("value")


COMPONENT = Program

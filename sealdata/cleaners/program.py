"""Text repaired by a program of your own: a line for each line, from stdin to stdout."""

import polars as pl

from sealdata.cleaners import Cleaner
from sealdata.programs.program import LineProgram


class Program(LineProgram, Cleaner):
    """A text that a program prints for each text.

    It reads a line for each text, and prints the repaired line. A text with line breaks is sent as
    several lines and put together again; each break is an LF afterwards. The program should not
    change a text that it has repaired.

    The program runs once per batch, without a shell, in ``cwd``. Its environment is PATH, HOME,
    TMPDIR, a locale in UTF-8, and ``env``. Its answer to a line must depend on that line only. It
    is an error if it prints another number of lines or takes too long. A run that crashes is
    repeated; then the error names the line.
    """

    def clean(self, text: pl.Series) -> pl.Series:
        """The answers, in order.

        Raises:
            DataError: the program failed.
        """
        texts = text.fill_null("").str.replace_all("\r\n?", "\n")
        if not texts.str.contains("\n", literal=True).any():
            return self.answers(texts)
        rows = pl.DataFrame({"row": pl.int_range(texts.len(), eager=True), "line": texts})
        lines = rows.with_columns(pl.col("line").str.split("\n")).explode("line")
        answers = lines.with_columns(line=self.answers(lines["line"]))
        joined = answers.group_by("row", maintain_order=True).agg(pl.col("line").str.join("\n"))
        return joined["line"].alias(text.name)


COMPONENT = Program

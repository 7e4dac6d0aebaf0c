"""Templates as data: ``"{first_name}: {first}\\n{second_name}: {second}"``."""

from dataclasses import dataclass
from string import Formatter
from typing import Literal

import polars as pl

from sealdata.errors import ConfigError
from sealdata.languages import resolve

PLACEHOLDERS = ("first_name", "first", "second_name", "second")
Names = Literal["english", "autonym"]


@dataclass(frozen=True)
class Template:
    """Literal text and placeholders in order; what stands before ``{second}`` is the prompt."""

    text: str
    pieces: tuple[tuple[str, bool], ...]  # (literal text or a placeholder's name, is a placeholder)

    @classmethod
    def parse(cls, text: str) -> "Template":
        """Read a template; ``{{`` and ``}}`` are literal braces.

        Raises:
            ConfigError: unbalanced braces, an unknown placeholder, or not ``{first}`` and then
                ``{second}``, once each.
        """
        pieces: list[tuple[str, bool]] = []
        try:
            for literal, name, spec, conversion in Formatter().parse(text):
                if literal:
                    pieces.append((literal, False))
                if name is not None:
                    _check_placeholder(text, name, bool(spec or conversion))
                    pieces.append((name, True))
        except ValueError as error:
            raise ConfigError(
                f"template {text!r}: {error}; write {{{{ for a literal brace"
            ) from None
        sides = [name for name, placed in pieces if placed and name in ("first", "second")]
        if sides != ["first", "second"]:
            raise ConfigError(f"template {text!r}: needs {{first}} and then {{second}}, once each")
        return cls(text, tuple(pieces))

    def render(self, names: dict[str, str], first: str, second: str) -> tuple[pl.Expr, pl.Expr]:
        """Expressions for the document and for its prompt; ``first``, ``second`` name columns.

        ``names`` has the texts of ``first_name`` and ``second_name``. Braces in the texts have no
        special meaning.
        """
        columns = {"first": first, "second": second}
        parts = [
            pl.col(columns[piece])
            if placed and piece in columns
            else pl.lit(names[piece] if placed else piece)
            for piece, placed in self.pieces
        ]
        second_index = self.pieces.index(("second", True))
        prompt = pl.concat_str([pl.lit(""), *parts[:second_index]])
        return pl.concat_str(parts), prompt


def _check_placeholder(text: str, name: str, formatted: bool) -> None:
    if name not in PLACEHOLDERS:
        names = ", ".join(f"{{{placeholder}}}" for placeholder in PLACEHOLDERS)
        raise ConfigError(f"template {text!r}: no placeholder {{{name}}}; known: {names}")
    if formatted:
        raise ConfigError(f"template {text!r}: {{{name}}} takes no format or conversion")


def language_name(code: str, names: Names) -> str:
    """What a template prints for a language: its English name, or its own name for itself."""
    language = resolve(code)
    return language.autonym if names == "autonym" else language.name

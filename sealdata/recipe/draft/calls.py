"""A call of a filter, as the configuration of another tool states it."""

from dataclasses import dataclass
from typing import Any

from sealdata.languages import ENGLISH, Language


@dataclass(frozen=True)
class Call:
    """A filter with its parameters; sides of a pair are in the order of its files."""

    name: str
    parameters: dict[str, Any]
    english_last: bool
    language: Language | None = None  # of the only side that it looks at

    def get(self, key: str, default: Any) -> Any:
        """A parameter, or what the tool takes without it."""
        value = self.parameters.get(key)
        return default if value is None else value

    def number(self, key: str, default: float) -> float:
        """A parameter that is a number.

        Raises:
            ValueError: it is something else.
        """
        return float(self.get(key, default))

    def sides(self, first: Any, second: Any) -> dict[str, Any]:
        """Values of the first and second file by side: ``src`` is English."""
        src, tgt = (second, first) if self.english_last else (first, second)
        values = {"src": src, "tgt": tgt}
        if self.language is not None:
            side = "src" if self.language.code == ENGLISH else "tgt"
            return {side: values[side]}
        return values

    def by_side(self, key: str, default: Any) -> dict[str, Any]:
        """A parameter that is one value for both sides, or a list of two."""
        value = self.get(key, default)
        first, second = value if isinstance(value, list) and len(value) == 2 else (value, value)
        return self.sides(first, second)

"""Numbers with units: 6 feet and 1.8 metres are one length, $5 and Rp70.000 may be one price."""

import re
import tomllib
from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import NamedTuple
from unicodedata import name, normalize

from sealdata.scorers._multiples import NUMBER, RANGE, plain, value

_TOLERANCE = 0.06  # relative: people round 6 feet to 1.8 or to 2 metres
_DEGREES = 1.5  # 70 °F is 21 °C, said as "about 20"
_SHORT = 2  # characters up to which a unit counts only as written: m, C, lb
_POWER = re.compile(r"\bsq\b|squar|cubic|²|³", re.IGNORECASE)  # then a ratio counts twice or more
_SQUARE = r"(?:sq\.?|square|cubic|平方|立方|ตาราง|ຕາລາງ|ຕາ|စတုရန်း|சதுர)?"
_CHARS = 30  # before a number in which its unit is sought
_GAP = r"[\s\xa0-]*"


class Unit(NamedTuple):
    """What a word measures, and how much of it; money and temperature have no factor."""

    dimension: str
    unit: str
    factor: float


class Measure(NamedTuple):
    """A number in a text and the units that stand beside it."""

    start: int
    end: int
    values: frozenset[Decimal]  # by either reading of 1.500
    units: frozenset[Unit]


def in_the_same_units(src: str, tgt: str) -> tuple[str, str]:
    """Both texts; a number of ``tgt`` that is one of ``src`` in another unit becomes that."""
    measured = _measures(src)
    theirs = _measures(tgt) if measured else []
    if not theirs:
        return src, tgt
    replaced: dict[int, Decimal] = {}
    powers = (1, 2, 3) if _POWER.search(src) else (1,)
    their_units = {unit for measure in theirs for unit in measure.units}
    for ours in measured:
        if ours.units & their_units:  # the same unit is there, so that nothing was converted
            continue
        for index, other in enumerate(theirs):
            if index not in replaced and _equal(ours, other, powers):
                replaced[index] = value(src[ours.start : ours.end], ".")
                break
    for index in sorted(replaced, reverse=True):
        start, end = theirs[index].start, theirs[index].end
        tgt = f"{tgt[:start]} {plain(replaced[index])} {tgt[end:]}"
    for ours in reversed(measured):  # written as in tgt
        number = plain(value(src[ours.start : ours.end], "."))
        src = f"{src[: ours.start]} {number} {src[ours.end :]}"
    return src, tgt


def _equal(ours: Measure, theirs: Measure, powers: tuple[int, ...]) -> bool:
    return any(
        _converts(float(amount), unit, float(other), into, powers)
        for unit in ours.units
        for into in theirs.units
        if unit.dimension == into.dimension and unit.unit != into.unit
        for amount in ours.values
        for other in theirs.values
    )


def _converts(amount: float, unit: Unit, other: float, into: Unit, powers: tuple[int, ...]) -> bool:
    """Whether people write ``other`` of unit ``into`` for ``amount`` of ``unit``. Lengths convert
    by the powers of their ratio too: square feet, cubic feet."""
    if unit.dimension == "money":
        return True
    if unit.dimension == "temperature":
        fahrenheit, celsius = (other, amount) if unit.unit == "celsius" else (amount, other)
        # The second is a difference of temperatures.
        exact = [(fahrenheit - 32) / 1.8, fahrenheit / 1.8]
        return any(abs(degrees - celsius) <= _DEGREES for degrees in exact)
    ratio = unit.factor / into.factor
    exact = [amount * ratio**power for power in (powers if unit.dimension == "length" else (1,))]
    # A number without decimals may be rounded to the whole.
    slack = max(_TOLERANCE * other, 0.5 if other.is_integer() and other < 10 else 0.0)
    return any(abs(converted - other) <= slack for converted in exact)


def _measures(text: str) -> list[Measure]:
    return list(_beside_units(text))


def _beside_units(text: str) -> Iterator[Measure]:
    behind, before = _patterns()
    for number in re.finditer(NUMBER, text):
        after = behind.match(text, number.end())
        ahead = before.match(text[max(0, number.start() - _CHARS) : number.start()][::-1])
        words = [after["unit"]] if after else []
        words += [ahead["unit"][::-1]] if ahead else []
        units = {unit for word in words for unit in _units(word)}
        if units:
            values = frozenset(value(number[0], point) for point in ".,")
            yield Measure(number.start(), number.end(), values, frozenset(units))


def _units(word: str) -> tuple[Unit, ...]:
    units = _table()
    return units.get(word) or units.get(word.casefold(), ())


@cache
def _table() -> dict[str, tuple[Unit, ...]]:
    """Units by word; a short word as written, a longer one folded."""
    text = normalize("NFC", files("sealdata").joinpath("units.toml").read_text("utf-8"))
    table: dict[str, tuple[Unit, ...]] = {}
    for dimension, units in tomllib.loads(text).items():
        for unit, row in units.items():
            for word in row["words"]:
                key = word if len(word) <= _SHORT else word.casefold()
                meaning = Unit(dimension, unit, float(row.get("factor", 0)))
                table[key] = (*table.get(key, ()), meaning)
    return table


@cache
def _patterns() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """What may stand behind a number (also behind the second of a range), and before it.

    The second is for the text before the number from right to left: a match at one place takes a
    tenth of a search for its end.
    """
    words = sorted(_table(), key=len, reverse=True)
    behind = rf"(?:{RANGE}(?:{NUMBER}))?{_GAP}(?i:{_SQUARE}){_GAP}{_any_of(words)}"
    return re.compile(behind), re.compile(_GAP + _any_of([word[::-1] for word in words]))


def _any_of(words: list[str]) -> str:
    short, long = (
        "|".join(_bounded(word) for word in words if (len(word) <= _SHORT) == is_short)
        for is_short in (True, False)
    )
    return f"(?P<unit>(?i:{long})|{short})"


def _bounded(word: str) -> str:
    """The word, whole where it begins or ends with a Latin letter."""
    first, last = (name(char, "").startswith("LATIN") for char in (word[0], word[-1]))
    letter = r"[^\W\d_]"
    return (f"(?<!{letter})" if first else "") + re.escape(word) + (f"(?!{letter})" if last else "")

"""Numbers with words that multiply them, written out: 500亿 and 50 billion, 500 ribu, သိန်း ၃."""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from importlib.resources import files
from itertools import product
from math import prod
from typing import Any
from unicodedata import name, normalize

from sealdata.languages import ENGLISH, script_of

# Digits of any script in groups of three behind spaces, or of two or three behind other separators
# (12,34,567), then decimals.
NUMBER = r"(?:\d{1,3}(?:[\xa0\u2009\u202f ]\d{3})+(?!\d)|\d+(?:[.,'’٬]\d{2,3}(?!\d))*)(?:[.,٫]\d+)?"
RANGE = r"\s*(?:[-–—~～]|[^\W\d]{1,8})\s*"  # between the ends of a range: 2.6 to 3.2
_RANGE = re.compile(rf"({NUMBER}){RANGE}\Z")
_RANGE_CHARS = 30
_JOINED = re.compile(r"\s*[^\d.,;]{0,4}\s*")  # between parts of a sum: an ending (கோடியே), "dan"
_REST = re.compile(r"\s?(\d{1,15})(?![\d.,]*\d)")
_NO_DIGIT_BEFORE = r"(?<![\d.,٫٬])"
_GAP = r"[\s\xa0-]*"
_DECADE = re.compile(r"(\d\d?)\s*世[纪紀]\s*(\d0)\s*年代")  # 20世纪30年代: the 1930s


@dataclass(frozen=True)
class Multiples:
    """The words of one language: how much each multiplies by, and where they are sought."""

    times: dict[str, int]  # by word, folded, or by abbreviation as written
    word: re.Pattern[str]
    orders: tuple[re.Pattern[str], ...]  # groups number and words: words behind, or before it

    def product(self, words: str) -> int:
        """What one or several words in a row multiply by."""
        if words in self.times:
            return self.times[words]
        return prod(self.times[word] for word in self.word.findall(words.casefold()))


def readings(text: str, lang: str) -> list[str]:
    """``text``, and what it may mean with its multiples written out, without repeats.

    A point or comma before three digits may part thousands or decimals.
    Numbers in a row may be a sum (2 ล้าน 5 แสน is 2,500,000) or several. The ends of a range may
    share a word. A word may belong to the number on either side.
    """
    multiples = _multiples(lang)
    texts = [text]
    text = _DECADE.sub(lambda match: str((int(match[1]) - 1) * 100 + int(match[2])), text)
    if not any(order.search(text) for order in multiples.orders):
        return list(dict.fromkeys((*texts, text)))
    for words in dict.fromkeys((text, _with_both_ends(text, multiples.orders[0]))):
        texts += [
            _written(words, multiples, order, point, add)
            for order, point, add in product(multiples.orders, ".,", (False, True))
        ]
    return list(dict.fromkeys(texts))


def value(number: str, point: str) -> Decimal:
    """What ``number`` is where ``point`` (``.`` or ``,``) begins the decimals if three digits
    follow; elsewhere the number itself tells."""
    digits = re.sub(r"['’٬\s\xa0\u2009\u202f]", "", number).replace("٫", ".;")
    if ".;" in digits:
        return Decimal(digits.replace(",", "").replace(".;", "."))
    marks = [char for char in digits if char in ".,"]
    last = marks[-1] if marks else ""
    behind = len(digits) - digits.rfind(last) - 1 if last else 0
    is_decimal = len(marks) == marks.count(last) == 1 and (behind != 3 or last == point)
    is_decimal = is_decimal or (len(set(marks)) == 2 and marks.count(last) == 1)
    if not is_decimal:
        return Decimal(re.sub("[.,]", "", digits))
    whole, decimals = digits[: -behind - 1], digits[-behind:]
    return Decimal(f"{re.sub('[.,]', '', whole)}.{decimals}")


def plain(number: Decimal) -> str:
    """Digits without an exponent, and without a point in a whole number: 3.2 times 10,000 is
    32000."""
    return f"{number.normalize():f}"


def _with_both_ends(text: str, order: re.Pattern[str]) -> str:
    """``text`` with the words of the second number of a range behind the first too: 2.6至3.2万."""
    for match in reversed(list(order.finditer(text))):
        if first := _RANGE.search(text, max(0, match.start() - _RANGE_CHARS), match.start()):
            text = f"{text[: first.end(1)]} {match['words']} {text[first.end(1) :]}"
    return text


def _written(text: str, multiples: Multiples, order: re.Pattern[str], point: str, add: bool) -> str:
    pieces, last = [], 0
    for start, end, amount in _numbers(text, multiples, order, point, add):
        pieces += [text[last:start], f" {plain(amount)} "]
        last = end
    return "".join([*pieces, text[last:]])


def _numbers(
    text: str, multiples: Multiples, order: re.Pattern[str], point: str, add: bool
) -> Iterator[tuple[int, int, Decimal]]:
    """Start, end and value of every number with its words; with ``add``, of sums of them."""
    open_sum: tuple[int, int, Decimal, int] | None = None  # and the smallest multiple in it
    for match in order.finditer(text):
        times = multiples.product(match["words"])
        amount = value(match["number"], point) * times
        if open_sum is not None:
            start, end, total, smallest = open_sum
            if add and amount < smallest and _JOINED.fullmatch(text, end, match.start()):
                open_sum = (start, match.end(), total + amount, times)
                continue
            yield _with_rest(text, open_sum) if add else open_sum[:3]
        open_sum = (match.start(), match.end(), amount, times)
    if open_sum is not None:
        yield _with_rest(text, open_sum) if add else open_sum[:3]


def _with_rest(text: str, open_sum: tuple[int, int, Decimal, int]) -> tuple[int, int, Decimal]:
    """A sum with the plain number right behind it, if that is smaller than its last multiple."""
    start, end, total, smallest = open_sum
    rest = _REST.match(text, end)
    if rest is None or int(rest[1]) >= smallest:
        return start, end, total
    return start, rest.end(), total + int(rest[1])


@cache
def _tables() -> dict[str, dict[str, Any]]:
    table = files("sealdata").joinpath("multiples.toml").read_text("utf-8")
    return tomllib.loads(normalize("NFC", table))


@cache
def _multiples(lang: str) -> Multiples:
    """The words of ``lang``, or of all languages in its script, and those of English."""
    tables = _tables()
    tables_of_lang = [tables[lang]] if lang in tables else _of_script(script_of(lang))
    times: dict[str, int] = {}
    attached: dict[str, int] = {}
    for table in (tables[ENGLISH], *tables_of_lang):
        times |= {word.casefold(): int(by) for word, by in table["words"].items()}
        for word, by in table.get("attached", {}).items():
            attached |= dict.fromkeys((word.upper(), word.capitalize(), word), int(by))
    # In Latin script a word ends where its letters end. Elsewhere endings and other words join it.
    word = "|".join(
        re.escape(word) + (r"(?![^\W\d_])" if name(word[0]).startswith("LATIN") else "")
        for word in sorted(times, key=len, reverse=True)
    )
    short = "|".join(map(re.escape, sorted(attached, key=len, reverse=True)))
    linking = [
        link for table in (tables[ENGLISH], *tables_of_lang) for link in table.get("links", ())
    ]
    link = rf"(?:(?:{'|'.join(map(re.escape, linking))}){_GAP})?"
    run = rf"(?i:(?:{word})(?:{_GAP}(?:{word}))*)"
    number = rf"{_NO_DIGIT_BEFORE}(?P<number>{NUMBER})"
    orders = [rf"{number}(?P<words>(?:{short})(?![^\W_])|{_GAP}{link}{run})"]
    if any(table.get("first") for table in tables_of_lang):
        orders.append(rf"(?P<words>{run}){_GAP}{link}(?P<number>{NUMBER})")
    return Multiples(attached | times, re.compile(word), tuple(map(re.compile, orders)))


def _of_script(script: str) -> list[dict[str, Any]]:
    return [table for code, table in _tables().items() if script_of(code) == script]

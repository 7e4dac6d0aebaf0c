"""Numbers that Chinese counts in ten thousands, written out: 500亿 is 50 billion."""

import re
from decimal import Decimal

import polars as pl

_NUMBER = r"(\d[\d,]*(?:\.\d+)?)"
_TEN, _MYRIAD = (
    {"十": 10, "百": 100, "千": 1000},
    {"万": 10**4, "萬": 10**4, "亿": 10**8, "億": 10**8},
)
_CHINESE = re.compile(rf"{_NUMBER}\s*([十百千]?)([万萬亿億])([亿億]?)")
_ENGLISH = re.compile(rf"{_NUMBER}[\s-]*(thousand|million|billion|trillion)\b", re.IGNORECASE)
_TIMES = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_DECADE = re.compile(r"(\d\d?)\s*世[纪紀]\s*(\d0)\s*年代")  # 20世纪30年代: the 1930s
_ANY = r"\p{Nd}\s*[十百千]?[万萬亿億]|\p{Nd}\s*世[纪紀]"
_RARE = "[万萬亿億]|世[纪紀]"  # ten times as fast to search for; most languages have none


def written_out(src: pl.Series, tgt: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Both sides of pairs, English first; multiples and decades become plain numbers in pairs whose
    other side has Chinese ones."""
    rows = tgt.str.contains(_RARE).fill_null(False).arg_true()
    rows = rows.filter(tgt.gather(rows).str.contains(_ANY))
    if rows.is_empty():
        return src, tgt
    english = [_ENGLISH.sub(_english, text) for text in src.gather(rows).fill_null("")]
    chinese = [_CHINESE.sub(_chinese, _DECADE.sub(_decade, text)) for text in tgt.gather(rows)]
    return src.clone().scatter(rows, english), tgt.clone().scatter(rows, chinese)


def _english(match: re.Match[str]) -> str:
    return _product(match[1], _TIMES[match[2].lower()])


def _chinese(match: re.Match[str]) -> str:
    times = _TEN.get(match[2], 1) * _MYRIAD[match[3]] * _MYRIAD.get(match[4], 1)
    return _product(match[1], times)


def _decade(match: re.Match[str]) -> str:
    return str((int(match[1]) - 1) * 100 + int(match[2]))


def _product(number: str, times: int) -> str:
    """Whole products without a point: 3.2 times 10,000 is 32000."""
    return f"{(Decimal(number.replace(',', '')) * times).normalize():f}"

"""Years of the Buddhist era and hours of the day, as the other side of a pair writes them."""

import re

_ERA = 543  # พ.ศ. 2561 is 2018; Thai, Lao and Khmer text has either
_YEAR = re.compile(r"(?<!\d)\d{4}(?!\d)")  # \d: digits of every script, as int() reads them
_AFTERNOON = re.compile(
    r"(?<![\d.,:])(1[0-2]|0?[1-9])(?=(?:[:.]\d\d)?\s?p\.?\s?m\b)", re.IGNORECASE
)
_EVENING = re.compile(r"(?<!\d)(\d)(?=\s*(?:ทุ่ม|โมงเช้า))")  # Thai counts from six o'clock
_NUMBER = re.compile(r"(?<!\d)\d{1,9}(?!\d)")  # int() refuses thousands of digits


def as_the_other_side(src: str, tgt: str) -> tuple[str, str]:
    """Both sides of a pair, English first: a year of the other side that is 543 above one of the
    English becomes that, and an hour before "p.m." becomes that of 24 that the other side has.

    The hours of a Thai evening and morning become those of the clock that English has: ๕ ทุ่ม is 11
    or 23 o'clock.
    """
    here = {int(year) for year in _YEAR.findall(src)}
    there = {int(number) for number in _NUMBER.findall(tgt)}

    def common_era(match: re.Match[str]) -> str:
        year = int(match[0])
        return str(year - _ERA) if year - _ERA in here and year not in here else match[0]

    def of_24(match: re.Match[str]) -> str:
        hour = int(match[1]) % 12 + 12
        return str(hour) if hour in there and int(match[1]) not in there else match[0]

    def from_six(match: re.Match[str]) -> str:
        hours = (str(int(match[1]) + more) for more in (6, 18))
        return next((hour for hour in hours if int(hour) in ours), match[0])

    ours = {int(number) for number in _NUMBER.findall(src)}
    return _AFTERNOON.sub(of_24, src), _EVENING.sub(from_six, _YEAR.sub(common_era, tgt))

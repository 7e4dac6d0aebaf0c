"""Remains of web pages in a pair: tags, attributes, entities, script and style code."""

from typing import ClassVar

import polars as pl

from sealdata.scorers import COUNT, Range, Scorer

# Elements of HTML that turn up in crawled text. A name outside this list is none: "<john@site>"
# and "a <than b" are text.
_ELEMENTS = (
    "a|abbr|article|aside|b|big|blockquote|body|br|button|center|cite|code|dd|div|dl|dt|em|embed|"
    "figure|font|footer|form|h[1-6]|head|header|hr|html|i|iframe|img|input|label|li|link|main|"
    "meta|nav|noscript|object|ol|option|p|param|path|pre|s|script|section|select|small|span|"
    "strike|strong|style|sub|sup|svg|table|tbody|td|textarea|tfoot|th|thead|title|tr|tt|u|ul|video"
)
_ATTRIBUTES = (
    "accesskey|align|alt|bgcolor|border|cellpadding|cellspacing|class|color|colspan|content|"
    "data-[a-z-]+|height|href|id|lang|name|onclick|onload|onmouseover|rel|rowspan|size|src|style|"
    "target|title|type|valign|value|width"
)
_ENTITIES = (
    "nbsp|amp|quot|apos|lt|gt|copy|reg|trade|hellip|mdash|ndash|[lr]s?[ad]?quo|[bs]bquo|bull|"
    "middot|euro|pound|cent|yen|deg|times|shy|zwn?j|ensp|emsp|thinsp|"
    "[aeiouyncAEIOUYNC](?:acute|grave|circ|tilde|uml|cedil)|#[0-9]{2,7}|#[xX][0-9A-Fa-f]{2,6}"
)
_SIGNS = (
    rf"(?i)</?(?:{_ELEMENTS})\s*/?>",  # <p>, </div>, <br />
    rf"(?i)<(?:{_ELEMENTS})\s+[a-z-]+\s*=",  # <a href=…, also where the end is cut off
    rf"(?i)</(?:{_ELEMENTS})\s*$",  # cut off: </span
    r"(?i)<(?:div|span|table|script|style|strong|iframe|img|font)\s*$",
    r"(?i)(?:^|\s)(?:/(?:div|span|td|tr|li|ul|strong|font|a|p)|br\s*/)\s*>",  # cut off: /span>
    r"<!--|-->|<!\[CDATA\[|\]\]>|<!DOCTYPE|<\?(?:php|xml)\b",
    rf"(?:^|[\s\"'])(?:{_ATTRIBUTES})\s*=\s*[\"'“”]",  # class="post-title"
    r"\b(?:href|src)\s*=\s*(?:https?:)?//",
    rf"&(?:{_ENTITIES});",
    r"&(?:nbsp|quot|lt|gt|amp)\b",  # the semicolon lost
    r"\[/(?:b|i|u|url|img|quote|code|color|size|center)\]|\[(?:url|img|quote|color|size)[=\]]",
    r"\bfunction\s*\w*\s*\([^()]*\)\s*\{|\b(?:document|window)\.[a-z]\w*[.(=\[]|javascript:",
    r"\b(?:var|let|const)\s+\w+\s*=\s*\S+;|\}\s*\)\s*;",
    r"\{\s*[a-z-]+\s*:\s*[^{};]+[;}]|@media\b|!important\b",  # { color: red; }
)
_PATTERN = "|".join(f"(?:{sign})" for sign in _SIGNS)
# No sign is without one of these: few texts have any, and only those are searched for signs.
_POSSIBLE = r"[<>&={}\[\]]|javascript:|@media|!important|document\.|window\."


class Markup(Scorer):
    """Counts what a web page left behind: plain ``<``, ``>``, ``&``, addresses and URLs are text.

    The cleaner ``html`` decodes entities and takes whole tags out; what it leaves is too broken to
    repair, or code.
    """

    columns: ClassVar[dict[str, str]] = {
        "remains": "tags, attributes, entities and script or style code on both sides, count"
    }
    ranges: ClassVar[dict[str, Range | None]] = {"remains": COUNT}

    def score(self, pairs: pl.DataFrame) -> pl.DataFrame:
        """A UInt32 column; null never."""
        return pl.DataFrame({"remains": _remains(pairs["src"]) + _remains(pairs["tgt"])})


def _remains(texts: pl.Series) -> pl.Series:
    counts = pl.zeros(len(texts), pl.UInt32, eager=True)
    rows = texts.str.contains(_POSSIBLE).arg_true()
    return counts.scatter(rows, texts.gather(rows).str.count_matches(_PATTERN))


COMPONENT = Markup

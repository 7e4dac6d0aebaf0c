"""Text out of HTML: entities and tags that an extractor left behind."""

import html
import re

import polars as pl

from sealdata.cleaners import Cleaner
from sealdata.cleaners._where import repair_where

# The semicolon is required: "&copy=1" in an address and "R&D" do not contain an entity.
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_INLINE = (
    "a|abbr|acronym|b|bdi|bdo|big|cite|code|del|dfn|em|font|i|ins|kbd|label|mark|q|s|samp|small|"
    "span|strike|strong|sub|sup|tt|u|var|wbr"
)
_BLOCK = (
    "address|article|aside|blockquote|body|br|button|center|dd|div|dl|dt|figcaption|figure|footer|"
    "form|h1|h2|h3|h4|h5|h6|head|header|hr|html|iframe|img|input|li|link|main|meta|nav|ol|option|p|"
    "pre|script|section|select|style|table|tbody|td|tfoot|th|thead|title|tr|ul"
)
_ATTRIBUTE = r"""\s+[A-Za-z_:][\w:.-]*\s*=\s*(?:"[^"]*"|'[^']*'|[^\s"'<>=`]+)"""


def _tags(names: str) -> re.Pattern[str]:
    return re.compile(rf"</?(?:{names})(?:{_ATTRIBUTE})*\s*/?>", re.IGNORECASE)


_INLINE_TAG = _tags(_INLINE)
_BLOCK_TAG = _tags(_BLOCK)
_COMMENT_OR_BLOCK = re.compile(rf"<!--.*?-->|{_BLOCK_TAG.pattern}", re.IGNORECASE | re.DOTALL)


class Html(Cleaner):
    """Entities become characters, however often they were escaped, and tags of HTML go.

    A tag is the name of an HTML element with well-formed attributes: ``<3``, ``a < b`` and
    ``<name>`` are text. A block tag (``<br>``, ``</p>``) leaves a space. With ``strip_tags`` off,
    tags stay for a rule to see.
    """

    strip_tags: bool = True  # false: tags stay, for a rule on `markup.remains`

    def clean(self, text: pl.Series) -> pl.Series:
        """An entity may stand for white space or control characters: let the other steps follow."""
        return repair_where(
            r"&[#0-9A-Za-z]+;|<[!/A-Za-z]",
            text,
            lambda matches: pl.Series(
                matches.name, map(self._plain, matches.to_list()), dtype=pl.String
            ),
        )

    def _plain(self, text: str) -> str:
        """``text`` without entities and tags, also those that show only once others are gone."""
        while True:
            step = _ENTITY.sub(lambda entity: html.unescape(entity[0]), text)
            if self.strip_tags:
                step = _INLINE_TAG.sub("", _without_blocks(step))
            if step == text:
                return text
            text = step


def _without_blocks(text: str) -> str:
    """``text`` with a space for each comment and block tag."""
    # No comment ends behind the last "-->". A search from each "<!--" there would read the rest
    # again and again, which takes seconds for a text made of them.
    end = text.rfind("-->") + len("-->") if "-->" in text else 0
    return _COMMENT_OR_BLOCK.sub(" ", text[:end]) + _BLOCK_TAG.sub(" ", text[end:])


COMPONENT = Html

"""What people wrote on a card is kept when the card is made anew."""

import re

import yaml

from sealdata.errors import DataError
from sealdata.fetch.corpus_cards import split_front_matter

TO_WRITE = "[To be written by a person:"
_PERSON = re.compile(r"<!-- person: ([\w-]+) -->(.*?)<!-- /person -->", re.DOTALL)
_SECTION = re.compile(r"^## .*$", re.MULTILINE)


def to_write(name: str, what: str) -> str:
    """A place on a card for what no program can know, marked until a person fills it.

    ``name`` finds what was written there again.
    """
    return f"<!-- person: {name} -->*{TO_WRITE} {what}.]*<!-- /person -->"


def unwritten(card: str) -> list[str]:
    """What a person has still to write on a card, in order."""
    return [
        found[2].strip().removeprefix(f"*{TO_WRITE}").removesuffix(".]*").strip()
        for found in _PERSON.finditer(card)
        if TO_WRITE in found[2] or not found[2].strip()
    ]


def merged(fresh: str, old: str, where: str) -> str:
    """``fresh`` with what people put into ``old``: text between the marks, sections of their own
    (at the end), and keys of the front matter that the program does not set.

    Raises:
        DataError: the front matter of the old card is missing or no YAML.
    """
    new_front, body = split_front_matter(fresh, "the new card")
    old_front, old_body = split_front_matter(old, where)
    written = {found[1]: found[2] for found in _PERSON.finditer(old_body)}
    if lost := [name for name, text in written.items() if TO_WRITE not in text and text.strip()]:
        known = {found[1] for found in _PERSON.finditer(body)}
        if missing := sorted(set(lost) - known):
            raise DataError(
                f"{where}: what is written at {missing[0]!r} has no place on the new card; move it "
                "into a section of your own (## …)"
            )

    def kept(found: re.Match[str]) -> str:
        text = written.get(found[1], "")
        if TO_WRITE in text or not text.strip():
            return found[0]
        return f"<!-- person: {found[1]} -->{text}<!-- /person -->"

    body = _PERSON.sub(kept, body)
    headings = {found[0].strip() for found in _SECTION.finditer(body)}
    for heading, text in _sections(old_body):
        if heading not in headings:
            body = f"{body.rstrip()}\n\n{heading}\n\n{text.rstrip()}\n"
    front = new_front | {key: value for key, value in old_front.items() if key not in new_front}
    text = yaml.safe_dump(front, sort_keys=False, allow_unicode=True, width=1000)
    return f"---\n{text}---\n{body}"


def _sections(body: str) -> list[tuple[str, str]]:
    starts = list(_SECTION.finditer(body))
    ends = [found.start() for found in starts[1:]] + [len(body)]
    return [
        (found[0].strip(), body[found.end() : end].strip("\n"))
        for found, end in zip(starts, ends, strict=False)
    ]

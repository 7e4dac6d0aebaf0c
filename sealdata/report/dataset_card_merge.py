"""Keeps what people wrote on a card when the card is written again."""

import re
from pathlib import Path

import yaml

from sealdata.errors import DataError
from sealdata.fetch.corpus_cards import split_front_matter

TAG = "sealdata"  # of a card
TO_WRITE = "[To be written by a person:"
_PERSON = re.compile(r"<!-- person: ([\w-]+) -->(.*?)<!-- /person -->", re.DOTALL)
_SECTION = re.compile(r"^## .*$", re.MULTILINE)


def to_write(name: str, what: str) -> str:
    """A marked place on a card for what only a person can write.

    ``name`` identifies the place on a later card.
    """
    return f"<!-- person: {name} -->*{TO_WRITE} {what}.]*<!-- /person -->"


def unwritten(card: str) -> list[str]:
    """What a person still has to write on a card, in the order of the card."""
    return [
        match[2].strip().removeprefix(f"*{TO_WRITE}").removesuffix(".]*").strip()
        for match in _PERSON.finditer(card)
        if TO_WRITE in match[2] or not match[2].strip()
    ]


def written(card: str) -> dict[str, str]:
    """What people wrote between the marks of a card, by the name of the place."""
    return {
        match[1]: " ".join(match[2].split())
        for match in _PERSON.finditer(card)
        if TO_WRITE not in match[2] and match[2].strip()
    }


def check_is_card(path: Path) -> None:
    """Refuse a text that no build wrote: of it, a merge would keep a part only.

    Raises:
        DataError: it has no front matter, or neither the tag of a card nor a mark.
    """
    text = _text(path)
    front, body = split_front_matter(text, str(path))
    tags = front.get("tags")
    if not (isinstance(tags, list) and TAG in tags) and not _PERSON.search(body):
        raise DataError(f"{path} is not a card of a build; move it, or name another file")


def check_is_draft(path: Path) -> None:
    """Refuse a text without any of the marks between which people write.

    Raises:
        DataError: see above.
    """
    if not _PERSON.search(_text(path)):
        raise DataError(f"{path} is not the draft of a build; move it elsewhere")


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        raise DataError(f"{path} cannot be read as text; move it elsewhere") from None


def merged(fresh: str, old: str, where: str) -> str:
    """The card ``fresh`` with what people wrote on ``old``.

    That is text between the marks, sections of their own (at the end), and keys of the front matter
    that the program does not set.

    Raises:
        DataError: the front matter of the old card is missing or not YAML. The new card has no mark
            for what was written.
    """
    new_front, body = split_front_matter(fresh, "the new card")
    old_front, old_body = split_front_matter(old, where)
    front = new_front | {key: value for key, value in old_front.items() if key not in new_front}
    text = yaml.safe_dump(front, sort_keys=False, allow_unicode=True, width=1000)
    return f"---\n{text}---\n{merged_body(body, old_body, where)}"


def merged_body(fresh: str, old: str, where: str) -> str:
    """``merged`` for texts without front matter.

    Raises:
        DataError: ``fresh`` has no mark for what was written.
    """
    texts = {match[1]: match[2] for match in _PERSON.finditer(old)}
    if lost := [name for name, text in texts.items() if TO_WRITE not in text and text.strip()]:
        names = {match[1] for match in _PERSON.finditer(fresh)}
        if missing := sorted(set(lost) - names):
            raise DataError(
                f"{where}: the new card has no place for what is written at {missing[0]!r}; move "
                "it into a section of your own (## …)"
            )

    def kept(match: re.Match[str]) -> str:
        text = texts.get(match[1], "")
        if TO_WRITE in text or not text.strip():
            return match[0]
        return f"<!-- person: {match[1]} -->{text}<!-- /person -->"

    body = _PERSON.sub(kept, fresh)
    headings = {match[0].strip() for match in _SECTION.finditer(body)}
    for heading, text in _sections(old):
        if heading not in headings:
            body = f"{body.rstrip()}\n\n{heading}\n\n{text.rstrip()}\n"
    return body


def _sections(body: str) -> list[tuple[str, str]]:
    starts = list(_SECTION.finditer(body))
    ends = [match.start() for match in starts[1:]] + [len(body)]
    return [
        (match[0].strip(), body[match.end() : end].strip("\n"))
        for match, end in zip(starts, ends, strict=False)
    ]

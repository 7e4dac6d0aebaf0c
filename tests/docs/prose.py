"""Prose in files: the blocks of text of Markdown, Python, TOML and pages, and their sentences."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from typing import NamedTuple

MIN_STRING_WORDS = 5  # shorter strings of Python are keys, headings or parts of messages


class Text(NamedTuple):
    """A block of prose: a paragraph, an item of a list, a heading, a comment."""

    line: int  # of its first word in the file, from 1
    text: str
    sentences: bool = True  # False: a row of a table, or the like; only its words are checked


# --- sentences ---

_ABBREVIATION = re.compile(r"(?:^|[\s(])(?:e\.g|i\.e|al|etc|vs|cf|approx|Fig|No|pp?|[A-Z])\.$")
_END = re.compile(r"[.!?…:][\"'”’)\]*_]*(?=\s)")
_CODE_LIST = re.compile(r"CODE(?:(?:,| and| or|, and|, or|/) CODE)+")
_WORD = re.compile(r"[^\s]*\w[^\s]*")


def sentences(text: str) -> Iterator[str]:
    """The sentences of a block, without markup.

    Code in backticks is one word, and so is a list of it. Text in brackets is a sentence by itself:
    a citation or an aside does not make the sentence around it longer. A colon ends a sentence,
    since what follows is a list or an explanation, and a reader pauses there.
    """
    text = re.sub(r"``.+?``|`[^`]*`|https?://\S+", "CODE", text)
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", text)  # [text](link)
    text = _CODE_LIST.sub("CODE", re.sub(r"\s+", " ", text))
    asides = re.findall(r"\(([^()]*)\)", text)
    text = re.sub(r"\s?\([^()]*\)", "", text)
    for part in (text, *asides):
        start = 0
        for end in _END.finditer(part):
            following = part[end.end() :].lstrip(" \"'“‘([*_")
            ends = end[0][0] != "…" or following[:1].isupper()
            if ends and not _ABBREVIATION.search(part[start : end.start() + 1]):
                yield part[start : end.end()].strip()
                start = end.end()
        yield part[start:].strip()


def num_words(sentence: str) -> int:
    """Words of a sentence; dashes and other signs between spaces are none."""
    return len(_WORD.findall(sentence))


# --- blocks of prose ---


def markdown(source: str) -> Iterator[Text]:
    """Paragraphs, items, headings and rows of tables of Markdown; no code, no front matter."""
    lines = source.splitlines()
    fence, block, start = "", [], 0
    skip_to = lines.index("---", 1) if lines[:1] == ["---"] and "---" in lines[1:] else -1
    for number, line in enumerate([*lines, ""], start=1):
        bare = line.strip()
        mark = re.match(r"(`{3,}|~{3,})", bare)
        if number - 1 <= skip_to:
            continue
        if mark and (not fence or bare.startswith(fence)):
            fence = "" if fence else mark[1]
        new = not bare or bool(re.match(r"([-*+]|\d+[.)])\s|#|\||>|<|!!!|\?\?\?|:\s", bare))
        if (new or fence or mark) and block:
            yield Text(start, " ".join(block), sentences=not block[0].startswith("|"))
            block = []
        if fence or mark or not bare or (line.startswith("    ") and not block and not new):
            continue
        if not block:
            start = number
        block.append(re.sub(r"^([-*+]|\d+[.)]|#+|>|:)\s+", "", bare))


def python(source: str) -> Iterator[Text]:
    """Docstrings, comments and longer strings of Python."""
    tree = ast.parse(source)
    docstrings = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and (text := _string(node.value)):
            docstrings.add(node.value)
            yield from docstring(text, node.lineno, node.col_offset)
    inside = {part for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)
              for part in ast.walk(node) if part is not node}  # fmt: skip
    for node in ast.walk(tree):
        if node not in docstrings and node not in inside:
            text = _string(node)
            if len(text.split()) >= MIN_STRING_WORDS:
                yield Text(node.lineno, text, sentences="\n" not in text.strip())
    yield from python_comments(source)


def _string(node: ast.AST) -> str:
    """The text of a string or an f-string, with CODE for each value put in."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        parts = (part.value if isinstance(part, ast.Constant) else "CODE" for part in node.values)
        return "".join(map(str, parts))
    return ""


def docstring(text: str, line: int, margin: int = 0) -> Iterator[Text]:
    """Blocks of a docstring: paragraphs, and the entries of `Raises:` and other sections.

    An example or a shape (lines indented after a line that ends in a colon) is code.
    """
    block: list[str] = []
    start, indent, code = line, 0, False
    rows = text.splitlines()
    for number, row in enumerate([*rows, ""], start=line):
        bare = row.strip()
        depth = len(row) - len(row.lstrip()) - (margin if number > line else 0)
        entry = bool(re.match(r"([-*]|[\w.`\[\]{}*<> -]{1,30}:)(\s|$)", bare)) and depth <= 4
        if block and (not bare or entry or (depth != indent and depth <= 0)):
            yield Text(start, " ".join(block))
            block = []
        code = code and (not bare or depth > 0)
        if bare == "\b" or re.fullmatch(r"(Examples?|Usage|Layout):", bare):
            code = True
        if code or not bare or (depth >= 4 and not block and not entry and text.count("\n") > 1):
            continue
        if not block:
            start, indent = number, depth
        block.append(bare)


def python_comments(source: str) -> Iterator[Text]:
    """Comments; those on consecutive lines that stand by themselves are one block."""
    block: list[str] = []
    start = last = column = 0
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type != tokenize.COMMENT:
            continue
        text = token.string.lstrip("#!").strip()
        by_itself = not token.line[: token.start[1]].strip()
        follows = by_itself and token.start == (last + 1, column) and bool(text)
        if block and not follows:
            yield Text(start, " ".join(block))
            block = []
        if re.match(r"(noqa|type:|fmt:|pragma|---|/usr/bin)", text) or not text:
            continue
        if not block:
            start = token.start[0]
        block.append(text)
        last, column = token.start if by_itself else (0, 0)
    if block:
        yield Text(start, " ".join(block))


def comments(source: str) -> Iterator[Text]:
    """Comments that begin with `#`; indented ones (`#    command`) are code."""
    block: list[str] = []
    start = 0
    for number, line in enumerate([*source.splitlines(), ""], start=1):
        comment = re.match(r"\s*#+ ?(.*)", line)
        text = comment[1] if comment else ""
        code = bool(re.match(r"\s{2,}|\[|\S+ = |$", text))
        if block and (not comment or code or re.match(r"[-*] ", text)):
            yield Text(start, " ".join(block))
            block = []
        trailing = re.search(r"[\"\w\])}]\s+# (.*)", line)
        if not comment and trailing:
            yield Text(number, trailing[1])
        if comment and not code:
            start = start if block else number
            block.append(text.strip())


def template(source: str) -> Iterator[Text]:
    """Text of a page, comments of a script: by line, for their words only."""
    text = re.sub(
        r"\{#.*?#\}|<[^>]*>", lambda cut: "\n" * cut[0].count("\n"), source, flags=re.DOTALL
    )
    for number, line in enumerate(text.splitlines(), start=1):
        yield Text(number, re.sub(r"\{[{%].*?[%}]\}", "CODE", line), sentences=False)


BLOCKS = {".md": markdown, ".py": python, ".toml": comments, ".yml": comments}

"""The style check of prose: long sentences, private words, names that say nothing.

    python -m tests.docs.style PATH ...    # print `path:line: finding`; exit code 1 if any
    python -m tests.docs.style             # the same for everything in ENFORCED, and commit titles

Prose is Markdown, docstrings, comments, and strings of five words or more (help texts, error
messages, texts of the report). Code blocks and tables have no sentences and are not measured.
"""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.docs.prose import BLOCKS, Text, num_words, sentences, template

ROOT = Path(__file__).parents[2]

# Files and folders that must have no finding. Add a folder of code once it is clean.
ENFORCED = [
    "README.md",
    "CHANGELOG.md",
    "docs",
    "tests/docs/prose.py",
    "tests/docs/style.py",
]
# Commit titles after this commit are checked. Where history lacks it, only the last one is.
TITLES_SINCE = "b02e1620a7c2"
MAX_TITLE = 72  # longer titles are cut in `git log --oneline` and on the web
MAX_WORDS = 25  # in a sentence

SUFFIXES = {".md", ".py", ".toml", ".j2", ".js", ".css", ".yml"}
SKIPPED = {"sample", "golden", "__pycache__", "reference"}  # data; pages that a program makes


class Rule(NamedTuple):
    """A pattern not to be used, and what to write instead."""

    pattern: re.Pattern[str]
    instead: str


class Finding(NamedTuple):
    """One thing to change."""

    path: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}"


def read_rules() -> list[list[Rule]]:
    """The rules for prose and the rules for names."""
    rules: list[list[Rule]] = [[], []]
    section = 0
    for line in Path(__file__).with_name("private_words.txt").read_text("utf-8").splitlines():
        if line.strip() == "[names]":
            section = 1
        elif line.strip() and not line.startswith("#"):
            pattern, instead = line.split(" -> ")
            rules[section].append(Rule(_compile(pattern.strip(), is_name=section == 1), instead))
    return rules


def _compile(pattern: str, is_name: bool) -> re.Pattern[str]:
    """Smart case: a pattern with a capital letter matches that case only, as names always do."""
    if is_name:
        return re.compile(rf"(?:{pattern})\Z")
    capitals = re.search(r"(?<!\\)[A-Z]", pattern)
    body = pattern.replace(" ", r"\s+") if "(?<!" not in pattern else pattern
    if pattern.startswith(r"\A"):
        return re.compile(rf"\A(?:{body[2:]})")
    return re.compile(rf"(?<![\w-])(?:{body})(?![\w-])", 0 if capitals else re.IGNORECASE)


PROSE_RULES, NAME_RULES = read_rules()


def defined_names(source: str) -> Iterator[tuple[int, str]]:
    """Line and name of every variable, parameter, function and class that a module defines."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.lineno, node.name


def check_text(block: Text) -> Iterator[tuple[int, str]]:
    """Line and message of each finding in a block."""
    for rule in PROSE_RULES:
        at_start = rule.pattern.pattern.startswith(r"\A")
        for text in sentences(block.text) if at_start else [block.text]:
            if match := rule.pattern.search(text):
                yield block.line, f"{match[0].strip()!r}: {rule.instead}"
    for sentence in sentences(block.text) if block.sentences else ():
        if (words := num_words(sentence)) > MAX_WORDS:
            yield block.line, f"{words} words: {' '.join(sentence.split()[:7])} …"


def check_source(source: str, suffix: str, path: str = "") -> list[Finding]:
    """All findings in the text of one file, by line."""
    blocks = list(BLOCKS.get(suffix, template)(source))
    findings = [Finding(path, line, text) for block in blocks for line, text in check_text(block)]
    if suffix == ".py":
        findings += [
            Finding(path, line, f"name {name!r}: {rule.instead}")
            for line, name in defined_names(source)
            for rule in NAME_RULES
            if rule.pattern.match(name)
        ]
    return sorted(set(findings), key=lambda finding: finding.line)


def files(path: Path) -> Iterator[Path]:
    """The files of a path that hold prose, sorted."""
    if path.is_file():
        yield path
    for file in sorted(path.rglob("*")) if path.is_dir() else ():
        kept = not SKIPPED & set(file.relative_to(ROOT).parts)
        if file.suffix in SUFFIXES and kept and not file.name.startswith("."):
            yield file


def check_path(name: str) -> list[Finding]:
    """All findings in a file or folder; its name is relative to the repository."""
    path = ROOT / name
    if not path.exists():
        raise FileNotFoundError(f"no file or folder {name}")
    return [
        finding
        for file in files(path)
        for finding in check_source(
            file.read_text("utf-8"), file.suffix, str(file.relative_to(ROOT))
        )
    ]


def check_title(title: str) -> list[str]:
    """What is wrong with a commit title."""
    long = [f"{len(title)} characters, at most {MAX_TITLE}"] if len(title) > MAX_TITLE else []
    return long + [message for _, message in check_text(Text(1, title, sentences=False))]


def check_titles(root: Path = ROOT, since: str = TITLES_SINCE) -> list[Finding]:
    """Findings in the titles of the commits after `since`; none outside a clone."""
    ancestor = ["git", "-C", str(root), "merge-base", "--is-ancestor", since, "HEAD"]
    has_base = subprocess.run(ancestor, capture_output=True, check=False).returncode == 0
    commits = [f"{since}..HEAD"] if has_base else ["-1"]
    log = ["git", "-C", str(root), "log", "--no-merges", "--format=%h %s", *commits]
    shown = subprocess.run(log, capture_output=True, text=True, check=False).stdout
    pairs = [line.split(" ", 1) for line in shown.splitlines()]
    return [Finding(f"commit {sha}", 1, message) for sha, title in pairs
            for message in check_title(title)]  # fmt: skip


def main(paths: list[str]) -> int:
    """Print all findings; the exit code."""
    findings = [finding for name in paths or ENFORCED for finding in check_path(name)]
    findings += [] if paths else check_titles()
    print(*findings, sep="\n" if findings else "")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

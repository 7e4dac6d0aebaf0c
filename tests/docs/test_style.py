"""The style check finds what it is there to find, and the files that must be clean are."""

import subprocess

import pytest

from tests.docs.prose import num_words, sentences
from tests.docs.style import (
    ENFORCED,
    check_path,
    check_source,
    check_title,
    check_titles,
)

LONG = "Each word of it " + "counts " * 22  # 26 words


def lines(source: str, suffix: str) -> list[int]:
    return [finding.line for finding in check_source(source, suffix)]


@pytest.mark.parametrize("name", ENFORCED)
def test_enforced_files_are_clean(name):
    findings = check_path(name)
    assert not findings, "\n".join(map(str, findings))


def test_commit_titles_are_short_and_plain():
    findings = check_titles()
    assert not findings, "\n".join(map(str, findings))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two!  Three?", ["One.", "Two!", "Three?"]),
        ("By e.g. Yu et al. 2020, 2.5 s. So", ["By e.g. Yu et al. 2020, 2.5 s.", "So"]),
        ("Two kinds: this one. And x", ["Two kinds:", "this one.", "And x"]),
        ("Use `a`, `b.c` and `d` here.", ["Use CODE here."]),
        ("Cosine (Artetxe 2019). Next", ["Cosine.", "Next", "Artetxe 2019"]),
        ("A [page of text](other/page.md) here", ["A page of text here"]),
    ],
)  # fmt: skip
def test_sentences(text, expected):
    assert [sentence for sentence in sentences(text) if sentence] == expected


def test_signs_are_no_words():
    assert num_words("a - b → c, 25 % … d's") == 5


@pytest.mark.parametrize("text", [
    "Follow the\n  road", "Living pairs stay", "It is no rule.", "One beside the other",
    "Good. Of these two stay.", "Nobody reads it", "The gates",
])  # fmt: skip
def test_private_words_are_found(text):
    assert lines(text, ".md")


@pytest.mark.parametrize("text", [
    "There is no rule.", "It is no longer there.", "It is no closer.", "2,048 gates",
    "A file beside another file", "Of course.",
    "Aggregates", "Let alone this", "Who reads this?", "Some text. Each of these is of use.",
])  # fmt: skip
def test_plain_words_are_not(text):
    assert not lines(text, ".md")


def test_markdown_blocks():
    source = (
        f"---\nkey: {LONG}\n---\n\n{LONG}\n\n```\n{LONG}\n```\n\n| {LONG} |\n\n- short\n- {LONG}\n"
    )
    assert lines(source, ".md") == [5, 14]
    assert lines("| the road |\n", ".md") == [1]
    assert not lines("```\nthe road\n```\n", ".md")


def test_python_blocks():
    source = f'''
"""Module.

{LONG}
"""
x = 1  # {LONG}
# short
# {LONG}


def run() -> None:
    """Do it.

    Example:
        {LONG}

    Raises:
        ValueError: {LONG}
    """
    raise ValueError(f"{LONG} {{x}}")


KEYS = "the road"
'''
    assert lines(source, ".py") == [4, 6, 7, 18, 20]


def test_layouts_in_docstrings_are_code():
    source = f'''"""Module.

    {LONG}
"""


class Some:
    """Class.

    {LONG}

        {LONG}
    """
'''
    assert lines(source, ".py") == [10]


def test_names():
    assert lines(
        "def run(own: int) -> int:\n    found = limit = own\n    return found\n", ".py"
    ) == [1, 2]
    assert lines("class Judge:\n    pass\n", ".py") == [1]
    assert not lines("class LanguageChecker:\n    finder = 1\n", ".py")


def test_comments_of_toml():
    source = f"# {LONG}\n#   command {LONG}\n# [score.lid]\n\nkey = 1  # the road\n"
    assert lines(source, ".toml") == [1, 5]


def test_templates():
    assert lines("<p>\nthe <b>road</b>\n{# beside #}\nbeside {{ it }}\n", ".j2") == [2, 4]


@pytest.mark.parametrize(
    ("title", "num"), [("Add a reader", 0), ("x" * 73, 1), ("Walk the road", 1)]
)
def test_titles(title, num):
    assert len(check_title(title)) == num


def test_titles_of_a_history(tmp_path):
    def git(*arguments: str) -> str:
        identity = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
        command = ["git", "-C", str(tmp_path), *identity, *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    git("init", "-q")
    for title in ("the road", "First", "y" * 80, "Last of all"):
        git("commit", "-q", "--allow-empty", "-m", title)
    base = git("rev-parse", "HEAD~3")
    assert [finding.message for finding in check_titles(tmp_path, base)] == [
        "80 characters, at most 72"
    ]
    assert not check_titles(tmp_path, "0123abcd")  # shallow history: the last title alone
    assert len(check_titles(tmp_path, git("rev-parse", "HEAD~2"))) == 1

"""Templates: what is allowed, what is printed, and where the prompt ends."""

import polars as pl
import pytest

from sealdata.errors import ConfigError
from sealdata.formats.templates import Template, language_name

NAMES = {"first_name": "English", "second_name": "Thai"}


def rendered(template: str, first: str, second: str) -> tuple[str, str]:
    frame = pl.DataFrame({"src": [first], "tgt": [second]})
    document, prompt = Template.parse(template).render(NAMES, "src", "tgt")
    row: tuple[str, str] = frame.select(document=document, prompt=prompt).row(0)
    return row


@pytest.mark.parametrize(
    ("template", "document", "prompt"),
    [
        (
            "{first_name}: {first}\n{second_name}: {second}",
            "English: Hello.\nThai: สวัสดี",
            "English: Hello.\nThai: ",
        ),
        ("{first} = {second}!", "Hello. = สวัสดี!", "Hello. = "),
        ("{{{first}}} -> {{{second}}}", "{Hello.} -> {สวัสดี}", "{Hello.} -> {"),
        ("{first}{second}", "Hello.สวัสดี", "Hello."),
        (
            "In {second_name}, what is {first_name} {first}? {second}",
            "In Thai, what is English Hello.? สวัสดี",
            "In Thai, what is English Hello.? ",
        ),
    ],
)
def test_render(template: str, document: str, prompt: str) -> None:
    assert rendered(template, "Hello.", "สวัสดี") == (document, prompt)


def test_braces_and_dollars_within_sentences_are_text() -> None:
    template = "{first_name}: {first}\n{second_name}: {second}"
    first, second = "if (x) {first} {} {{second}} ${1}", "{second_name}}{ \\n"
    document, prompt = rendered(template, first, second)
    assert document == f"English: {first}\nThai: {second}"
    assert prompt == f"English: {first}\nThai: "


@pytest.mark.parametrize(
    ("template", "complaint"),
    [
        ("{first}\n{target}", r"no placeholder \{target\}; known: \{first_name\}, \{first\}"),
        ("{first}", r"needs \{first\} and then \{second\}, once each"),
        ("{second}\n{first}", r"needs \{first\} and then \{second\}, once each"),
        ("{first} {second} {second}", "once each"),
        ("", "once each"),
        ("{first:>10} {second}", "takes no format or conversion"),
        ("{first!r} {second}", "takes no format or conversion"),
        ("{first} {second", "write {{ for a literal brace"),
        ("{first} {second} }", "write {{ for a literal brace"),
        ("{} {first} {second}", r"no placeholder \{\}"),
        ("{0} {first} {second}", r"no placeholder \{0\}"),
    ],
)
def test_wrong_templates(template: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        Template.parse(template)


def test_names_of_languages() -> None:
    assert language_name("ind_Latn", "english") == "Indonesian"
    assert language_name("ind_Latn", "autonym") == "Bahasa Indonesia"
    assert language_name("fil_Latn", "english") == "Filipino"

"""References: files by language, aligned lines, packages, and the digest that identifies them."""

from pathlib import Path

import pytest
from tiny_shards import SENTENCES

from sealtrain import references
from sealtrain.errors import ConfigError, DataError


def test_references_are_read_by_code_with_any_extension(refs: Path) -> None:
    assert references.read_refs(refs, None) == SENTENCES
    assert references.read_refs(refs, 2)["tha_Thai"] == SENTENCES["tha_Thai"][:2]
    blank = refs / "ind_Latn.devtest"
    blank.write_text("a\n\nc\nd\ne\nf\n", "utf-8")  # an empty line is a line
    assert references.read_refs(refs, None)["ind_Latn"] == ["a", "", "c", "d", "e", "f"]


def test_broken_references_are_refused(refs: Path) -> None:
    with pytest.raises(DataError, match="no references at"):
        references.read_refs(refs / "nowhere", None)
    (refs / "tha_Thai.txt").write_text("ก", "utf-8")
    with pytest.raises(DataError, match="a second file of tha_Thai"):
        references.read_refs(refs, None)
    (refs / "tha_Thai.devtest").unlink()
    with pytest.raises(DataError, match=r"not aligned.*'tha_Thai': 1"):
        references.read_refs(refs, None)


def test_references_inside_a_package() -> None:
    folder = references.refs_folder("package:sealtrain/recipes")
    assert (folder / "quickstart.toml").is_file()
    assert references.refs_folder("some/folder") == Path("some/folder")
    with pytest.raises(ConfigError, match="no package 'sealnothing' is installed"):
        references.refs_folder("package:sealnothing/x")


def test_only_a_line_feed_ends_a_line(refs: Path) -> None:
    for path in refs.glob("*.devtest"):
        path.write_bytes("a\u2028b\u0085c\nd\n".encode())
    assert references.read_refs(refs, None)["eng_Latn"] == ["a\u2028b\u0085c", "d"]


def test_the_digest_is_of_languages_and_sentences() -> None:
    texts = {"eng_Latn": ["a", "b"], "tha_Thai": ["c", "d"]}
    digest = references.digest(texts)
    assert references.digest(dict(reversed(texts.items()))) == digest
    others = [
        {"eng_Latn": ["a", "b"], "lao_Laoo": ["c", "d"]},
        {"eng_Latn": ["a", "b"], "tha_Thai": ["c", "e"]},
        {"eng_Latn": ["a", "b"], "tha_Thai": ["cd"]},
        {"eng_Latn": ["a", "b"]},
    ]
    assert len({digest, *map(references.digest, others)}) == 5


def test_shots_must_leave_lines_to_score() -> None:
    texts = {"eng_Latn": ["a", "b", "c"]}
    assert references.take_shots(texts, 2) == ({"eng_Latn": ["a", "b"]}, {"eng_Latn": ["c"]})
    with pytest.raises(DataError, match="3 shots of 3 lines leave no line to score"):
        references.take_shots(texts, 3)


@pytest.mark.parametrize(
    "text",
    [
        "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 1\n",
        "<!DOCTYPE html>\n<html></html>\n",
        "H\0e\0l\0l\0o\0\n\0",
    ],
)
def test_what_is_not_a_text_of_references(refs, text):
    (refs / "eng_Latn.dev").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match="is not a text of references"):
        references.read_refs(refs, None)


def test_temporary_files_and_a_byte_order_mark(refs):
    before = references.read_refs(refs, None)
    path = next(refs.glob("eng_Latn*"))
    path.write_text("\ufeff" + path.read_text("utf-8"), encoding="utf-8")
    for ending in ("~", ".tmp", ".part"):
        (refs / f"{path.name}{ending}").write_text("x\n", encoding="utf-8")
    assert references.read_refs(refs, None) == before

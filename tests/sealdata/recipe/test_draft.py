"""Drafts: files of all formats become a recipe that a build takes at once, or says what to fill."""

import bz2
import gzip
import json
import lzma
import tomllib
import zipfile
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

from sealcli.sealdata import main
from sealdata.errors import ConfigError, DataError
from sealdata.recipe.draft.init import init_recipe
from sealdata.recipe.draft.names import alike_but_for_language, languages_in, pair_in
from sealdata.recipe.draft.sample import MAX_ROWS, SourceDraft
from sealdata.recipe.draft.sources import find_sources
from sealdata.recipe.reading import read_recipe

from ..report.conftest import ENGLISH, TEXTS

EN = [text.format(n=n) for n in (3, 4, 5) for text in ENGLISH]
TH = [text.format(n=n) for n in (3, 4, 5) for text in TEXTS["tha_Thai"]]
JV = [text.format(n=n) for n in (3, 4, 5) for text in TEXTS["jav_Latn"]]


def tsv(*columns: list[str]) -> bytes:
    return "".join("\t".join(row) + "\n" for row in zip(*columns, strict=True)).encode()


def found(folder: Path) -> list[SourceDraft]:
    return find_sources([folder])[0]


@pytest.mark.parametrize(
    ("name", "pair"),
    [
        ("eng_Latn-jav_Latn.gz", ("eng_Latn", "jav_Latn")),
        ("ceb_Latn-eng_Latn.gz", ("ceb_Latn", "eng_Latn")),
        ("en-id.txt.zip", ("eng_Latn", "ind_Latn")),
        ("CCAligned.en_XX-th_TH.tsv.xz", ("eng_Latn", "tha_Thai")),
        ("soft-vie_Latn.tsv.gz", ("eng_Latn", "vie_Latn")),
        ("wiki_en_th.tsv", ("eng_Latn", "tha_Thai")),
        ("all.en-zh-Hans.tmx", ("eng_Latn", "zho_Hans")),
        ("data_in.no-dup.tsv", None),
        ("pairs.tsv", None),
        ("corpus-en.txt", None),
    ],
)
def test_languages_in_names(name: str, pair: tuple[str, str] | None) -> None:
    assert pair_in(name) == pair


def test_words_of_english_are_no_languages() -> None:
    assert languages_in("he_is_in_or_no-to-all.tsv") == []
    assert languages_in("en_text") == ["eng_Latn"]


def test_tables_of_tabs(tmp_path: Path) -> None:
    margins = [str(1 + n / 100) for n in range(len(EN))]
    nothing = ["_"] * len(EN)
    lid = ["0.9"] * len(EN)
    nllb = tsv(TH, EN, margins, lid, lid, nothing, nothing, nothing, nothing)
    (tmp_path / "tha_Thai-eng_Latn.gz").write_bytes(gzip.compress(nllb))
    (tmp_path / "CCMatrix.en-th.tsv.xz").write_bytes(lzma.compress(tsv(margins, EN, TH)))
    (tmp_path / "CCAligned.en-th.tsv.bz2").write_bytes(bz2.compress(tsv(EN, TH, margins)))
    (tmp_path / "plain.en-jv.tsv").write_bytes(tsv(JV, EN))
    (tmp_path / "odd.en-jv.tsv").write_bytes(tsv(EN, JV, EN, JV))
    sources, left_out = find_sources([tmp_path])
    assert [(s.name, s.options["layout"], s.src_lang, s.tgt_lang) for s in sources] == [
        ("CCAligned.en-th", "ccaligned", "eng_Latn", "tha_Thai"),
        ("CCMatrix.en-th", "ccmatrix", "eng_Latn", "tha_Thai"),
        # The columns are in another order than the name says.
        ("plain.en-jv", "pairs", "jav_Latn", "eng_Latn"),
        ("tha_Thai-eng_Latn", "nllb", "tha_Thai", "eng_Latn"),
    ]
    assert [bool(source.scores) for source in sources] == [True, True, False, True]
    assert all(source.records == "15" for source in sources)
    [odd] = left_out
    assert "4 columns in an unknown order; layouts: nllb (9)" in odd.reason


def test_aligned_files_and_archives(tmp_path: Path) -> None:
    text = {code: "\n".join(lines) + "\n" for code, lines in (("en", EN), ("th", TH), ("jv", JV))}
    for code, content in text.items():
        (tmp_path / f"set.{code}.gz").write_bytes(gzip.compress(content.encode()))
    (tmp_path / "set.scores").write_text("1.1\n" * 15)
    with zipfile.ZipFile(tmp_path / "en-th.txt.zip", "w") as archive:
        for code in ("en", "th"):
            archive.writestr(f"News.en-th.{code}", text[code])
        archive.writestr("LICENSE", "free")
    for code, lines in (("eng", EN), ("tha", TH)):
        ids = "".join(f"{n}\t{line}\n" for n, line in enumerate(lines))
        (tmp_path / f"data_{code}.txt").write_text(ids, "utf-8")
    sources = found(tmp_path)
    assert [(s.name, s.reader, s.tgt_lang) for s in sources] == [
        ("data", "joined", "tha_Thai"),
        ("en-th", "moses", "tha_Thai"),
        ("set-jav_Latn", "moses", "jav_Latn"),
        ("set-tha_Thai", "moses", "tha_Thai"),
    ]
    assert "in the archive: LICENSE" in sources[1].notes
    assert "no licence file in its folder" in sources[0].notes
    assert sources[2].scores.startswith("5 % are below 1.1")


def test_named_columns(tmp_path: Path) -> None:
    rows = [{"translation": {"en": en, "th": th}} for en, th in zip(EN, TH, strict=True)]
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    (tmp_path / "a.jsonl").write_text(lines, "utf-8")
    frame = pl.DataFrame({"left": EN, "right": TH, "laser_score": [1.1] * 15, "n": range(15)})
    frame.write_parquet(tmp_path / "b.parquet")
    csv = "".join(f'"{en}","{th}"\n' for en, th in zip(EN, TH, strict=True))
    (tmp_path / "c.csv").write_text("en_text,th_text\n" + csv, "utf-8")
    (tmp_path / "d.csv").write_text("x,y\n" + "".join(f"{n},{n}\n" for n in range(15)), "utf-8")
    (tmp_path / "docs.jsonl").write_text('{"id": "a", "text": "Rain fell."}\n' * 3)
    sources, left_out = find_sources([tmp_path])
    assert [(s.reader, s.src_lang, s.tgt_lang, s.options) for s in sources] == [
        ("jsonl", "eng_Latn", "tha_Thai", {}),
        ("parquet", "eng_Latn", "tha_Thai", {
            "score_column": "laser_score", "src_column": "left", "tgt_column": "right"}),
        ("csv", "eng_Latn", "tha_Thai", {"columns": ["en_text", "th_text"]}),
        ("csv", "FILL", "FILL", {"columns": ["FILL", "FILL"]}),
    ]  # fmt: skip
    assert sources[1].checks[0] == "columns 'left' and 'right' were chosen by language ID"
    assert "the columns of both sides; there are: x, y" in sources[3].fills
    assert [(file.path.name, file.reason) for file in left_out] == [
        ("docs.jsonl", "it has documents, which a [[stream]] reads")
    ]


def test_names_and_text_that_disagree_are_said(tmp_path: Path) -> None:
    (tmp_path / "a.en-vi.tsv").write_bytes(tsv(EN, TH))
    (tmp_path / "b.en-id.tsv").write_bytes(tsv(EN, JV))
    (tmp_path / "c.tsv").write_bytes(tsv(TH, EN))
    (tmp_path / "d.en-th.tsv").write_bytes(tsv(TH, TH))
    wrong, related, unnamed, no_english = found(tmp_path)
    assert wrong.tgt_lang == "vie_Latn"
    assert wrong.checks == [
        "language ID says tha_Thai for 100% of the lines that should be vie_Latn"
    ]
    assert related.checks == []
    assert any("it mixes these two up" in note for note in related.notes)
    assert (unnamed.src_lang, unnamed.tgt_lang) == ("tha_Thai", "eng_Latn")
    assert unnamed.checks == [
        "the name of the file has no language; language ID says tha_Thai for 100% of its lines"
    ]
    assert no_english.checks == ["language ID finds English on neither side: tha_Thai and tha_Thai"]


def test_large_files_are_estimated_and_small_ones_counted(tmp_path: Path) -> None:
    line = tsv(EN[:1], TH[:1])
    count = 2 * MAX_ROWS
    # Plain text: a decompressor would read all of a file so repetitive.
    (tmp_path / "large.en-th.tsv").write_bytes(line * count)
    [large] = found(tmp_path)
    assert large.records.startswith("about ")
    assert int(large.records.removeprefix("about ").replace(",", "")) == pytest.approx(count, 0.05)
    assert any("estimated from the first 50,000" in note for note in large.notes)


def test_records_that_cannot_be_read_are_counted(tmp_path: Path) -> None:
    (tmp_path / "a.en-th.tsv").write_bytes(tsv(EN, TH) + b"one column\n" * 2)
    [draft] = found(tmp_path)
    assert draft.checks == ["2 of 17 records cannot be read, most as wrong_column_count"]


def test_the_draft_can_be_built_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus" / 'a "b".en-th.tsv').write_bytes(tsv(EN, TH))
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(main, ["init", "corpus", "--out", "mine.toml"])
    assert done.exit_code == 0, done.output
    assert "next      sealdata build mine.toml --dry-run" in done.stdout
    text = Path("mine.toml").read_text("utf-8")
    assert 'path = "corpus/a \\"b\\".en-th.tsv"' in text
    recipe, _ = read_recipe("mine.toml")
    assert recipe.name == "mine"
    assert [source.name for source in recipe.source] == ["a-b-.en-th"]
    assert {"length_ratio", "wrong_language", "misaligned"} <= {rule.reason for rule in recipe.rule}
    assert not any(rule.score.startswith("stored.") for rule in recipe.rule)
    dry = CliRunner().invoke(main, ["build", "mine.toml", "--dry-run"])
    assert dry.exit_code == 0, dry.output
    again = CliRunner().invoke(main, ["init", "corpus", "--out", "mine.toml"])
    assert again.exit_code == 2
    assert "mine.toml is there already" in again.stderr


def test_what_must_be_filled_stops_a_build(tmp_path: Path) -> None:
    (tmp_path / "numbers.tsv").write_bytes(tsv(EN, [str(n) + "%" for n in range(15)]))
    drafted = init_recipe([tmp_path], tmp_path / "mine.toml")
    assert drafted.fills == [
        "numbers: the language besides English; language ID says nothing for 0% of its lines"
    ]
    with pytest.raises(ConfigError, match="'tgt_lang': unknown language 'FILL'"):
        read_recipe(str(tmp_path / "mine.toml"))


def test_filters_of_another_tool_replace_the_rules(tmp_path: Path) -> None:
    (tmp_path / "a.th-en.tsv").write_bytes(tsv(TH, EN))
    filters = tmp_path / "a.filter.json"
    alpha = {"filter": "alpha_ratio", "parameters": {"SRCALPHARAT": 0.3, "TRGALPHARAT": 0.6}}
    filters.write_text(json.dumps({"filters": [alpha, {"filter": "fix_wiki", "parameters": {}}]}))
    drafted = init_recipe([tmp_path / "a.th-en.tsv"], tmp_path / "r.toml", filters_file=filters)
    recipe, _ = read_recipe(str(tmp_path / "r.toml"))
    # The first file is Thai, so the first limit is that of Thai.
    assert [(rule.score, rule.min) for rule in recipe.rule] == [
        ("shares.src_letters", 0.6),
        ("shares.tgt_letters", 0.3),
    ]
    assert recipe.dedup.off
    assert drafted.filters.without == ["fix_wiki()"]
    assert "# No counterpart: fix_wiki()" in (tmp_path / "r.toml").read_text()


def test_nothing_to_draft(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="does not exist"):
        init_recipe([tmp_path / "no"], tmp_path / "r.toml")
    with pytest.raises(ConfigError, match="name the files of your corpora"):
        init_recipe([], tmp_path / "r.toml")
    with pytest.raises(DataError, match=r"no file holds pairs with English \(there is no file\)"):
        init_recipe([tmp_path], tmp_path / "r.toml")
    (tmp_path / "a.txt").write_text("one\ntwo\n")
    with pytest.raises(DataError, match=r"a\.txt: its lines have one column"):
        init_recipe([tmp_path], tmp_path / "r.toml")


def test_uneven_files_are_left_out_with_the_readers_reason(tmp_path: Path) -> None:
    (tmp_path / "x.en").write_text("\n".join(EN) + "\n")
    (tmp_path / "x.th").write_text("\n".join(TH[:3]) + "\n")
    sources, [left_out] = find_sources([tmp_path])
    assert sources == []
    assert "line counts differ" in left_out.reason


TMX = """<?xml version="1.0" encoding="UTF-8"?>
<tmx version="1.4"><header srclang="en"/><body>
{units}</body></tmx>
"""


def test_translation_memories(tmp_path: Path) -> None:
    units = "".join(
        f'<tu><tuv xml:lang="en-US"><seg>{en}</seg></tuv><tuv xml:lang="th"><seg>{th}</seg></tuv>'
        f'<tuv xml:lang="jv"><seg>{jv}</seg></tuv></tu>\n'
        for en, th, jv in zip(EN, TH, JV, strict=True)
    )
    (tmp_path / "three.tmx").write_text(TMX.format(units=units), "utf-8")
    with zipfile.ZipFile(tmp_path / "en-th.tmx.zip", "w") as archive:
        archive.writestr("en-th.tmx", TMX.format(units=units))
    assert [(s.name, s.reader, s.src_lang, s.tgt_lang, s.records) for s in found(tmp_path)] == [
        ("en-th-jav_Latn", "tmx", "eng_Latn", "jav_Latn", "15"),
        ("en-th-tha_Thai", "tmx", "eng_Latn", "tha_Thai", "15"),
        ("three-jav_Latn", "tmx", "eng_Latn", "jav_Latn", "15"),
        ("three-tha_Thai", "tmx", "eng_Latn", "tha_Thai", "15"),
    ]


def test_foreign_names_stay_in_their_comments(tmp_path: Path) -> None:
    """A line break in a name of a file or column must not make a line of the recipe."""
    evil = "x\nname = 'evil'\n#"
    rows = [{evil: str(n), "b\u2028c": "%"} for n in range(5)]
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (tmp_path / "a\n[card]\n#.jsonl").write_text(lines, "utf-8")
    (tmp_path / "b\nseed = 9.txt").write_text("one\n")
    (tmp_path / "c\udcff.tsv").write_bytes(tsv(EN, TH))
    (tmp_path / "d.en-th.tsv").write_bytes(tsv(EN, TH))
    drafted = init_recipe([tmp_path, tmp_path / "d.en-th.tsv"], tmp_path / "r.toml")
    assert [draft.name for draft in drafted.sources] == ["a-card", "d.en-th"]
    text = (tmp_path / "r.toml").read_text("utf-8").replace('"FILL"', '"tha_Thai"', 1)
    table = tomllib.loads(text)
    assert (table["name"], table["seed"]) == ("r", 1)
    assert set(table) == {
        *("name", "seed", "card", "source", "clean", "score", "rule", "dedup", "tokenizer")
    }
    assert "its name is not UTF-8; rename it" in text


def test_damaged_files_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "a.en-th.tsv.gz").write_bytes(gzip.compress(tsv(EN, TH))[:-20])
    (tmp_path / "b.parquet").write_bytes(b"PAR1 and no more")
    (tmp_path / "c.csv").write_text('a,b\n"' + "x" * 140_000 + '",y\n')
    (tmp_path / "d.zip").write_bytes(b"PK\x03\x04 broken")
    sources, left_out = find_sources([tmp_path])
    assert sources == []
    reasons = {file.path.name: file.reason for file in left_out}
    assert "cut short" in reasons["a.en-th.tsv.gz"]
    assert "it is not Parquet, or is damaged" in reasons["b.parquet"]
    assert "it is not CSV" in reasons["c.csv"]
    assert "d.zip" in reasons


def test_pairs_without_english_are_left_out(tmp_path: Path) -> None:
    for code, lines in (("th", TH), ("jv", JV)):
        (tmp_path / f"set.{code}").write_text("\n".join(lines) + "\n", "utf-8")
        ids = "".join(f"{n}\t{line}\n" for n, line in enumerate(lines))
        (tmp_path / f"data_{code}.txt").write_text(ids, "utf-8")
    sources, left_out = find_sources([tmp_path])
    assert sources == []
    assert len(left_out) == 4
    assert "aligned files end in their languages (x.en, x.th)" in left_out[-1].reason


def test_only_whole_words_are_languages() -> None:
    names = ["then_en.txt", "then_th.txt", "then_swedish.txt"]
    groups = alike_but_for_language([Path(name) for name in names])
    assert [sorted(group) for group in groups.values()] == [["eng_Latn", "tha_Thai"]]

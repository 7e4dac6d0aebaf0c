"""Reading references: file names of FLORES, NTREX and pairs, and what must be refused."""

import json
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner

from sealcli.sealdata import main
from sealdata.errors import ConfigError, DataError
from sealdata.gold.references import REFERENCE_SCHEMA, read_references

ENGLISH = ["It rains.", "Close the door.", "Two buses left."]
THAI = ["ฝนตก", "ปิดประตูด้วย", "รถบัสสองคันออกไปแล้ว"]
LAO = ["ຝົນຕົກ", "ປິດປະຕູແດ່", "ລົດເມສອງຄັນອອກໄປແລ້ວ"]


def write(folder: Path, files: dict[str, list[str]]) -> Path:
    for name, lines in files.items():
        (folder / name).write_bytes("".join(f"{line}\n" for line in lines).encode())
    return folder


@pytest.mark.parametrize(
    ("english", "thai", "lao", "part"),
    [
        ("eng_Latn.devtest", "tha_Thai.devtest", "lao_Laoo.devtest", "devtest"),
        ("en.txt", "th.txt", "lo.txt", "txt"),
        ("eng_Latn", "tha_Thai", "lao_Laoo", ""),
        (
            "newstest2019-src.eng.txt",
            "newstest2019-ref.tha.txt",
            "newstest2019-ref.lao.txt",
            "newstest2019",
        ),
    ],
)
def test_languages_come_from_the_names(tmp_path, english, thai, lao, part):
    files = {english: ENGLISH, lao: LAO, thai: THAI, "README.md": ["About"], "LICENSE.txt": ["CC0"]}
    actual = read_references(write(tmp_path, files))
    assert dict(actual.schema) == REFERENCE_SCHEMA
    rows = [
        (lang, part, line, src, tgt)
        for lang, texts in (("tha_Thai", THAI), ("lao_Laoo", LAO))
        for line, (src, tgt) in enumerate(zip(ENGLISH, texts, strict=True), start=1)
    ]
    assert actual.rows() == rows


def test_each_suffix_is_aligned_with_its_own_english(tmp_path):
    files = {
        "eng_Latn.dev": ENGLISH[:1],
        "tha_Thai.dev": THAI[:1],
        "eng_Latn.devtest": ENGLISH[1:],
        "tha_Thai.devtest": THAI[1:],
    }
    actual = read_references(write(tmp_path, files))
    assert actual.select("set", "line", "src", "tgt").rows() == [
        ("dev", 1, ENGLISH[0], THAI[0]),
        ("devtest", 1, ENGLISH[1], THAI[1]),
        ("devtest", 2, ENGLISH[2], THAI[2]),
    ]


def test_ntrex_rewritten_english_is_not_the_source(tmp_path):
    files = {
        "newstest2019-src.eng.txt": ENGLISH,
        "newstest2019-ref.eng-US.txt": ["It's raining.", "Shut the door.", "2 buses left."],
        "newstest2019-ref.tha.txt": THAI,
    }
    assert read_references(write(tmp_path, files))["src"].to_list() == ENGLISH


@pytest.mark.parametrize("english_first", [True, False])
def test_pairs_in_columns(tmp_path, english_first):
    name = "eng_Latn-tha_Thai.tsv" if english_first else "th-en.tsv"
    columns = (ENGLISH, THAI) if english_first else (THAI, ENGLISH)
    lines = ["\t".join(pair) for pair in zip(*columns, strict=True)]
    actual = read_references(write(tmp_path, {name: lines, "notes.tsv": ["a"]}))
    assert actual.select("lang", "set", "src", "tgt").rows() == [
        ("tha_Thai", name, src, tgt) for src, tgt in zip(ENGLISH, THAI, strict=True)
    ]


def test_only_line_feeds_end_lines(tmp_path):
    (tmp_path / "eng_Latn.dev").write_bytes("\ufeffOne\u2028line.\r\nTwo\u0085lines.".encode())
    (tmp_path / "tha_Thai.dev").write_bytes("หนึ่ง\r\nสอง\n".encode())
    actual = read_references(tmp_path)
    assert actual.select("src", "tgt").rows() == [
        ("One\u2028line.", "หนึ่ง"),
        ("Two\u0085lines.", "สอง"),
    ]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (
            {"eng_Latn.dev": ENGLISH, "tha_Thai.dev": THAI[:2]},
            "tha_Thai.dev has 2 lines, eng_Latn.dev 3",
        ),
        ({"eng_Latn.dev": ENGLISH, "tha_Thai.test": THAI}, "no English for tha_Thai.test"),
        (
            {"eng_Latn.dev": ENGLISH, "tha_Thai.dev": THAI, "th.dev": THAI},
            "th.dev and tha_Thai.dev are both tha_Thai",
        ),
        ({"eng_Latn-tha_Thai.tsv": ["one\ttwo\tthree"]}, "line 1 has 3 columns, not 2"),
    ],
)
def test_broken_references_are_refused(tmp_path, files, message):
    with pytest.raises(DataError, match=message):
        read_references(write(tmp_path, files))


def test_no_utf8(tmp_path):
    write(tmp_path, {"eng_Latn.dev": ENGLISH})
    (tmp_path / "tha_Thai.dev").write_bytes(b"ok\n\xff\n")
    with pytest.raises(DataError, match=r"tha_Thai.dev: byte 3 is not UTF-8"):
        read_references(tmp_path)


def test_nothing_to_read(tmp_path):
    with pytest.raises(ConfigError, match=r"no folder of references at .*missing"):
        read_references(tmp_path / "missing")
    with pytest.raises(ConfigError, match="no file pairs English with a known language"):
        read_references(write(tmp_path, {"eng_Latn.dev": ENGLISH, "README.md": ["x"]}))


def test_moses_pairs_each_have_their_own_english(tmp_path):
    files = {
        "tico19.en-th.en": ENGLISH,
        "tico19.en-th.th": THAI,
        "tico19.en-lo.en": ENGLISH[:1],
        "tico19.en-lo.lo": LAO[:1],
        "tico19.en-lo.scores": ["1.1"],
    }
    actual = read_references(write(tmp_path, files))
    assert actual.select("lang", "set", "src", "tgt").rows() == [
        *(("tha_Thai", "tico19.en-th", *pair) for pair in zip(ENGLISH, THAI, strict=True)),
        ("lao_Laoo", "tico19.en-lo", ENGLISH[0], LAO[0]),
    ]


def test_translation_memories(tmp_path):
    units = "".join(
        f'<tu><tuv xml:lang="en"><seg>{src}</seg></tuv>'
        f'<tuv xml:lang="th"><seg>{tgt}</seg></tuv></tu>'
        for src, tgt in zip(ENGLISH, THAI, strict=True)
    )
    text = f'<?xml version="1.0"?><tmx version="1.4"><header/><body>{units}</body></tmx>'
    with zipfile.ZipFile(tmp_path / "all.en-th.tmx.zip", "w") as archive:
        archive.writestr("all.en-th.tmx", text)
    write(tmp_path, {"all.de-fr.tmx": ["no English"]})
    actual = read_references(tmp_path)
    assert actual.select("lang", "set", "line", "src", "tgt").rows() == [
        ("tha_Thai", "all.en-th.tmx.zip", line, *pair)
        for line, pair in enumerate(zip(ENGLISH, THAI, strict=True), start=1)
    ]


def test_length_factors_of_references(tmp_path):
    write(
        tmp_path,
        {"eng_Latn.dev": ["a" * 20, "b" * 10, ""], "tha_Thai.dev": ["ก\u200b" * 10, "ข" * 5, "ค"]},
    )
    done = CliRunner().invoke(main, ["lengths", "--refs", str(tmp_path), "--json"])
    assert json.loads(done.stdout) == [
        {"lang": "tha_Thai", "pairs": 2, "factor": 2.0, "spread": 0.0, "shipped": 1.1}
    ]
    assert "tha_Thai" in CliRunner().invoke(main, ["lengths", "--refs", str(tmp_path)]).stdout

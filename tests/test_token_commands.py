"""`sealdata fertility` and `budget`, as their users call them, on the bundled sentences."""

import json
import tomllib
from base64 import b64encode
from pathlib import Path
from xml.etree import ElementTree

import polars as pl
import pytest
import tokenizers
from click.testing import CliRunner, Result

from sealcli import sealdata
from sealdata.build_manifest import MANIFEST
from sealdata.files.places import sample_dir
from sealdata.tokenizers._json import load_json
from sealdata.tokenizers.tiktoken import _pattern, _ranks
from tests.sealdata.tokens.test_budget import manifest

SAMPLE = sample_dir()
BPE, UNIGRAM = (SAMPLE / "tokenizers" / name for name in ("bpe", "unigram"))
CODES = ("eng_Latn", "ind_Latn", "lao_Laoo", "tha_Thai")
NUM = 40


def run(*arguments: object) -> Result:
    return CliRunner().invoke(sealdata.main, [str(argument) for argument in arguments])


def sentences(code: str) -> list[str]:
    return (SAMPLE / "text" / f"{code}.txt").read_text("utf-8").splitlines()[:NUM]


@pytest.fixture(scope="module")
def aligned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("aligned")
    for code in CODES:
        (folder / f"{code}.dev").write_text("\n".join(sentences(code)) + "\n", "utf-8")
    return folder


def counted(lines: list[str]) -> int:
    """Tokens by the library that made the bundled tokenizer."""
    bpe = tokenizers.Tokenizer.from_file(str(BPE / "tokenizer.json"))
    return sum(len(item.ids) for item in bpe.encode_batch(lines, add_special_tokens=False))


def test_the_table_is_what_the_library_counts(aligned: Path, tmp_path: Path) -> None:
    csv, chart = tmp_path / "f.csv", tmp_path / "f.svg"
    done = run(
        *("fertility", aligned, "--tokenizer", BPE, "--tokenizer", UNIGRAM),
        *("--json", "--csv", csv, "--chart", chart),
    )
    assert done.exit_code == 0, done.output
    rows = {(row["tokenizer"], row["lang"]): row for row in json.loads(done.stdout)}
    assert set(rows) == {(name, code) for name in ("bpe", "unigram") for code in CODES}
    english = counted(sentences("eng_Latn"))
    for code in CODES[1:]:
        lines, row = sentences(code), rows["bpe", code]
        tokens, chars = counted(lines), sum(map(len, lines))
        assert row["num_pairs"] == NUM
        assert row["tokens_per_char"] == pytest.approx(tokens / chars)
        assert row["bytes_per_token"] == pytest.approx(
            sum(len(line.encode()) for line in lines) / tokens
        )
        assert row["parity"] == pytest.approx(tokens / english)
        assert row["parity_low"] < row["parity"] < row["parity_high"]
        assert row["cost_percent"] == pytest.approx(100 * (row["parity"] - 1))
        assert row["context_words"] == pytest.approx(4096 / row["tokens_per_word"])
        assert row["pairs_in_budget"] == int(34.7e9 / row["tokens_per_pair"])
    words = sum(len(line.split()) for line in sentences("ind_Latn"))
    indonesian = rows["bpe", "ind_Latn"]
    assert indonesian["tokens_per_word"] == pytest.approx(counted(sentences("ind_Latn")) / words)
    assert indonesian["words_by"] == "white space"
    assert rows["bpe", "tha_Thai"]["words_by"].startswith("ICU")
    table = pl.read_csv(csv)
    assert table.sort("tokenizer", "lang")["parity"].to_list() == pytest.approx(
        [rows[key]["parity"] for key in sorted(rows)]
    )
    drawn = chart.read_text("utf-8")
    ElementTree.fromstring(drawn)
    assert all(f">{name}<" in drawn for name in ("Thai", "Lao", "Indonesian"))


def test_the_printed_table(aligned: Path) -> None:
    """Figures of the bundled sentences and tokenizers, as they stand: both are files of ours."""
    done = run("fertility", aligned, "--tokenizer", BPE, "--tokenizer", UNIGRAM)
    shown = [line.split() for line in done.stdout.splitlines() if line]
    start = [position for position, cells in enumerate(shown) if cells in (["bpe"], ["unigram"])]
    assert len(start) == 2
    parity = {
        (shown[index][0], cells[0]): cells[9]
        for index in start
        for cells in shown[index + 2 : index + 2 + len(CODES)]
    }
    for tokenizer in ("bpe", "unigram"):  # the costliest language first
        column = [float(value) for (name, _), value in parity.items() if name == tokenizer]
        assert column == sorted(column, reverse=True)
    assert parity == {
        ("bpe", "Lao"): "2.37",
        ("bpe", "Thai"): "2.36",
        ("bpe", "Indonesian"): "1.60",
        ("bpe", "English"): "1.00",
        ("unigram", "Lao"): "1.54",
        ("unigram", "Thai"): "1.51",
        ("unigram", "Indonesian"): "1.09",
        ("unigram", "English"): "1.00",
    }
    assert "words by white space: English, Indonesian" in done.stdout
    assert "words by ICU" in done.stdout


def test_files_in_place_of_their_folder(aligned: Path, tmp_path: Path) -> None:
    """The same rows, without the languages that were not named."""
    options = ("--tokenizer", BPE, "--json")
    whole = {row["lang"]: row for row in json.loads(run("fertility", aligned, *options).stdout)}
    files = [aligned / f"{code}.dev" for code in ("tha_Thai", "eng_Latn")]
    rows = {row["lang"]: row for row in json.loads(run("fertility", *files, *options).stdout)}
    assert set(rows) == {"eng_Latn", "tha_Thai"}
    assert rows["tha_Thai"] == whole["tha_Thai"]
    (tmp_path / "eng_Latn-tha_Thai.tsv").write_text("Good morning.\tสวัสดีตอนเช้า\n", "utf-8")
    [pairs] = {
        row["num_pairs"]
        for row in json.loads(run("fertility", tmp_path / "eng_Latn-tha_Thai.tsv", *options).stdout)
    }
    assert pairs == 1


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (["tha_Thai.dev"], "no English for tha_Thai.dev; add eng_Latn.dev"),
        (["tha_Thai.dev", "nix.dev"], "nix.dev: no such file; give one folder or recipe, or files"),
        (["nix.dev"], "nix.dev is neither the folder of a build, nor a recipe, nor references"),
    ],
)
def test_files_that_cannot_be_measured(aligned: Path, names: list[str], says: str) -> None:
    done = run("fertility", *(aligned / name for name in names), "--tokenizer", BPE)
    assert done.exit_code in (1, 2)
    assert says in done.stderr
    assert done.stderr.count("\n") == 1


def test_without_a_segmenter_no_words_are_shown(
    aligned: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sealdata.text.words._icu_version", lambda: None)
    done = run("fertility", aligned, "--tokenizer", BPE)
    assert "words by none: pip install 'sealdata[segment]': Thai, Lao" in done.stdout
    shown = {cells[0]: cells for line in done.stdout.splitlines() if (cells := line.split())}
    assert shown["Thai"][2:4] == ["–", "–"]
    assert "–" not in shown["Indonesian"][2:4]


def test_a_file_of_ranks_is_one_more_tokenizer(aligned: Path, tmp_path: Path) -> None:
    declared = load_json(BPE / "tokenizer.json", None).declared
    path = tmp_path / "small.tiktoken"
    lines = (f"{b64encode(piece).decode()} {rank}" for piece, rank in _ranks(declared).items())
    path.write_text("\n".join(lines))
    done = run("fertility", aligned, "--tokenizer", path)
    assert done.exit_code == 2
    assert done.stderr.count("\n") == 1
    assert "say it in small.json of its folder" in done.stderr
    words = {"pattern": _pattern(declared), "special_tokens": {"<|endoftext|>": 60_000}}
    path.with_suffix(".json").write_text(json.dumps(words))
    done = run("fertility", aligned, "--tokenizer", path, "--tokenizer", BPE, "--json")
    rows = pl.read_json(done.stdout.encode()).drop("tokenizer")
    assert rows[: len(CODES)].equals(rows[len(CODES) :])


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--tokenizer", "absent"], "no tokenizer at absent"),
        (["--tokenizer", "some/repository"], "hf download some/repository"),
        (["--tokenizer", BPE, "--hidden-size", "64"], "need --extend"),
        ([], "Missing option '--tokenizer'"),
    ],
)
def test_what_is_asked_wrongly(aligned: Path, arguments: list[object], complaint: str) -> None:
    done = run("fertility", aligned, *arguments)
    assert done.exit_code in (1, 2)
    assert complaint in done.stderr


@pytest.fixture
def build(tmp_path: Path) -> Path:
    facts = manifest(ind_Latn=9000, lao_Laoo=1000).model_dump_json()
    (tmp_path / MANIFEST).write_text(facts)
    return tmp_path


def test_a_budget_is_a_table_and_a_config(build: Path) -> None:
    done = run("budget", build, "--tokens", "4e3", "--temperature", "2", "--cap", "lo=600")
    assert done.exit_code == 0, done.output
    table, _, config = done.stdout.partition("\n\n")
    rows = [line.split() for line in table.splitlines()[1:]]
    assert rows == [
        ["Indonesian", "9,000", "100", "3,400", "85.0", "38", "0.38"],
        ["Lao", "1,000", "100", "600", "15.0", "60", "0.60", "(limit)"],
    ]
    mixture = tomllib.loads(config)["mixture"]
    assert mixture["parallel_tokens"] == 4000
    assert mixture["weights"]["parallel/eng_Latn-ind_Latn"] == pytest.approx(3.4 / 9 / 0.6)


def test_a_budget_as_json(build: Path) -> None:
    limits = ("--temperature", "2", "--cap", "lo=600")
    done = run("budget", build, "--tokens", "4e3", *limits, "--json")
    assert done.exit_code == 0, done.output
    plan = json.loads(done.stdout)
    assert (plan["total_tokens"], plan["temperature"]) == (4000, 2)
    assert plan["weights"]["parallel/eng_Latn-ind_Latn"] == pytest.approx(3.4 / 9 / 0.6)
    indonesian, lao = plan["shares"]
    assert (indonesian["lang"], indonesian["num_tokens"], indonesian["capped"]) == (
        "ind_Latn",
        3400,
        False,
    )
    assert (lao["lang"], lao["available"], lao["pairs_read"], lao["capped"]) == (
        "lao_Laoo",
        1000,
        60,
        True,
    )


def test_fertility_says_where_an_eos_is_written(aligned: Path, tmp_path: Path) -> None:
    written = (BPE / "tokenizer.json").read_bytes()
    (tmp_path / "tokenizer.json").write_bytes(written)
    asked = ("fertility", aligned, "--tokenizer", tmp_path / "tokenizer.json")
    done = run(*asked)
    assert done.exit_code == 2
    assert 'write it there, {"eos_token": "<|endoftext|>"}, or in a recipe' in done.stderr
    (tmp_path / "tokenizer_config.json").write_text('{"eos_token": "<|endoftext|>"}')
    assert run(*asked, "--pairs", 5).exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--tokens", "many"], "--tokens many: give a number of tokens"),
        (["--tokens", "10", "--cap", "lo=few"], "--cap lo=few: give a number of tokens"),
        (["--tokens", "10", "--cap", "klingon=5"], "klingon"),
        (["--tokens", "1e6", "--max-epochs", "1"], "leave room for 10,000 tokens"),
    ],
)
def test_a_budget_that_cannot_be(build: Path, arguments: list[str], complaint: str) -> None:
    done = run("budget", build, *arguments)
    assert done.exit_code in (1, 2)
    assert complaint in done.stderr

"""Tokens per pair and document, measured before a build, by the recipe's own formats."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from sealcli.sealdata import main
from sealdata.dataset.build import build
from sealdata.dataset.estimate import SourceTokens, estimate_tokens
from sealdata.files.places import sample_dir
from sealdata.pipeline.plan import Plan, load_plan
from sealdata.sanity.samples import Samples
from sealdata.tokenizers import open_tokenizer
from sealdata.workflow.engines import open_engine
from sealdata.workflow.protocols import NoProgress

TOKENIZER = open_tokenizer(sample_dir() / "tokenizers" / "bpe")
PAIRS = [("The boat is here.", "Bot ada di sini."), ("Yes.", "Ya."), ("Three fish", "Tiga ikan")]
RECIPE = """
name = "estimated"
[[source]]
name = "s"
reader = "tsv"
path = "s.tsv"
options = {{ layout = "pairs" }}
src_lang = "en"
tgt_lang = "id"
{card}
[score.length]
[[rule]]
reason = "too_short"
score = "length.src_chars"
min = 1
[format]
directions = "{directions}"
templates = ["{{first}} = {{second}}"]
[validation]
share = 0.0
[pack]
sequence_length = 16
block_length = 64
[tokenizer]
path = "sample:tokenizers/bpe"
"""


def recipe(folder: Path, directions: str = "both", card: str = "") -> Path:
    (folder / "s.tsv").write_text("".join(f"{e}\t{m}\n" for e, m in PAIRS), encoding="utf-8")
    path = folder / "estimated.toml"
    path.write_text(RECIPE.format(directions=directions, card=card), encoding="utf-8")
    return path


def estimate(plan: Plan) -> list[SourceTokens]:
    return estimate_tokens(plan, Samples(plan))


def count(texts: list[str]) -> int:
    return len(TOKENIZER.encode(texts).ids) + len(texts)


@pytest.mark.parametrize("directions", ["both", "en-x", "x-en"])
def test_documents_are_those_of_the_recipe(tmp_path: Path, directions: str) -> None:
    texts = [f"{e} = {m}" for e, m in PAIRS] if directions != "x-en" else []
    texts += [f"{m} = {e}" for e, m in PAIRS] if directions != "en-x" else []
    [row] = estimate(load_plan(str(recipe(tmp_path, directions))))
    assert (row.num_pairs, row.num_documents, row.num_tokens) == (3, len(texts), count(texts))
    assert row.per_pair == count(texts) / 3
    assert row.per_document == count(texts) / len(texts)
    assert row.total is None


def test_random_writes_each_pair_once(tmp_path: Path) -> None:
    [row] = estimate(load_plan(str(recipe(tmp_path, "random"))))
    assert (row.num_pairs, row.num_documents) == (3, 3)
    assert row.per_pair == row.per_document


def test_the_estimate_is_what_a_build_of_all_pairs_packs(tmp_path: Path) -> None:
    plan = load_plan(str(recipe(tmp_path)))
    [row] = estimate(plan)
    with open_engine("local", 1, tmp_path / "out", plan.paths(), None) as engine:
        manifest = build(plan, tmp_path / "out", engine, NoProgress(), None).manifest
    assert row.num_tokens > 0
    assert sum(stream.num_tokens for stream in manifest.streams) == row.num_tokens


def test_the_whole_by_the_card(tmp_path: Path) -> None:
    [row] = estimate(load_plan(str(recipe(tmp_path, card='card = "nllb-opus"'))))
    assert row.published == 70_545_705
    assert row.total == round(70_545_705 * row.num_tokens / 3)


def test_a_corpus_of_several_files_is_not_counted_twice(tmp_path: Path) -> None:
    path = recipe(tmp_path, card='card = "nllb-opus"')
    text = path.read_text("utf-8")
    [table] = [part for part in text.split("\n[score.length]") if "[[source]]" in part]
    other = table[table.index("[[source]]") :].replace('name = "s"', 'name = "t"')
    path.write_text(text.replace("[score.length]", f"{other}\n[score.length]"), encoding="utf-8")
    assert [row.published for row in estimate(load_plan(str(path)))] == [None, None]


def test_a_dry_run_prints_it_beside_the_papers(tmp_path: Path) -> None:
    path = recipe(tmp_path, card='card = "nllb-opus"')
    [row] = estimate(load_plan(str(path)))
    assert row.total is not None
    done = CliRunner().invoke(main, ["build", str(path), "--dry-run"])
    assert done.exit_code == 0, done.output
    assert f"{row.total / 1e9:,.2f}B tokens over 70.5M pairs" in done.stdout
    assert "model   lid" not in done.stdout
    assert "34.7B tokens over 403.8M pairs, 86 a pair, 43 a document" in done.stdout
    (tmp_path / "s.tsv").write_text("no tab\n", encoding="utf-8")
    command = ["build", str(path), "--dry-run", "--allow", "unreadable"]
    done = CliRunner().invoke(main, command)
    assert done.exit_code == 0, done.output


@pytest.mark.parametrize(
    ("lang", "model", "line"),
    [
        ("ms", "lid176-ftz", "model   lid: lid.176.ftz\n"),
        ("ace", "lid176-ftz", "model   lid: lid.176.ftz. It has no label for Acehnese (ace_Latn)."),
        ("ms", "lid218e", "model   lid: model lid218e is not on this machine (no "),
    ],
)
def test_a_dry_run_names_languages_without_a_label(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lang: str, model: str, line: str
) -> None:
    monkeypatch.setenv("SEALDATA_MODELS", str(tmp_path))
    path = recipe(tmp_path)
    text = path.read_text("utf-8").replace(
        "[score.length]", f'[score.lid]\nmodel = "{model}"\n[score.length]'
    )
    path.write_text(text.replace('tgt_lang = "id"', f'tgt_lang = "{lang}"'), encoding="utf-8")
    assert line in CliRunner().invoke(main, ["build", str(path), "--dry-run"]).stdout

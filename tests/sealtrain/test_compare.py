"""Exporting, comparing and plotting runs."""

import json
from pathlib import Path

import polars as pl
import pytest
import torch
from click.testing import CliRunner
from tiny_shards import SENTENCES, make_config
from transformers import AutoModelForCausalLM, AutoTokenizer

from sealcli.sealtrain import main
from sealcli.show_compare import report
from sealtrain import checkpoint, compare, evaluate, train, translate
from sealtrain.errors import ConfigError, DataError
from sealtrain.export import export
from sealtrain.plot import plot_runs, plot_settings, smooth


@pytest.fixture(scope="module")
def refs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("refs")
    for code, lines in SENTENCES.items():
        (folder / f"{code}.txt").write_text("\n".join(lines) + "\n", "utf-8")
    return folder


@pytest.fixture(scope="module")
def runs(shards: Path, refs: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Two seeds of one setting and one run of another, all evaluated."""
    home = tmp_path_factory.mktemp("runs")
    made = {}
    for name, seed, replay in (("a-1", 1, 0.25), ("a-2", 2, 0.25), ("b-1", 1, 0.5)):
        config = make_config(shards, home / name, mixture={"replay": replay})
        train.train(config.model_copy(update={"seed": seed}))
        made[name] = home / name
        evaluate.keep(evaluate.evaluate(translate.load(home / name), refs, None, lambda _: None))
    return made


def test_an_export_has_the_logits_of_its_checkpoint(runs: dict[str, Path], tmp_path: Path) -> None:
    folder = export(runs["a-1"], tmp_path / "model", data_card="https://example.org/card")
    again = AutoModelForCausalLM.from_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert not list(folder.glob("*.bin"))
    ids = torch.tensor([tokenizer.encode("English: It rained all night.\nThai:")])
    loaded = translate.load(runs["a-1"])
    assert ids[0].tolist() == loaded.tokenizer.encode("English: It rained all night.\nThai:").ids
    with torch.no_grad():
        assert torch.equal(again(ids).logits, loaded.model(ids).logits)
    assert again.generation_config.eos_token_id == loaded.record.eos_id
    card = (folder / "README.md").read_text("utf-8")
    assert "Data: https://example.org/card" in card
    assert "| eng_Latn → tha_Thai |" in card
    after = loaded.record.after["replay/english"]
    assert f"| replay/english | {loaded.record.before['replay/english'].loss:.3f} |" in card
    assert f"{after.loss:.3f} | {after.bits_per_byte:.3f} |" in card
    assert str(runs["a-1"].parent) not in card  # no path of this machine
    with pytest.raises(ConfigError, match="is not empty"):
        export(runs["a-1"], folder)


def test_an_export_in_bfloat16_is_half_the_size(runs: dict[str, Path], tmp_path: Path) -> None:
    whole = export(runs["a-1"], tmp_path / "whole") / "model.safetensors"
    half = export(runs["a-1"], tmp_path / "half", "bfloat16") / "model.safetensors"
    assert half.stat().st_size < 0.6 * whole.stat().st_size


def test_runs_that_differ_in_their_seed_are_one_setting(runs: dict[str, Path]) -> None:
    first, second = compare.read_runs(runs.values())
    assert [run.folder.name for run in first.runs] == ["a-1", "a-2"]
    assert first.name == "strategy parallel-only, replay 0.25"
    assert second.name == "strategy parallel-only, replay 0.5"
    spread = first.over_seeds(lambda run: compare.parallel_loss(run, "tha_Thai", True))
    assert spread is not None
    expected = [
        checkpoint.read_record(run.folder / "checkpoints/step-000012")
        .after["parallel/eng_Latn-tha_Thai"]
        .loss
        for run in first.runs
    ]
    assert spread.values == pytest.approx(expected)
    # t of one degree of freedom times s / sqrt(2), and s = |difference| / sqrt(2)
    half = 12.706 * abs(expected[0] - expected[1]) / 2
    assert spread.half_interval == pytest.approx(half, rel=1e-3)
    assert str(spread) == f"{spread.mean:.3f} ±{spread.half_interval:.3f}"
    text = report([first, second])
    assert str(spread) in text
    assert "chrF++ from, 0-shot" in text
    tokens = {run.num_tokens for run in first.runs}
    assert tokens == {12 * 4 * 32}
    assert f"(1) {first.name}      2   {tokens.pop():,}" in text


def test_intervals_use_student_s_t() -> None:
    assert compare.Spread((2.0,)).half_interval == 0.0
    assert str(compare.Spread((2.0,))) == "2.000"
    three = compare.Spread((1.0, 2.0, 3.0))  # s = 1; t = 4.303
    assert three.half_interval == pytest.approx(4.303 / 3**0.5)
    many = compare.Spread(tuple(float(i % 2) for i in range(40)))  # t of nine degrees of freedom
    assert many.half_interval == pytest.approx(2.262 * 0.50637 / 40**0.5, rel=1e-4)


def test_own_text_and_english_before_and_after(runs: dict[str, Path]) -> None:
    [setting] = compare.read_runs([runs["a-1"]])
    record = setting.runs[0].record
    own = [x.bits_per_byte for x in record.after.values() if x.kind == "monolingual"]
    text = compare.text_bits(setting.runs[0], None)
    english = compare.english_bits(setting.runs[0], before=True)
    assert text == (pytest.approx(sum(own) / len(own)) if own else None)
    assert english == record.before["replay/english"].bits_per_byte
    assert compare.text_bits(setting.runs[0], "khm_Khmr") is None


def test_unfinished_and_absent_runs_are_refused(
    runs: dict[str, Path], shards: Path, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match="no checkpoint in"):
        compare.read_runs([tmp_path])
    config = make_config(shards, tmp_path / "run")
    made = train.train(config)
    assert made is not None
    last = checkpoint.latest(tmp_path / "run")
    assert last is not None
    for path in last.iterdir():
        path.unlink() if path.is_file() else None
    with pytest.raises(DataError, match="not a sealtrain checkpoint"):
        compare.read_runs([tmp_path / "run"])


def test_bootstrap_of_two_runs(runs: dict[str, Path]) -> None:
    first, second = compare.read_runs([runs["a-1"], runs["b-1"]])
    found = compare.significance(first.runs[0], second.runs[0])
    assert [direction for direction, _, _ in found[::2]] == [
        "eng_Latn -> ind_Latn", "ind_Latn -> eng_Latn",
        "eng_Latn -> tha_Thai", "tha_Thai -> eng_Latn",
    ]  # fmt: skip
    assert {result.metric for _, _, result in found} == {"bleu", "chrf"}
    bare = compare.Run(second.runs[0].folder, second.runs[0].record, 0, [])
    with pytest.raises(ConfigError, match="not evaluated on the same references"):
        compare.significance(first.runs[0], bare)


def test_plots(runs: dict[str, Path], tmp_path: Path) -> None:
    plot_runs(list(runs.values()), tmp_path / "curves.svg")
    text = (tmp_path / "curves.svg").read_text("utf-8")
    assert "<svg" in text
    plot_runs(list(runs.values()), tmp_path / "again.svg")
    assert (tmp_path / "again.svg").read_text("utf-8") == text  # no date and no random ids
    plot_settings(compare.read_runs(runs.values()), tmp_path / "settings.png")
    assert (tmp_path / "settings.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(ConfigError, match=r"name it \.png"):
        plot_runs([runs["a-1"]], tmp_path / "curves.txt")
    with pytest.raises(DataError, match="no log at"):
        plot_runs([tmp_path], tmp_path / "x.png")


def test_smoothing_starts_at_the_first_value() -> None:
    assert smooth(pl.Series([2.0, 2.0, 2.0])).to_list() == pytest.approx([2.0, 2.0, 2.0])
    assert smooth(pl.Series([1.0, 0.0]))[1] == pytest.approx(0.09 / 0.19)
    assert smooth(pl.Series([1.0, float("nan"), 0.0]))[2] == pytest.approx(0.09 / 0.19)


def test_commands(runs: dict[str, Path], tmp_path: Path) -> None:
    def call(*arguments: str | Path) -> str:
        result = CliRunner().invoke(main, [str(a) for a in arguments])
        assert result.exit_code == 0, result.output
        return result.stdout

    everything = [*runs.values()]
    assert "replay 0.5" in call("compare", *everything)
    facts = json.loads(call("compare", *everything, "--json"))
    assert facts[0]["seeds"] == [1, 2]
    assert "chrf" in call("compare", runs["a-1"], runs["b-1"], "--significance")
    assert call("plot", runs["a-1"], "--out", tmp_path / "x.png").strip().endswith("x.png")
    assert (tmp_path / "x.png").is_file()
    assert call("export", runs["b-1"], "--out", tmp_path / "m").strip() == str(tmp_path / "m")

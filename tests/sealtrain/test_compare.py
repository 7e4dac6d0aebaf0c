"""Exporting, comparing and plotting runs."""

import json
import shutil
from collections.abc import Sequence
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
from sealtrain.checkpoint import Record
from sealtrain.errors import ConfigError, DataError
from sealtrain.evaluate import Evaluation
from sealtrain.export import export
from sealtrain.plot import plot_runs, plot_settings, smooth
from sealtrain.validate import TextLoss


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
    assert ids[0].tolist() == loaded.tokenizer.encode(["English: It rained all night.\nThai:"])[0]
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


ENG, THA, IND = "eng_Latn", "tha_Thai", "ind_Latn"


def loss_of(kind: str, languages: list[str], num_labels: int, value: float) -> TextLoss:
    """A stream whose loss and bits per byte are one number."""
    return TextLoss(
        kind=kind, languages=languages, num_labels=num_labels, loss=value, bits_per_byte=value
    )


def run_of(after: list[TextLoss], evaluations: Sequence[Evaluation] = ()) -> compare.Run:
    before = {"replay/a": loss_of("replay", [ENG], 1, 0.5)}
    record = Record.model_construct(before=before, after=dict(enumerate(after)))
    return compare.Run(Path("run"), record, 0, list(evaluations))


def test_figures_of_a_run() -> None:
    """Losses of pairs weigh by labels, bits of texts by language; English is replay only."""
    run = run_of(
        [
            loss_of("parallel", [ENG, THA], 10, 2.0),
            loss_of("parallel", [ENG, IND], 30, 4.0),
            loss_of("parallel", [THA, ENG], 20, 1.0),
            loss_of("monolingual", [THA], 10, 2.0),
            loss_of("monolingual", [IND], 90, 4.0),
            loss_of("monolingual", [ENG], 10, 9.0),
            loss_of("replay", [ENG], 10, 1.0),
            loss_of("replay", [ENG], 30, 2.0),
        ]
    )
    assert compare.parallel_loss(run, None, from_english=True) == 3.5
    assert compare.parallel_loss(run, THA, from_english=True) == 2.0
    assert compare.parallel_loss(run, None, from_english=False) == 1.0
    assert compare.parallel_loss(run, IND, from_english=False) is None
    assert compare.text_bits(run, None) == 3.0
    assert compare.text_bits(run, THA) == 2.0
    assert compare.text_bits(run, "khm_Khmr") is None
    assert compare.english_bits(run) == 1.5
    assert compare.english_bits(run, before=True) == 0.5
    assert compare.languages([compare.Setting("x", (run,))]) == [IND, THA]


def test_a_figure_that_one_seed_lacks_has_no_spread() -> None:
    runs = run_of([loss_of("monolingual", [THA], 1, 2.0)]), run_of([])
    assert compare.Setting("x", runs).over_seeds(lambda run: compare.text_bits(run, None)) is None
    assert compare.Setting("x", runs[:1]).over_seeds(
        lambda run: compare.text_bits(run, None)
    ) == compare.Spread((2.0,))


def test_chrf_of_one_direction_and_one_number_of_shots(runs: dict[str, Path]) -> None:
    [evaluation] = evaluate.kept(runs["a-1"])
    directions = []
    for number, direction in enumerate(evaluation.directions):
        score = direction.score.model_copy(update={"chrf": 10.0 * number})
        directions.append(direction.model_copy(update={"score": score}))
    # English to Indonesian 0, back 10; English to Thai 20, back 30
    zero = evaluation.model_copy(update={"directions": directions})
    three = evaluation.model_copy(update={"directions": directions[:1], "num_shots": 3})
    run = run_of([], [zero, three])
    assert compare.chrf(run, 0, into_english=False) == 10.0
    assert compare.chrf(run, 0, into_english=True) == 20.0
    assert compare.chrf(run, 3, into_english=False) == 0.0
    assert compare.chrf(run, 3, into_english=True) is None
    assert compare.chrf(run, 5, into_english=True) is None


def test_only_evaluations_of_the_last_checkpoint_count(
    runs: dict[str, Path], tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(runs["a-1"], tmp_path / "run"))
    [path] = copy.glob("evaluations/*.json")
    older = json.loads(path.read_text("utf-8")) | {"step": 10}
    path.with_name("step-000010.json").write_text(json.dumps(older), "utf-8")
    assert [e.step for e in evaluate.kept(copy)] == [10, 12]
    [setting] = compare.read_runs([copy])
    assert [e.step for e in setting.runs[0].evaluations] == [12]
    card = (export(copy, tmp_path / "model") / "README.md").read_text("utf-8")
    assert card.count("## Translation of") == 1


def test_unfinished_damaged_and_absent_runs_are_refused(
    runs: dict[str, Path], tmp_path: Path
) -> None:
    with pytest.raises(DataError, match="no checkpoint in"):
        compare.read_runs([tmp_path])
    copy = Path(shutil.copytree(runs["a-1"], tmp_path / "run"))
    path = copy / "checkpoints/step-000012/checkpoint.json"
    path.write_text(path.read_text("utf-8").replace('"num_steps": 12', '"num_steps": 20'), "utf-8")
    with pytest.raises(DataError, match=r"run is at step 12 of 20: finish it, then compare$"):
        compare.read_runs([copy])
    path.unlink()
    with pytest.raises(DataError, match="not a sealtrain checkpoint"):
        compare.read_runs([copy])


def test_bootstrap_of_two_runs(runs: dict[str, Path]) -> None:
    first, second = compare.read_runs([runs["a-1"], runs["b-1"]])
    results = compare.significance(first.runs[0], second.runs[0])
    assert [direction for direction, _, _ in results[::2]] == [
        "eng_Latn -> ind_Latn", "ind_Latn -> eng_Latn",
        "eng_Latn -> tha_Thai", "tha_Thai -> eng_Latn",
    ]  # fmt: skip
    assert {result.metric for _, _, result in results} == {"bleu", "chrf"}
    [evaluation] = second.runs[0].evaluations
    for changes in ({"num_shots": 3}, {"refs_sha256": "another"}):
        other = run_of([], [evaluation.model_copy(update=changes)])
        with pytest.raises(ConfigError, match="not evaluated on the same references"):
            compare.significance(first.runs[0], other)


def test_bootstrap_leaves_out_the_examples(runs: dict[str, Path]) -> None:
    """With two shots the third line is the first that is scored."""
    [evaluation] = evaluate.kept(runs["a-1"])
    directions = []
    for direction in evaluation.directions[:1]:
        score = direction.score.model_copy(update={"num_sentences": 4})
        outputs = SENTENCES[direction.score.tgt][2:]
        directions.append(direction.model_copy(update={"score": score, "outputs": outputs}))
    shots = evaluation.model_copy(update={"num_shots": 2, "directions": directions})
    [(name, num_shots, bleu), (_, _, chrf)] = compare.significance(
        run_of([], [shots]), run_of([], [shots])
    )
    assert (name, num_shots) == ("eng_Latn -> ind_Latn", 2)
    assert (bleu.baseline, chrf.baseline) == (pytest.approx(100), pytest.approx(100))


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


def test_half_a_line_at_the_end_of_a_log_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_text('{"event": "step", "step": 1}\n{"event": "st', "utf-8")
    assert compare.read_steps(tmp_path) == [{"event": "step", "step": 1}]


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

"""The configs of the paper's experiments: they parse, plan, and differ only where they should."""

import json
from pathlib import Path

import pytest
from transformers import Olmo2Config

from sealcli.show_plan import plan
from sealdata.recipe.reading import read_recipe
from sealtrain.config import Config, load
from sealtrain.config_file import RECIPES

ROOT = Path(__file__).parents[2]
NAMES = sorted(path.stem for path in (RECIPES / "experiments").glob("*.toml"))
TINY = [name for name in NAMES if name.endswith("-tiny") and name != "base-tiny"]
SUBJECTS = {"mixture.strategy", "mixture.replay", "mixture.parallel_share"} | {
    "train.document_mask",
    "train.loss_on",
}


@pytest.mark.parametrize("name", TINY)
def test_each_has_a_full_size_twin_and_varies_only_its_subject(name: str) -> None:
    full = load(f"experiments/{name.removesuffix('-tiny')}")
    tiny = load(f"experiments/{name}")
    for config, suffix in ((full, ""), (tiny, "-tiny")):
        first = load(f"experiments/parallel-only{suffix}")
        values, reference = config.identity(), first.identity()
        assert {key for key in values if values[key] != reference[key]} <= SUBJECTS
        assert config.shards == first.shards
        assert config.out == Path("runs/experiments") / f"{name.removesuffix('-tiny')}{suffix}"
    assert {key: full.identity()[key] for key in SUBJECTS} == {
        key: tiny.identity()[key] for key in SUBJECTS
    }


def test_the_page_shows_every_tiny_experiment() -> None:
    from tests.experiments.settings import BASE, SETTINGS, TRANSLATED

    assert sorted([BASE, *SETTINGS]) == [name for name in NAMES if name.endswith("-tiny")]
    assert set(TRANSLATED) <= set(SETTINGS)
    replays = {load(f"experiments/{name}").mixture.replay for name in SETTINGS}
    assert replays == {0.0, 0.1, 0.25, 0.5, 0.75}


@pytest.mark.parametrize("name", NAMES)
def test_plans(name: str, shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On small shards with every kind of stream, with the shape of a small base model."""
    from tiny_shards import make_config

    config = load(f"experiments/{name}")
    assert Config.model_validate_json(config.model_dump_json()) == config  # as saved
    small = make_config(shards, tmp_path)
    if config.model.init_from is not None:
        shape = Olmo2Config(
            vocab_size=512, hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
            eos_token_id=0,
        )  # fmt: skip
        shape.save_pretrained(tmp_path / "base")
    budget = {"total_tokens": 12 * 32 * 4, "max_epochs": None}
    changed = config.model_copy(
        update={
            "shards": shards,
            "mixture": config.mixture.model_copy(update=budget),
            "model": config.model
            if config.model.init_from is None
            else config.model.model_copy(update={"init_from": str(tmp_path / "base")}),
            "train": config.train.model_copy(update={"batch_sequences": 4}),
            "optim": small.optim,
        }
    )
    text = plan(changed)
    assert "12 steps of 4 x 32 tokens" in text
    kinds = {line.split("/")[0] for line in text.splitlines() if "/" in line.split(" ")[0]}
    expected = {
        "parallel-only": {"parallel"},
        "multilingual": {"monolingual"},
    }.get(config.mixture.strategy, {"parallel", "monolingual"})
    assert kinds == expected | ({"replay"} if config.mixture.replay else set())


@pytest.mark.parametrize(
    "recipe", ["openseal-experiments", str(ROOT / "tests/experiments/corpus.toml")]
)
def test_every_language_of_the_pairs_has_monolingual_text(recipe: str) -> None:
    content, _ = read_recipe(recipe)
    paired = {lang for source in content.source for lang in (source.src_lang, source.tgt_lang)}
    assert {stream.lang for stream in content.stream if stream.from_pairs} == paired


def test_the_base_model_does_not_see_held_out_text() -> None:
    """Both recipes hold out text by the same seed, so the larger share contains the smaller."""
    corpus, _ = read_recipe(str(ROOT / "tests/experiments/corpus.toml"))
    english, _ = read_recipe(str(ROOT / "tests/experiments/english.toml"))
    assert english.validation.share > corpus.validation.share
    assert (english.seed, english.tokenizer) == (corpus.seed, corpus.tokenizer)


def test_no_text_is_in_two_parts(tmp_path: Path) -> None:
    from tests.experiments.text import CODES, write_text

    data = tmp_path / "data"
    for folder in ("tico19", "talpco"):
        (data / folder).mkdir(parents=True)
    for code in CODES:
        for side in ("en", code):
            lines = [f"{side} line {number}\n" for number in range(100)]
            (data / "tico19" / f"tico19.en-{code}.{side}").write_text("".join(lines), "utf-8")
    for code in ("eng", "ind", "jav", "myn", "tha", "vie", "zsm"):
        (data / "talpco" / f"data_{code}.txt").write_text("1\tx\r\n", "utf-8")
    write_text(data, tmp_path / "out")
    pairs = (tmp_path / "out" / "tico19.en-id.en").read_text("utf-8").splitlines()
    others = (tmp_path / "out" / "tico19.en-id.id").read_text("utf-8").splitlines()
    documents = (tmp_path / "out" / "english.jsonl").read_text("utf-8").splitlines()
    english = [json.loads(line)["text"] for line in documents if "en line" in line]
    assert pairs == [f"en line {n}" for n in range(100) if n // 8 % 4 == 3]
    assert others == [line.replace("en", "id", 1) for line in pairs]
    assert len(english) == 10
    assert english[0].startswith("en line 0 en line 1 ")
    assert not {line for line in pairs if any(f"{line} " in f"{text} " for text in english)}

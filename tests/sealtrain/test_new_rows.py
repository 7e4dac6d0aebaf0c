"""New pieces end to end: an extended tokenizer, rows for it, training, and an export."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_shards import EOS, SENTENCES, make_config, write_shards
from tokenizers import Tokenizer
from transformers import AutoModelForCausalLM, Olmo2Config, Olmo2ForCausalLM

from sealcli.show_plan import plan
from sealdata.tokenizers.hf import HuggingFace
from sealdata.tokens.extension import extend
from sealtrain import parallel
from sealtrain.config import Config
from sealtrain.errors import ConfigError
from sealtrain.export import export
from sealtrain.new_rows import add_rows, new_pieces, num_rows
from sealtrain.step import setup
from sealtrain.train import train
from sealtrain.translate import load

ROWS = 400  # of the base, as many as its tokenizer has ids


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A base model with its tokenizer, and shards by that tokenizer with more pieces."""
    folder = tmp_path_factory.mktemp("new-rows")
    plain = write_shards(folder / "plain")
    base = folder / "base"
    torch.manual_seed(3)
    config = Olmo2Config(
        vocab_size=ROWS, hidden_size=16, intermediate_size=32, num_hidden_layers=1,
        num_attention_heads=2, max_position_embeddings=64, eos_token_id=0, pad_token_id=0,
    )  # fmt: skip
    Olmo2ForCausalLM(config).save_pretrained(base)
    file = plain / "tokenizer/tokenizer.json"
    (base / "tokenizer.json").write_bytes(file.read_bytes())
    (base / "tokenizer_config.json").write_text(json.dumps({"eos_token": EOS}))
    texts = [text for texts in SENTENCES.values() for text in texts]
    extension = extend(HuggingFace(path=base / "tokenizer.json"), texts * 3, 40)
    assert extension.num_added > 20
    extended = write_shards(folder / "extended", extension.declared)
    return {"base": base, "plain": plain, "extended": extended}


def config_of(world: dict[str, Path], out: Path, **model: Any) -> Config:
    section = {"init_from": str(world["base"]), **model}
    values = make_config(world["extended"], out).model_dump()
    return Config.model_validate({**values, "model": section})


def test_a_new_piece_is_the_pieces_that_it_replaces(world: dict[str, Path]) -> None:
    base = Tokenizer.from_file(str(world["base"] / "tokenizer.json"))
    file = world["extended"] / "tokenizer/tokenizer.json"
    pieces, new = new_pieces(world["base"] / "tokenizer.json", file), Tokenizer.from_file(str(file))
    size = base.get_vocab_size()
    assert list(pieces) == list(range(size, new.get_vocab_size()))
    for index, old in pieces.items():
        spelt = "".join(base.id_to_token(part) for part in old)
        assert spelt == new.id_to_token(index)
        assert len(old) >= 2


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("how", ["mean", "mean-of-all", "random"])
def test_rows_by_each_method(how: Any, tied: bool) -> None:
    torch.manual_seed(1)
    config = Olmo2Config(
        vocab_size=8, hidden_size=4, intermediate_size=8, num_hidden_layers=1,
        num_attention_heads=1, tie_word_embeddings=tied, eos_token_id=0, pad_token_id=0,
    )  # fmt: skip
    model = Olmo2ForCausalLM(config)
    matrices = [model.get_input_embeddings(), model.get_output_embeddings()]
    before = [layer.weight.detach().clone() for layer in matrices]
    # The row 7 is padding of the base: 6 and 7 are new ids, and 8 has no row yet.
    add_rows(model, {6: [1, 2], 7: [3], 8: [1, 2, 5]}, how, seed=5)
    assert model.config.vocab_size == 128
    after = [
        layer.weight for layer in (model.get_input_embeddings(), model.get_output_embeddings())
    ]
    assert (after[0] is after[1]) == tied
    for old, new in zip(before, after, strict=True):
        assert new.shape == (128, 4)
        assert torch.equal(new[:6], old[:6])
        rows = {
            "mean": [old[[1, 2]].mean(0), old[3], old[[1, 2, 5]].mean(0)],
            "mean-of-all": [old[:6].mean(0)] * 3,
        }.get(how)
        if rows is not None:
            assert torch.allclose(new[6:9], torch.stack(rows))
        else:
            assert 0.005 < new[6:9].std() < 0.05
            assert not torch.equal(new[6], old[6])


@pytest.mark.parametrize("how", ["mean", "mean-of-all", "random"])
def test_without_new_pieces_nothing_changes(how: Any) -> None:
    config = Olmo2Config(vocab_size=8, hidden_size=4, num_hidden_layers=1, num_attention_heads=1)
    model = Olmo2ForCausalLM(config)
    before = model.get_output_embeddings().weight.detach().clone()
    add_rows(model, {}, how, seed=5)
    assert torch.equal(model.get_output_embeddings().weight, before)


def test_an_added_token_of_other_letters_is_spelt_as_text(
    world: dict[str, Path], tmp_path: Path
) -> None:
    """A byte-level BPE has no letter for a space or a Thai one; the mean of no rows is NaN."""
    base = Tokenizer.from_file(str(world["base"] / "tokenizer.json"))
    more = Tokenizer.from_file(str(world["base"] / "tokenizer.json"))
    more.add_special_tokens(["<ไทย >"])
    more.save(str(tmp_path / "tokenizer.json"))
    pieces = new_pieces(world["base"] / "tokenizer.json", tmp_path / "tokenizer.json")
    assert list(pieces.values()) == [base.encode("<ไทย >").ids]
    assert len(pieces[base.get_vocab_size()]) > 2


@pytest.mark.parametrize(
    ("old", "vocab", "rows"),
    [(100_352, 100_278, 100_352), (100_352, 100_352, 100_352), (100_352, 100_353, 100_480)],
)
def test_rows_grow_by_multiples(old: int, vocab: int, rows: int) -> None:
    assert num_rows(old, vocab) == rows


def test_a_run_with_new_rows_trains_resumes_and_exports(
    world: dict[str, Path], tmp_path: Path
) -> None:
    config = config_of(world, tmp_path, new_rows="mean")
    file = world["extended"] / "tokenizer/tokenizer.json"
    pieces = new_pieces(world["base"] / "tokenizer.json", file)
    said = f"{len(pieces)} new pieces: {len(pieces) * 32:,} parameters of new rows, each mean"
    assert said in plan(config)
    record = train(config)
    assert record is not None
    assert record.step == record.num_steps
    loaded = load(config.out)
    assert loaded.model.config.vocab_size == 512
    model = AutoModelForCausalLM.from_pretrained(export(config.out, tmp_path / "model"))
    encoded = loaded.tokenizer.encode([t for texts in SENTENCES.values() for t in texts])
    ids = torch.tensor([next(row for row in encoded if max(row) >= min(pieces))])
    with torch.no_grad():
        assert torch.equal(model(ids).logits, loaded.model(ids).logits)


def test_new_pieces_are_refused_unless_they_are_meant(
    world: dict[str, Path], tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=r"pieces that the base lacks; set model\.new_rows"):
        setup(config_of(world, tmp_path), parallel.start())
    other = tmp_path / "other"
    other.mkdir()
    (other / "config.json").write_bytes((world["base"] / "config.json").read_bytes())
    declared = json.loads((world["base"] / "tokenizer.json").read_text("utf-8"))
    declared["model"]["merges"] = declared["model"]["merges"][::-1]
    (other / "tokenizer.json").write_text(json.dumps(declared))
    config = config_of({**world, "base": other}, tmp_path, new_rows="mean")
    with pytest.raises(ConfigError, match="with more pieces: its first merges differ"):
        setup(config, parallel.start())
    (other / "tokenizer.json").unlink()
    with pytest.raises(ConfigError, match=r"new_rows cannot tell which pieces are new"):
        setup(config, parallel.start())

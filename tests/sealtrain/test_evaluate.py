"""Prompts, references, scores and bits per byte of a checkpoint."""

import math
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_shards import SENTENCES, TEMPLATE, make_config
from transformers import AutoConfig, AutoModelForCausalLM

from sealcli.show_eval import report
from sealtrain import evaluate, scores, train, translate
from sealtrain.errors import ConfigError, DataError


@pytest.fixture(scope="module")
def run(shards: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("evaluated") / "run"
    train.train(make_config(shards, out))
    return out


def test_the_prompt_is_the_training_text_cut_at_the_translation() -> None:
    prompt = translate.make_prompt(TEMPLATE, "English", "Thai", "Please wash your hands.")
    assert prompt == "English: Please wash your hands.\nThai:"
    braces = translate.make_prompt(TEMPLATE, "Thai", "English", "วงเล็บ {second} {x}")
    assert braces == "Thai: วงเล็บ {second} {x}\nEnglish:"


@pytest.mark.parametrize(
    ("tgt", "tokenizer"),
    [("eng_Latn", "13a"), ("ind_Latn", "13a"), ("tam_Taml", "13a"), ("zho_Hans", "zh"),
     ("tha_Thai", "char"), ("lao_Laoo", "char"), ("khm_Khmr", "char"), ("mya_Mymr", "char")],
)  # fmt: skip
def test_bleu_tokenizes_by_script(tgt: str, tokenizer: str) -> None:
    lines = ["hari ini hujan turun lebat sekali"]
    score = scores.score(lines, lines, "eng_Latn", tgt)
    assert score.bleu == pytest.approx(100)
    assert score.chrf == pytest.approx(100)
    assert f"tok:{tokenizer}" in score.bleu_signature
    assert "nw:2" in score.chrf_signature
    assert scores.score(["x"], lines, "eng_Latn", tgt).chrf < 5


def test_both_directions_of_every_trained_language(run: Path, refs: Path) -> None:
    (refs / "fra_Latn.devtest").write_text("\n".join(SENTENCES["eng_Latn"]), "utf-8")
    lines: list[str] = []
    evaluation = evaluate.evaluate(translate.load(run), refs, 4, lines.append)
    assert [(d.score.src, d.score.tgt) for d in evaluation.directions] == [
        ("eng_Latn", "ind_Latn"),
        ("ind_Latn", "eng_Latn"),
        ("eng_Latn", "tha_Thai"),
        ("tha_Thai", "eng_Latn"),
    ]
    assert {d.score.num_sentences for d in evaluation.directions} == {4}
    assert evaluation.skipped == ["fra_Latn"]
    assert set(evaluation.text) == {
        "refs/eng_Latn", "refs/ind_Latn", "refs/tha_Thai", "replay/english"
    }  # fmt: skip
    text = report(evaluation)
    assert "eng_Latn -> tha_Thai" in text
    assert "tok:char" in text
    assert "not in the training shards, skipped: fra_Latn" in text
    # the validation of the run measured the same replay
    after = translate.load(run).record.after["replay/english"]
    assert evaluation.text["replay/english"].loss == pytest.approx(after.loss, rel=1e-6)


def test_a_model_that_knows_nothing_has_known_bits_per_byte(run: Path, refs: Path) -> None:
    """If all tokens are equally likely, a label costs log2(vocabulary) bits."""
    loaded = translate.load(run)
    with torch.no_grad():
        loaded.model.lm_head.weight.zero_()
    evaluation = evaluate.evaluate(loaded, refs, None, lambda _: None)
    english = evaluation.text["refs/eng_Latn"]
    encoded = [loaded.tokenizer.decoder.encode(s) for s in SENTENCES["eng_Latn"]]
    num_tokens = sum(len(e.ids) - 1 for e in encoded)  # the first of each is input only
    num_bytes = sum(len(e.tokens[0]) for e in encoded)
    num_bytes = sum(map(len, SENTENCES["eng_Latn"])) - num_bytes
    assert english.num_labels == num_tokens + len(encoded)  # and the EOS of each
    assert english.loss == pytest.approx(math.log(512), rel=1e-6)
    assert english.bits_per_byte == pytest.approx(num_tokens * 9 / num_bytes, rel=1e-6)


def test_translation_ends_at_a_newline(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Generation stops there, and text after a newline is dropped."""
    loaded = translate.load(run)
    [newline] = loaded.tokenizer.encode(["\n"])[0]
    seen_ends: list[list[int]] = []

    def generate(
        loaded: translate.Loaded, prompts: list[list[int]], ends: list[int], most: int
    ) -> list[list[int]]:
        seen_ends.append(ends)
        line, dropped = loaded.tokenizer.encode([" ฝนตกทั้งคืน", "English: no"])
        return [[*line, newline, *dropped] for _ in prompts]

    monkeypatch.setattr(translate, "_generate", generate)
    lines = translate.translate(loaded, ["a", "bb", "c"], "eng_Latn", "tha_Thai")
    assert lines == (["ฝนตกทั้งคืน"] * 3, 0)
    assert newline in seen_ends[0]
    assert loaded.record.eos_id in seen_ends[0]


@pytest.mark.parametrize(
    ("like", "asked", "limit"),
    [
        ([], None, 1024),
        (["short"], None, 1024),
        (["คำ " * 900], None, 4000),  # far more tokens than the sources have
        (["คำ " * 900], 7, 7),
    ],
)
def test_a_translation_may_be_as_long_as_its_language_needs(
    run: Path, monkeypatch: pytest.MonkeyPatch, like: list[str], asked: int | None, limit: int
) -> None:
    loaded, limits = translate.load(run), []
    section = loaded.record.config.eval.model_copy(update={"max_new_tokens": None})
    loaded.record.config = loaded.record.config.model_copy(update={"eval": section})

    def generate(_loaded: object, prompts: list[list[int]], _ends: object, most: int) -> object:
        limits.append(most)
        return [[5] * 3 for _ in prompts]  # no end: the limit ended it

    monkeypatch.setattr(translate, "_generate", generate)
    outputs = translate.translate(loaded, ["It rained."], "eng_Latn", "tha_Thai", None, like, asked)
    assert outputs.num_cut == 1
    if limit > 1024:
        tokens = len(loaded.tokenizer.encode(like)[0])
        assert limits == [2 * tokens]  # one source: its share is all of them
        assert tokens > 1024
    else:
        assert limits == [limit]


def test_a_table_of_positions_bounds_a_translation() -> None:
    """GPT-2 fails behind its last position; rotary positions have none."""
    sizes = {"vocab_size": 64, "n_embd": 16, "n_layer": 1, "n_head": 2, "n_positions": 24}
    small = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    gpt2 = AutoModelForCausalLM.from_config(AutoConfig.for_model("gpt2", **sizes))
    olmo = AutoModelForCausalLM.from_config(AutoConfig.for_model("olmo2", vocab_size=64, **small))
    assert translate._num_positions(gpt2) == 24
    assert translate._num_positions(olmo) == sys.maxsize
    opt = AutoConfig.for_model("opt", vocab_size=64, max_position_embeddings=24, ffn_dim=32,
                               word_embed_proj_dim=16, **small)  # fmt: skip
    assert translate._num_positions(AutoModelForCausalLM.from_config(opt)) == 24


def test_padding_does_not_change_a_translation(run: Path) -> None:
    """With large random weights, so that attention to the padding would change the new ids."""
    loaded, generator = translate.load(run), torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in loaded.model.parameters():
            if parameter.ndim > 1:
                parameter.normal_(0, 0.5, generator=generator)
    prompts = loaded.tokenizer.encode(SENTENCES["eng_Latn"])
    assert len(set(map(len, prompts))) > 1
    unused = [511]  # no token ends a translation, so all have the same length
    together = translate._generate(loaded, prompts, unused, 8)
    one_by_one = [translate._generate(loaded, [prompt], unused, 8)[0] for prompt in prompts]
    assert together == one_by_one
    assert len(set(map(tuple, together))) == len(prompts)


def test_a_checkpoint_or_the_newest_of_a_run(run: Path, tmp_path: Path) -> None:
    newest = translate.load(run)
    assert newest.record.step == 12
    assert translate.load(run / "checkpoints/step-000010").record.step == 10
    with pytest.raises(DataError, match="no checkpoint in"):
        translate.load(tmp_path)
    logits = newest.model(torch.from_numpy(np.arange(8)[None])).logits
    assert logits.shape == (1, 8, 512)


def test_a_model_without_parallel_text_is_refused(
    run: Path, refs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = translate.load(run)
    monkeypatch.setattr(loaded.record, "template", None)
    with pytest.raises(ConfigError, match="trained on no parallel text"):
        evaluate.evaluate(loaded, refs, None, lambda _: None)


def test_references_need_english_and_another_trained_language(run: Path, refs: Path) -> None:
    loaded = translate.load(run)
    (refs / "eng_Latn.devtest").rename(refs / "fra_Latn.devtest")
    with pytest.raises(DataError, match="needs English and one more language"):
        evaluate.evaluate(loaded, refs, None, lambda _: None)
    (refs / "fra_Latn.devtest").rename(refs / "eng_Latn.devtest")
    for code in ("tha_Thai", "ind_Latn"):
        (refs / f"{code}.devtest").unlink()
    with pytest.raises(DataError, match="needs English and one more language"):
        evaluate.evaluate(loaded, refs, None, lambda _: None)


def test_shards_of_another_tokenizer_are_refused(
    run: Path, refs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = translate.load(run)
    monkeypatch.setitem(loaded.record.digests, "tokenizer", "another")
    with pytest.raises(DataError, match="not the tokenizer that this checkpoint was trained with"):
        evaluate.evaluate(loaded, refs, 2, lambda _: None)


def test_without_shards_replay_is_not_measured(run: Path, refs: Path, tmp_path: Path) -> None:
    loaded, lines = translate.load(run), []
    config = loaded.record.config.model_copy(update={"shards": tmp_path / "nowhere"})
    loaded.record.config = config
    evaluation = evaluate.evaluate(loaded, refs, 2, lines.append)
    assert set(evaluation.text) == {"refs/eng_Latn", "refs/ind_Latn", "refs/tha_Thai"}
    assert lines == [
        "translated 2 sentences from and to ind_Latn",
        "translated 2 sentences from and to tha_Thai",
        f"no shards at {tmp_path / 'nowhere'}: the loss on held-out replay is not measured",
    ]


def test_shots_are_whole_documents_before_the_prompt(
    run: Path, refs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded, seen = translate.load(run), []

    def generate(
        loaded: translate.Loaded, prompts: list[list[int]], ends: list[int], most: int
    ) -> list[list[int]]:
        seen.append(loaded.tokenizer.decoder.decode(prompts[0], skip_special_tokens=False))
        return [[] for _ in prompts]

    monkeypatch.setattr(translate, "_generate", generate)
    evaluation = evaluate.evaluate(loaded, refs, 3, lambda _: None, num_shots=2)
    assert {d.score.num_sentences for d in evaluation.directions} == {1}
    assert seen[2] == (
        "English: The bus leaves at seven.\nThai: รถบัสออกตอนเจ็ดโมง<|endoftext|>"
        "English: Please wash your hands.\nThai: กรุณาล้างมือ<|endoftext|>"
        "English: My sister studies law in Bangkok.\nThai:"
    )
    assert {d.output_checks.empty for d in evaluation.directions} == {1.0}
    with pytest.raises(DataError, match="6 shots of 6 lines leave no line to score"):
        evaluate.evaluate(loaded, refs, None, lambda _: None, num_shots=6)


def test_an_evaluation_is_saved_in_its_run(run: Path, refs: Path) -> None:
    evaluation = evaluate.evaluate(translate.load(run), refs, 2, lambda _: None)
    path = evaluate.keep(evaluation)
    assert path.parent == run / "evaluations"
    assert path.name == f"step-000012.{evaluation.refs_sha256[:8]}.0-shot.json"
    assert evaluate.keep(evaluation) == path  # it replaces the same evaluation
    assert evaluate.kept(run) == [evaluation]
    path.write_text("{}", "utf-8")
    with pytest.raises(DataError, match="not an evaluation of this version"):
        evaluate.kept(run)
    path.unlink()

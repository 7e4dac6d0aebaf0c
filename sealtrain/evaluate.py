"""What a checkpoint can do: translation into and out of English, and bits per byte of English."""

# ruff: noqa: N806 (names end in their shape)

import importlib.util
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import BaseModel
from tokenizers import Tokenizer
from transformers import AutoConfig, AutoModelForCausalLM, GenerationConfig

from sealtrain import checkpoint, data, parallel
from sealtrain.checkpoint import Record
from sealtrain.data import Ids
from sealtrain.errors import ConfigError, DataError
from sealtrain.model import ATTENTION
from sealtrain.report import ENGLISH, table
from sealtrain.validate import TextLoss, byte_lengths, text_loss, validate

Say = Callable[[str], None]

SCRIPTS_WITHOUT_SPACES = ("tha_", "lao_", "khm_", "mya_")
CHINESE = ("zho_", "cmn_", "yue_")


class Score(BaseModel):
    """Translation scores of one direction over a corpus."""

    src: str
    tgt: str
    num_sentences: int
    bleu: float
    bleu_signature: str
    chrf: float
    chrf_signature: str


class Evaluation(BaseModel):
    """Everything measured on one checkpoint."""

    checkpoint: str
    step: int
    refs: str
    scores: list[Score]
    english: dict[str, TextLoss]
    skipped: list[str]
    """Languages of the references that the training shards do not name."""


@dataclass(frozen=True)
class Loaded:
    """A checkpoint ready to be asked."""

    folder: Path
    record: Record
    model: Any
    tokenizer: Tokenizer


def load(path: Path) -> Loaded:
    """A checkpoint folder, or the newest checkpoint of a run's folder.

    Raises:
        DataError: neither, or a damaged checkpoint.
    """
    folder = path if (path / "checkpoint.json").is_file() else checkpoint.latest(path)
    if folder is None:
        raise DataError(f"no checkpoint in {path}; give a run's folder or one of its checkpoints")
    record = checkpoint.read_record(folder)
    shape = AutoConfig.from_pretrained(folder / "model", attn_implementation=ATTENTION)
    network = AutoModelForCausalLM.from_config(shape, dtype=torch.float32)  # type: ignore[no-untyped-call]
    checkpoint.load_state(folder, network)
    parallel.parallelize(network, parallel.start())
    network.eval()
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer" / "tokenizer.json"))
    return Loaded(folder, record, network, tokenizer)


def evaluate(loaded: Loaded, refs: Path, max_sentences: int | None, say: Say) -> Evaluation:
    """Translate the references both ways, score them, and measure English.

    Raises:
        DataError: references that are missing or not aligned.
    """
    texts = read_refs(refs, max_sentences)
    if loaded.record.template is None:
        raise ConfigError(f"{loaded.folder} was trained on no parallel text: it has no prompt")
    known = [code for code in texts if code in loaded.record.language_names]
    others = [code for code in known if code != ENGLISH]
    if ENGLISH not in known or not others:
        raise DataError(f"{refs}: needs English and one more language that was trained on")
    scores = []
    for other in others:
        for src, tgt in ((ENGLISH, other), (other, ENGLISH)):
            hypotheses = translate(loaded, texts[src], src, tgt)
            scores.append(score(hypotheses, texts[tgt], src, tgt))
        say(f"translated {len(texts[other])} sentences of {other} both ways")
    return Evaluation(
        checkpoint=str(loaded.folder),
        step=loaded.record.step,
        refs=str(refs),
        scores=scores,
        english=_english(loaded, texts[ENGLISH], refs, say),
        skipped=[code for code in texts if code not in known],
    )


def refs_folder(path: str) -> Path:
    """The folder of `--refs`; `package:NAME/PATH` is found without importing NAME."""
    if not path.startswith("package:"):
        return Path(path)
    package, _, inside = path.removeprefix("package:").partition("/")
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ConfigError(f"{path}: no package {package!r} is installed")
    return Path(spec.submodule_search_locations[0]) / inside


def read_refs(folder: Path, max_sentences: int | None) -> dict[str, list[str]]:
    """Sentences by language from an aligned folder of `{FLORES code}.*` files, a line each.

    Raises:
        DataError: no such folder, two files of one language, or unequal numbers of lines.
    """
    if not folder.is_dir():
        raise DataError(f"no references at {folder}; give a folder with eng_Latn.txt and others")
    texts: dict[str, list[str]] = {}
    for path in sorted(p for p in folder.iterdir() if p.is_file()):
        code = path.name.split(".")[0]
        if len(code) != 8 or code[3] != "_":
            continue  # a licence or a readme
        if code in texts:
            raise DataError(f"{path}: a second file of {code}; keep one of each language")
        texts[code] = [line.strip() for line in path.read_text("utf-8").split("\n")]
        if not texts[code][-1]:
            texts[code].pop()
    counts = {code: len(lines) for code, lines in texts.items()}
    if len(set(counts.values())) > 1:
        raise DataError(f"{folder}: not aligned, the files have unequal lines: {counts}")
    return {code: lines[:max_sentences] for code, lines in texts.items()}


def make_prompt(template: str, src_name: str, tgt_name: str, text: str) -> str:
    """The training template up to where the translation begins: `"English: Hello.\\nThai:"`."""
    head = template[: template.index("{second}")].rstrip()
    return head.format(first_name=src_name, second_name=tgt_name, first=text)


def translate(loaded: Loaded, sentences: Sequence[str], src: str, tgt: str) -> list[str]:
    """Greedy translations in input order, each ended by a newline, by EOS or by the cap."""
    template, names = loaded.record.template, loaded.record.language_names
    assert template is not None, "evaluate has refused this checkpoint"
    texts = [make_prompt(template, names[src], names[tgt], sentence) for sentence in sentences]
    ids = [e.ids for e in loaded.tokenizer.encode_batch(texts, add_special_tokens=False)]
    by_length = sorted(range(len(ids)), key=lambda i: len(ids[i]))
    ends = [loaded.record.eos_id, *_line_ends(loaded.tokenizer)]
    outputs = [""] * len(ids)
    size = loaded.record.config.eval.batch_sentences
    for start in range(0, len(ids), size):
        batch = by_length[start : start + size]
        for index, new in zip(batch, _generate(loaded, [ids[i] for i in batch], ends), strict=True):
            text = loaded.tokenizer.decode(new, skip_special_tokens=True)
            outputs[index] = text.split("\n")[0].strip()
    return outputs


def score(hypotheses: list[str], references: list[str], src: str, tgt: str) -> Score:
    """Corpus BLEU and chrF++ by sacrebleu, with the signatures that reproduce them.

    BLEU splits Thai, Lao, Khmer and Burmese into characters, Chinese by sacrebleu's own `zh`.
    """
    from sacrebleu.metrics.bleu import BLEU
    from sacrebleu.metrics.chrf import CHRF

    tokenize = "13a"
    if tgt.startswith(CHINESE):
        tokenize = "zh"
    elif tgt.startswith(SCRIPTS_WITHOUT_SPACES):
        tokenize = "char"
    bleu, chrf = BLEU(tokenize=tokenize), CHRF(word_order=2)
    bleu_score = bleu.corpus_score(hypotheses, [references])
    chrf_score = chrf.corpus_score(hypotheses, [references])
    return Score(
        src=src,
        tgt=tgt,
        num_sentences=len(references),
        bleu=bleu_score.score,
        bleu_signature=str(bleu.get_signature()),
        chrf=chrf_score.score,
        chrf_signature=str(chrf.get_signature()),
    )


def report(evaluation: Evaluation) -> str:
    """Scores, their signatures and English for a terminal."""
    signatures = sorted({s.bleu_signature for s in evaluation.scores})
    numbers = {signature: str(i) for i, signature in enumerate(signatures, start=1)}
    rows = [
        [f"{s.src} -> {s.tgt}", f"{s.bleu:.2f}", numbers[s.bleu_signature], f"{s.chrf:.2f}"]
        for s in evaluation.scores
    ]
    english = [
        [source, f"{loss.num_labels:,}", f"{loss.bits_per_byte:.3f}"]
        for source, loss in evaluation.english.items()
    ]
    parts = [
        f"{evaluation.checkpoint}, {evaluation.scores[0].num_sentences} sentences a direction",
        table(["direction", "BLEU", "signature", "chrF++"], rows),
        "\n".join(
            [f"BLEU {number}: {signature}" for signature, number in numbers.items()]
            + [f"chrF++: {evaluation.scores[0].chrf_signature}"]
        ),
        table(["held-out English", "labels", "bits per byte"], english),
    ]
    if evaluation.skipped:
        parts.append(f"not in the training shards, skipped: {', '.join(evaluation.skipped)}")
    return "\n\n".join(parts)


def _generate(loaded: Loaded, prompts: list[list[int]], ends: list[int]) -> list[list[int]]:
    """New ids of each prompt, greedy, all prompts at once with padding on the left."""
    width = max(map(len, prompts))
    pad = loaded.record.eos_id
    device = next(loaded.model.parameters()).device
    ids = torch.tensor([[pad] * (width - len(p)) + p for p in prompts], device=device)
    real = torch.tensor([[0] * (width - len(p)) + [1] * len(p) for p in prompts], device=device)
    config = GenerationConfig(  # type: ignore[no-untyped-call]
        max_new_tokens=loaded.record.config.eval.max_new_tokens,
        do_sample=False,
        use_cache=True,
        eos_token_id=ends,
        pad_token_id=pad,
    )
    with torch.no_grad():
        out = loaded.model.generate(input_ids=ids, attention_mask=real, generation_config=config)
    new: list[list[int]] = out[:, width:].tolist()
    return new


def _english(loaded: Loaded, sentences: list[str], refs: Path, say: Say) -> dict[str, TextLoss]:
    """Loss of English references, and of the English replay held out where it is at hand."""
    tokenizer, world = loaded.folder / "tokenizer", parallel.start()
    eos_id, train = loaded.record.eos_id, loaded.record.config.train
    batches = _sentence_batches(loaded, sentences)
    lengths = byte_lengths(tokenizer)
    found = {
        f"{refs.name}/{ENGLISH}": text_loss(loaded.model, batches, eos_id, train, lengths, world)
    }
    shards = loaded.record.config.shards
    if not shards.is_dir():
        say(f"no shards at {shards}: held-out replay is not measured")
        return found
    streams = [
        stream
        for stream in data.open_streams(shards, "validation")
        if stream.manifest.kind == "replay" and stream.manifest.languages == [ENGLISH]
    ]
    if any(s.manifest.tokenizer.sha256 != loaded.record.digests["tokenizer"] for s in streams):
        raise DataError(f"{shards}: another tokenizer than this checkpoint was trained with")
    losses = validate(loaded.model, streams, loaded.record.config, tokenizer, world)
    return {**found, **losses}


def _sentence_batches(loaded: Loaded, sentences: list[str]) -> Iterator[tuple[Ids, Ids]]:
    """Ids and labels, a sentence a row and filled up with EOS; its first token is given."""
    eos_id, size = loaded.record.eos_id, loaded.record.config.train.micro_batch_sequences
    encoded = loaded.tokenizer.encode_batch(sentences, add_special_tokens=False)
    for start in range(0, len(encoded), size):
        batch = [e.ids for e in encoded[start : start + size]]
        ids_BS = np.full((len(batch), max(map(len, batch)) + 1), eos_id, dtype=np.int64)
        for row, ids in zip(ids_BS, batch, strict=True):
            row[: len(ids)] = ids
        yield ids_BS, data.labels_of(ids_BS, eos_id)


def _line_ends(tokenizer: Tokenizer) -> list[int]:
    """Ids whose text holds a newline."""
    ids = range(tokenizer.get_vocab_size())
    texts = tokenizer.decode_batch([[index] for index in ids], skip_special_tokens=False)
    return [index for index, text in zip(ids, texts, strict=True) if "\n" in text]

"""A checkpoint as a Hugging Face folder: weights, tokenizer, generation config, model card."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import torch
from transformers import GenerationConfig

from sealtrain.checkpoint import Record, replace_text
from sealtrain.errors import ConfigError
from sealtrain.evaluate import Evaluation, kept
from sealtrain.translate import Loaded, load

Dtype = Literal["float32", "bfloat16"]
NOT_KNOWN = """\
- Whether the text it was trained on is correct: the data card says how it was filtered.
- How it behaves on anything but the languages and the evaluation above: no safety evaluation, no
  instruction following and no long documents were looked at by the program that wrote this card.
- What a person would say of its translations: every figure above is automatic."""


def export(checkpoint: Path, out: Path, dtype: Dtype = "float32", data_card: str = "") -> Path:
    """Write `out`, a folder that transformers loads, and return it.

    In float32 the logits are those of the checkpoint; bfloat16 halves the size and rounds.

    Raises:
        ConfigError: `out` exists and is not empty.
        DataError: no such checkpoint.
    """
    if out.exists() and any(out.iterdir()):
        raise ConfigError(f"{out} is not empty; choose another --out, or delete it")
    loaded = load(checkpoint)
    partial = out.with_name(f"{out.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    loaded.model.to(getattr(torch, dtype)).save_pretrained(partial)
    _write_tokenizer(loaded, partial)
    eos_id = loaded.record.eos_id
    generation = GenerationConfig(  # type: ignore[no-untyped-call]
        do_sample=False, eos_token_id=eos_id, pad_token_id=eos_id, max_new_tokens=256
    )
    generation.save_pretrained(partial)
    replace_text(partial / "README.md", model_card(loaded.record, _evaluation(loaded), data_card))
    if out.exists():
        out.rmdir()
    partial.rename(out)
    return out


def _write_tokenizer(loaded: Loaded, folder: Path) -> None:
    """The tokenizer of the shards; transformers needs a config beside it to know what to load."""
    for path in (loaded.folder / "tokenizer").iterdir():
        if path.is_file():
            shutil.copyfile(path, folder / path.name)
    config = folder / "tokenizer_config.json"
    if not config.is_file():
        eos = loaded.tokenizer.id_to_token(loaded.record.eos_id)
        facts = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": eos, "pad_token": eos}
        replace_text(config, json.dumps(facts, indent=1, ensure_ascii=False))


def _evaluation(loaded: Loaded) -> list[Evaluation]:
    """What `sealtrain eval` kept of this very checkpoint."""
    return [e for e in kept(loaded.folder.parent.parent) if e.step == loaded.record.step]


def model_card(record: Record, evaluations: list[Evaluation], data_card: str) -> str:
    """The card in Markdown: every figure is the run's own, and what is not known stands there."""
    config = record.config
    codes = sorted(record.language_names)
    base = config.model.init_from
    front = ["---", "library_name: transformers", "pipeline_tag: text-generation", "language:"]
    front += [f"- {code.partition('_')[0]}" for code in codes]
    front += [f"base_model: {base}"] if base else []
    front += ["tags:", "- translation", "- continual-pretraining", "---"]
    languages = ", ".join(f"{record.language_names[code]} (`{code}`)" for code in codes)
    start = f"[{base}](https://huggingface.co/{base})" if base else "random weights"
    prompt = record.template or ""
    parts = [
        "\n".join(front),
        f"# {config.out.name}",
        f"Trained from {start} on {languages}, strategy `{config.mixture.strategy}`, "
        f"{config.mixture.replay:.0%} English replay, seed {config.seed}, "
        f"{record.step:,} of {record.num_steps:,} steps of {config.train.batch_sequences} sequences"
        f"{', attention within each document' if config.train.document_mask else ''}.",
        f"Data: {data_card}" if data_card else "Data: no data card was named at export.",
    ]
    if prompt:
        parts += ["## Prompt", f"```\n{prompt}\n```", "Stop at the first newline."]
    if record.after:
        parts += ["## Held-out loss", _losses(record)]
    for evaluation in evaluations:
        parts += [f"## Translation of {Path(evaluation.refs).name}", _scores(evaluation)]
    settings = json.dumps(
        config.model_dump(mode="json", exclude={"shards", "out"}), indent=1, ensure_ascii=False
    )
    parts += ["## Not known", NOT_KNOWN]
    parts += ["## How it was made", f"```json\n{settings}\n```", _digests(record)]
    return "\n\n".join(parts) + "\n"


def _losses(record: Record) -> str:
    rows = [
        [key, f"{record.before[key].loss:.3f}", f"{loss.loss:.3f}", f"{loss.bits_per_byte:.3f}"]
        for key, loss in record.after.items()
        if key in record.before
    ]
    return _table(["stream", "nats per label before", "after", "bits per byte after"], rows)


def _scores(evaluation: Evaluation) -> str:
    scores = [direction.score for direction in evaluation.directions]
    rows = [[f"{s.src} → {s.tgt}", f"{s.bleu:.2f}", f"{s.chrf:.2f}"] for s in scores]
    signatures = sorted({s.bleu_signature for s in scores} | {s.chrf_signature for s in scores})
    about = f"{scores[0].num_sentences} sentences a direction, {evaluation.num_shots} shots."
    signed = ", ".join(f"`{signature}`" for signature in signatures)
    return "\n\n".join([about, _table(["direction", "BLEU", "chrF++"], rows), signed])


def _digests(record: Record) -> str:
    rows = [[f"`{name}`", f"`{digest}`"] for name, digest in sorted(record.digests.items())]
    return _table(["input", "sha256"], rows)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown; text stands left, numbers right."""
    rule = ["---", *("--:" for _ in head[1:])]
    return "\n".join(f"| {' | '.join(line)} |" for line in [head, rule, *rows])

"""A checkpoint that translates: prompts in the training format, greedy generation in batches."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MethodType
from typing import Any

import torch
from tokenizers import Tokenizer
from transformers import AutoConfig, AutoModelForCausalLM, GenerationConfig

from sealtrain import checkpoint, parallel
from sealtrain.checkpoint import Record
from sealtrain.errors import DataError
from sealtrain.loss import ATTENTION, training_loss
from sealtrain.references import References


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
    network.to(parallel.start().device).eval()
    network.training_loss = MethodType(training_loss, network)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer" / "tokenizer.json"))
    return Loaded(folder, record, network, tokenizer)


def make_prompt(template: str, src_name: str, tgt_name: str, text: str) -> str:
    """The training template up to where the translation begins: `"English: Hello.\\nThai:"`."""
    head = template[: template.index("{second}")].rstrip()
    return head.format(first_name=src_name, second_name=tgt_name, first=text)


def translate(
    loaded: Loaded, sentences: Sequence[str], src: str, tgt: str, shots: References | None = None
) -> list[str]:
    """Greedy translations in input order, each ended by a newline, by EOS or by the cap.

    `shots` are examples, laid out before each prompt as training laid out documents: whole, each
    closed by EOS. A model trained under a document mask has never looked past an EOS.
    """
    template, names = loaded.record.template, loaded.record.language_names
    assert template is not None, "evaluate has refused this checkpoint"
    texts = [make_prompt(template, names[src], names[tgt], sentence) for sentence in sentences]
    examples = _examples(loaded, template, src, tgt, shots or {})
    encoded = loaded.tokenizer.encode_batch(texts, add_special_tokens=False)
    ids = [examples + e.ids for e in encoded]
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


def _examples(loaded: Loaded, template: str, src: str, tgt: str, shots: References) -> list[int]:
    """Ids of the examples of one direction, each a training document with its EOS."""
    names = loaded.record.language_names
    texts = [
        template.format(first_name=names[src], second_name=names[tgt], first=first, second=second)
        for first, second in zip(shots.get(src, []), shots.get(tgt, []), strict=True)
    ]
    encoded = loaded.tokenizer.encode_batch(texts, add_special_tokens=False)
    return [index for e in encoded for index in [*e.ids, loaded.record.eos_id]]


def _generate(loaded: Loaded, prompts: list[list[int]], ends: list[int]) -> list[list[int]]:
    """New ids of each prompt, greedy, all prompts at once with padding on the left."""
    width, pad, device = max(map(len, prompts)), loaded.record.eos_id, loaded.model.device
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


def _line_ends(tokenizer: Tokenizer) -> list[int]:
    """Ids whose text holds a newline."""
    ids = range(tokenizer.get_vocab_size())
    texts = tokenizer.decode_batch([[index] for index in ids], skip_special_tokens=False)
    return [index for index, text in zip(ids, texts, strict=True) if "\n" in text]

"""Translation by a checkpoint: prompts as in training, greedy generation in batches."""

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MethodType
from typing import Any, NamedTuple

import torch
from tokenizers import Tokenizer
from transformers import AutoConfig, AutoModelForCausalLM, GenerationConfig

from sealtrain import checkpoint, parallel
from sealtrain.checkpoint import Record
from sealtrain.errors import DataError
from sealtrain.loss import ATTENTION, training_loss
from sealtrain.model import SAFE
from sealtrain.prompts import fill, prompt
from sealtrain.references import References
from sealtrain.tokenizer import PlainTokenizer, open_tokenizer

# Tokens that a translation may have at least. By OLMo 2's tokenizer, two thirds of the Burmese
# sentences of TICO-19 have more than 256.
MIN_LIMIT = 1024


@dataclass(frozen=True)
class Loaded:
    """A checkpoint in memory, ready for use."""

    folder: Path  # of the checkpoint
    record: Record  # with the template and names that prompts need
    model: Any  # float32, in evaluation mode, on this machine's device
    tokenizer: PlainTokenizer  # the one of the shards


def load(path: Path) -> Loaded:
    """Load a checkpoint's folder, or the newest checkpoint of a run's folder.

    Raises:
        DataError: `path` is neither, or the checkpoint is damaged.
    """
    folder = path if (path / "checkpoint.json").is_file() else checkpoint.latest(path)
    if folder is None:
        raise DataError(f"no checkpoint in {path}; give a run's folder or one of its checkpoints")
    record = checkpoint.read_record(folder)
    config = AutoConfig.from_pretrained(folder / "model", attn_implementation=ATTENTION, **SAFE)
    # Random weights of the right shape, which `load_state` fills in place.
    model = AutoModelForCausalLM.from_config(  # type: ignore[no-untyped-call]
        config, dtype=torch.float32, trust_remote_code=False
    )
    # Without an optimizer, its moments are not read: two thirds of the bytes with float32 moments.
    checkpoint.load_state(folder, model)
    model.to(parallel.start().device).eval()
    model.training_loss = MethodType(training_loss, model)
    tokenizer = open_tokenizer(folder / "tokenizer" / "tokenizer.json", record.eos_id)
    return Loaded(folder, record, model, tokenizer)


def make_prompt(template: str, src_name: str, tgt_name: str, text: str) -> str:
    """The training template up to where the translation begins: `"English: Hello.\\nThai:"`."""
    return prompt(template, {"first_name": src_name, "second_name": tgt_name, "first": text})


class Outputs(NamedTuple):
    """Translations in input order, and how many of them the limit of tokens ended."""

    texts: list[str]
    num_cut: int


def translate(
    loaded: Loaded,
    sentences: Sequence[str],
    src: str,
    tgt: str,
    shots: References | None = None,
    like: Sequence[str] = (),
    max_new_tokens: int | None = None,
) -> Outputs:
    """Greedy translations; `src` and `tgt` are FLORES codes.

    A translation ends at a newline, at EOS or after `max_new_tokens`, else those of the config.
    Without either, it may have MIN_LIMIT tokens, or twice what the length of its source suggests.
    The sentences `like` in the target language tell that: a Burmese sentence has eleven times the
    tokens of its English one. `shots` are examples
    that stand before each prompt as in training: whole documents, each closed by EOS. A model that
    was trained with the document mask has never attended across an EOS.
    """
    template, names = loaded.record.template, loaded.record.language_names
    assert template is not None, "evaluate refuses a checkpoint without a template"
    # The model saw this template in training, so the prompt needs no instruction.
    texts = [make_prompt(template, names[src], names[tgt], sentence) for sentence in sentences]
    examples = _example_ids(loaded, template, src, tgt, shots or {})
    prompts = [examples + ids for ids in loaded.tokenizer.encode(texts)]
    limit = max_new_tokens or loaded.record.config.eval.max_new_tokens
    source_tokens = [len(ids) for ids in loaded.tokenizer.encode(sentences)]
    target_tokens = sum(map(len, loaded.tokenizer.encode(like)))
    growth = 2 * target_tokens / max(sum(source_tokens), 1)
    # Prompts of like length share a batch, so that little is padding.
    by_length = sorted(range(len(prompts)), key=lambda i: len(prompts[i]))
    end_ids = [loaded.record.eos_id, *_newline_ids(loaded.tokenizer.decoder)]
    # Filled by index, since batches are in the order of length.
    outputs, num_cut = [""] * len(prompts), 0
    size = loaded.record.config.eval.batch_sentences
    for start in range(0, len(prompts), size):
        batch = by_length[start : start + size]
        longest = max(source_tokens[i] for i in batch)
        most_tokens = limit or max(MIN_LIMIT, math.ceil(growth * longest))
        new_ids = _generate(loaded, [prompts[i] for i in batch], end_ids, most_tokens)
        num_cut += sum(set(end_ids).isdisjoint(ids) for ids in new_ids)
        for index, ids in zip(batch, new_ids, strict=True):
            # A sentence that has ended is padded while others of its batch continue. A token with a
            # newline may begin with text, so the cut is made in the text.
            text = loaded.tokenizer.decode(ids)
            outputs[index] = text.split("\n")[0].strip()
    return Outputs(outputs, num_cut)


def _example_ids(loaded: Loaded, template: str, src: str, tgt: str, shots: References) -> list[int]:
    """Ids of the examples of one direction, each a training document with its EOS."""
    names = loaded.record.language_names
    texts = [
        fill(
            template,
            {
                "first_name": names[src],
                "second_name": names[tgt],
                "first": first,
                "second": second,
            },
        )
        for first, second in zip(shots.get(src, []), shots.get(tgt, []), strict=True)
    ]
    # Encoded one by one and joined by EOS, exactly as the documents of a shard.
    eos_id = loaded.record.eos_id
    return [index for ids in loaded.tokenizer.encode(texts) for index in [*ids, eos_id]]


def _generate(
    loaded: Loaded, prompts: list[list[int]], end_ids: list[int], max_new_tokens: int
) -> list[list[int]]:
    """New ids of each prompt, greedy, all prompts in one batch.

    Padding is on the left, so that generation continues each prompt's last token.
    """
    # Padding is masked and positions count from the mask: other prompts of a batch do not matter.
    width, pad, device = max(map(len, prompts)), loaded.record.eos_id, loaded.model.device
    ids = torch.tensor([[pad] * (width - len(p)) + p for p in prompts], device=device)
    mask = torch.tensor([[0] * (width - len(p)) + [1] * len(p) for p in prompts], device=device)
    # Given in full: a checkpoint's model folder has no generation config to read.
    max_new_tokens = min(max_new_tokens, max(1, _num_positions(loaded.model) - width))
    config = GenerationConfig(  # type: ignore[no-untyped-call]
        max_new_tokens=max_new_tokens,
        do_sample=False,
        use_cache=True,
        eos_token_id=end_ids,
        pad_token_id=pad,
    )
    with torch.no_grad():
        out = loaded.model.generate(input_ids=ids, attention_mask=mask, generation_config=config)
    # `generate` returns the prompts too.
    new_ids: list[list[int]] = out[:, width:].tolist()
    return new_ids


def _num_positions(model: Any) -> int:
    """Tokens that a model can hold: those of its table of positions, as GPT-2 has one.

    Rotary positions have no table, and no end.
    """
    positions = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    tables = [
        module
        for module in model.modules()
        # OPT has two rows more than positions.
        if isinstance(module, torch.nn.Embedding)
        and module is not model.get_input_embeddings()
        and positions is not None
        and positions <= module.num_embeddings <= positions + 2
    ]
    return positions if tables and positions else sys.maxsize


def _newline_ids(tokenizer: Tokenizer) -> list[int]:
    """Ids whose text holds a newline; a vocabulary may join it with other characters."""
    ids = range(tokenizer.get_vocab_size())
    # Decoded one by one, because byte-level vocabularies spell a newline as another character.
    texts = tokenizer.decode_batch([[index] for index in ids], skip_special_tokens=False)
    return [index for index, text in zip(ids, texts, strict=True) if "\n" in text]

"""A checkpoint as a Hugging Face folder: weights, tokenizer, generation config, model card."""

import json
import shutil
from pathlib import Path
from typing import Literal

import torch
from jinja2 import Environment, PackageLoader, StrictUndefined
from transformers import GenerationConfig

from sealtrain.checkpoint import Record, replace_text
from sealtrain.errors import ConfigError
from sealtrain.evaluate import Evaluation, kept
from sealtrain.records import to_json
from sealtrain.translate import MIN_LIMIT, Loaded, load

Dtype = Literal["float32", "bfloat16"]


def export(checkpoint: Path, out: Path, dtype: Dtype = "float32", data_card: str = "") -> Path:
    """Write a checkpoint as a folder `out` that transformers loads, and return it.

    In float32 the logits equal those of the checkpoint; bfloat16 halves the size and rounds.
    `data_card` is the link to the data card that the model card shows.

    Raises:
        ConfigError: `out` exists and is not empty.
        DataError: there is no such checkpoint, or it is damaged.
    """
    # Nothing is overwritten: the folder may hold an earlier export that is in use.
    if out.exists() and any(out.iterdir()):
        raise ConfigError(f"{out} is not empty; choose another --out, or delete it")
    loaded = load(checkpoint)
    # Written aside and renamed, so that a kill never leaves a folder that looks complete.
    partial = out.with_name(f"{out.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    # `load` returns float32 weights, the master weights of the run.
    loaded.model.to(getattr(torch, dtype)).save_pretrained(partial)
    _write_tokenizer(loaded, partial)
    eos_id = loaded.record.eos_id
    # Greedy, as in `sealtrain eval`, so that users get the translations that were scored.
    generation = GenerationConfig(  # type: ignore[no-untyped-call]
        do_sample=False,
        eos_token_id=eos_id,
        pad_token_id=eos_id,
        max_new_tokens=loaded.record.config.eval.max_new_tokens or MIN_LIMIT,
    )
    generation.save_pretrained(partial)
    # RUN/checkpoints/step-N: two folders up is the run, which has the evaluations.
    run, step = loaded.folder.parent.parent, loaded.record.step
    evaluations = [e for e in kept(run) if e.step == step]
    replace_text(partial / "README.md", model_card(loaded.record, evaluations, data_card))
    if out.exists():  # and is empty: a folder cannot be renamed onto another
        out.rmdir()
    partial.rename(out)
    return out


def _write_tokenizer(loaded: Loaded, folder: Path) -> None:
    """The tokenizer of the shards, with the config that tells transformers which class to load."""
    shutil.copytree(loaded.folder / "tokenizer", folder, dirs_exist_ok=True)
    # The shards' own file is kept, where a build has copied one.
    config = folder / "tokenizer_config.json"
    if not config.is_file():
        # EOS pads as in training, since many vocabularies have no token for padding.
        eos = loaded.tokenizer.decoder.id_to_token(loaded.record.eos_id)
        values = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": eos, "pad_token": eos}
        replace_text(config, json.dumps(values, indent=1, ensure_ascii=False))


def model_card(record: Record, evaluations: list[Evaluation], data_card: str) -> str:
    """The model card in Markdown; every figure in it comes from the run itself."""
    # StrictUndefined: a misspelt name in the template is an error, not a gap on the card.
    environment = Environment(
        loader=PackageLoader("sealtrain"), undefined=StrictUndefined, trim_blocks=True
    )
    # A path of this machine is of no use to a reader: the card shows its last part only.
    base = record.config.model.init_from
    settings = record.config.model_dump(mode="json", exclude={"shards", "out"})
    return environment.get_template("model_card.md.j2").render(
        record=record,
        config=record.config,
        base_name=base and Path(base).name,
        base_on_hub=base if base and not Path(base).exists() else None,
        settings=to_json(settings, indent=1, ensure_ascii=False),
        evaluations=evaluations,
        data_card=data_card,
    )

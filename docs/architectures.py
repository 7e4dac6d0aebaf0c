"""Writes the table of docs/explanation/architectures.md: what the self-check says of each one.

Each architecture is made small, with random weights. It takes some minutes and downloads nothing:
`python docs/architectures.py`, or with names of architectures to print what it finds of them.
"""

import os
import sys
import warnings
from pathlib import Path
from typing import Any

os.environ |= {"TRANSFORMERS_VERBOSITY": "error", "HF_HUB_OFFLINE": "1"}

import torch
import transformers
from transformers import AutoConfig, AutoModelForCausalLM
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

from sealtrain import parallel
from sealtrain.config import Train
from sealtrain.data import Manifest
from sealtrain.errors import SealError
from sealtrain.loss import ATTENTION
from sealtrain.self_check import TOLERANCE, measure

PAGE = Path(__file__).parent / "explanation" / "architectures.md"
SHARDS = Manifest.model_construct(vocab_size=500, eos_id=2, sequence_length=48)
TRAIN = Train(batch_sequences=1, micro_batch_sequences=1)
MAX_PARAMETERS = 30_000_000  # more means that sizes have names which are not below
SIZES = {
    "vocab_size": 512, "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2,
    "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 256,
    "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "num_experts": 4,
    "num_local_experts": 4, "n_routed_experts": 4, "num_experts_per_tok": 2, "n_group": 1,
    "topk_group": 1, "moe_intermediate_size": 32, "shared_expert_intermediate_size": 32,
}  # fmt: skip
# What an architecture needs besides, or by other names. Numbers that change logits are not 1.
HEADS = {"head_dim": 16}
GEMMA = HEADS | {"query_pre_attn_scalar": 16, "sliding_window": 64, "final_logit_softcapping": 3.0}
SPECIAL: dict[str, dict[str, Any]] = {
    "cohere": {"logit_scale": 0.0625},
    "cohere2": HEADS | {"logit_scale": 0.0625},
    "cohere2_moe": HEADS | {"logit_scale": 0.0625},
    "falcon_h1": {"lm_head_multiplier": 0.2},
    "gemma3_text": GEMMA,
    "gemma4_unified_text": GEMMA,
    "glm4_moe": HEADS,
    "gpt2": {"n_embd": 64, "n_layer": 2, "n_head": 4, "n_positions": 256},
    "granite": {"logits_scaling": 8.0},
    "granitemoe": {"logits_scaling": 8.0},
    "granitemoehybrid": {"logits_scaling": 8.0},
    "granitemoeshared": {"logits_scaling": 8.0},
    "helium": HEADS,
    "hunyuan_v1_dense": HEADS,
    "hunyuan_v1_moe": HEADS,
    "hyperclovax": {"logits_scaling": 0.25},
    "ministral": HEADS,
    "opt": {"ffn_dim": 128, "word_embed_proj_dim": 64},
    "qwen3": HEADS,
    "qwen3_5_text": HEADS,
    "qwen3_moe": HEADS,
    "qwen3_next": HEADS,
}
BEGIN, END = "<!-- Written by `python docs/architectures.py` -->", "<!-- to here -->"
YES, NO_MASK, NO = "yes", "only with `train.document_mask = false`", "no"


def small_model(name: str) -> Any:
    """A causal model of one `model_type`, with weights so large that differences show.

    Raises:
        OverflowError: it would not be small.
    """
    config = AutoConfig.for_model(name, **{**SIZES, **SPECIAL.get(name, {})})
    options: Any = {"attn_implementation": ATTENTION, "dtype": torch.float32}
    with torch.device("meta"):
        whole: Any = AutoModelForCausalLM.from_config(config, **options)  # type: ignore[no-untyped-call]
    if sum(p.numel() for p in whole.parameters()) > MAX_PARAMETERS:
        raise OverflowError
    torch.manual_seed(0)
    model: Any = AutoModelForCausalLM.from_config(config, **options)  # type: ignore[no-untyped-call]
    with torch.no_grad():
        for key, parameter in model.named_parameters():
            if parameter.ndim > 1:
                parameter.mul_(3.0)
            elif key.endswith("bias"):  # zero in a new model, so a lost one would not show
                parameter.normal_(0.0, 0.5)
    return model


def verdict(name: str) -> tuple[str, str]:
    """Whether a run of this architecture begins, and why not."""
    try:
        model = small_model(name)
    except ValueError as error:
        if "scaled_dot_product_attention" in str(error):
            return NO, "has no attention by sdpa"
        raise
    parallel.move_to_device(model, parallel.start())
    plain = measure(model, SHARDS, TRAIN.model_copy(update={"document_mask": False}))
    if not plain.head <= TOLERANCE:
        return NO, "its output head is of an unknown kind"
    if not plain.future <= TOLERANCE:
        return NO, "it is not causal"
    try:
        leak = measure(model, SHARDS, TRAIN).leak
    except (TypeError, ValueError):
        return NO_MASK, "takes no positions"
    if leak is None or not leak <= TOLERANCE:
        return NO_MASK, "a document sees the one before it"
    try:
        parallel.layers_of(model)
    except SealError:
        return YES, "on one rank, not compiled"
    return YES, ""


def main(names: list[str]) -> None:
    """Print what is found of some architectures, or write the page of all."""
    rows: dict[str, list[str]] = {YES: [], NO_MASK: [], NO: []}
    left_out = []
    for name in names or MODEL_FOR_CAUSAL_LM_MAPPING_NAMES:
        try:
            answer, reason = verdict(name)
        except Exception as error:  # sizes that do not fit each other, in as many ways as there are
            print(f"{name}: not made: {type(error).__name__}: {str(error)[:80]}", file=sys.stderr)
            left_out.append(f"`{name}`")
            continue
        print(f"{name}: {answer} {reason}")
        rows[answer].append(f"| `{name}` | {answer} | {reason} |")
    if not names:
        head, _, rest = PAGE.read_text("utf-8").partition(BEGIN)
        _, _, tail = rest.partition(END)
        lines = [
            "Result for small models with random weights, by transformers "
            f"{transformers.__version__}:",
            "",
            "| model_type | trained | why |",
            "|---|---|---|",
            *(row for answers in rows.values() for row in answers),
            "",
            f"Not made small by this program, but checked by each run: {', '.join(left_out)}.",
        ]
        PAGE.write_text(head + "\n".join([BEGIN, "", *lines, "", END]) + tail, "utf-8")


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    main(sys.argv[1:])

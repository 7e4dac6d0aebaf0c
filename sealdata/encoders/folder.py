"""Sentence encoders in folders of transformers or sentence-transformers: LaBSE, E5, BGE-M3, SONAR.

What the folder says is followed: pooling, dense layers and lengths. No code of a folder is run, and
no pickle is read.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import torch
from torch import Tensor, nn

from sealdata.encoders.arithmetic import Device, Precision, choose_device, convert_network
from sealdata.encoders.encoder import Encoder
from sealdata.encoders.vocabulary import Ids
from sealdata.errors import ConfigError, DataError

Pooling = Literal["cls", "mean", "max", "last"]
# Names of the poolings in sentence-transformers' 1_Pooling/config.json.
_POOLINGS: dict[str, Pooling] = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_lasttoken": "last",
}
_ACTIVATIONS: dict[str, type[nn.Module]] = {"Tanh": nn.Tanh, "Identity": nn.Identity}
# Modules of sentence-transformers that change no cosine, or that this file follows.
_FOLLOWED = ("Transformer", "Pooling", "Dense", "Normalize")
_MAX_TOKENS = 2048  # of a text, where neither model nor tokenizer has a limit


@dataclass(frozen=True)
class _Plan:
    """What turns the states of a network into one vector."""

    pooling: Pooling
    dense: tuple[Path, ...]  # folders of dense layers, in order
    max_tokens: int | None  # as the folder states it


class _Pooled(nn.Module):
    """A network, the pooling of its last states, and dense layers."""

    def __init__(self, network: nn.Module, pooling: Pooling, dense: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.pooling = pooling
        self.dense = dense

    def forward(self, ids: Tensor) -> Tensor:
        """Embeddings [texts, dim], of texts of one length: int64 ids [texts, tokens]."""
        states = self.network(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state
        if self.pooling == "mean":
            pooled = states.mean(dim=1)
        elif self.pooling == "max":
            pooled = states.amax(dim=1)
        else:
            pooled = states[:, 0 if self.pooling == "cls" else -1]
        embeddings: Tensor = self.dense(pooled)
        return embeddings


class _Tokens:
    """Ids by the folder's own tokenizer, its special tokens included."""

    def __init__(self, tokenizer: Any, prefix: str) -> None:
        self._tokenizer = tokenizer
        self._prefix = prefix

    def ids(self, texts: Sequence[str]) -> list[Ids]:
        """Ids int32 of each text, none of them cut."""
        prefixed = [self._prefix + text for text in texts]
        if not prefixed:
            return []
        rows = self._tokenizer(prefixed, truncation=False, verbose=False)["input_ids"]
        return [np.array(row, np.int32) for row in rows]


def load_folder(
    folder: Path,
    *,
    pooling: Pooling | None = None,
    prefix: str | None = None,
    lang: str | None = None,
    precision: Precision = "fp32",
    device: Device = "cpu",
    batch_tokens: int = 8192,
) -> Encoder:
    """The encoder in a folder that sentence-transformers or transformers wrote.

    ``pooling`` and ``prefix`` override what the folder says. ``lang`` is a FLORES-200 code, for
    tokenizers that mark the language of a text (``marks_languages``).

    Raises:
        DataError: a file is missing or damaged, needs code of its own, or is a pickle.
        ConfigError: the folder does not say how to pool, or there is no such device or precision.
    """
    chosen = choose_device(device)
    plan = _plan(folder, pooling)
    network, limit = _network(folder, plan)
    text = _prefix(folder) if prefix is None else prefix
    tokens = _Tokens(_tokenizer(folder, lang), text)
    bound = min(plan.max_tokens or limit, limit, batch_tokens)
    dim = network.dense.out_features if isinstance(network.dense, nn.Linear) else None
    converted = convert_network(network, chosen, precision)
    if dim is None:
        with torch.inference_mode():
            dim = int(converted(torch.tensor([[5, 6]], device=chosen)).shape[1])
    return Encoder(converted, dim, tokens, chosen, bound, batch_tokens, threads=1)


def files_of(folder: Path) -> list[Path]:
    """What decides the vectors: weights, tokenizer and settings, sorted.

    Raises:
        DataError: the folder has no settings of a model.
    """
    if not (folder / "config.json").is_file():
        raise DataError(
            f"{folder}: no config.json; name the folder of a sentence encoder, as "
            "sentence-transformers or transformers save it"
        )
    kinds = (".json", ".safetensors", ".model", ".txt")
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix in kinds and path.is_file() and path.name != "README.txt"
    )


def marks_languages(folder: Path) -> bool:
    """Whether the tokenizer puts the language before a text, as those of NLLB and SONAR do."""
    name = str(_json(folder / "tokenizer_config.json").get("tokenizer_class", ""))
    return name.startswith("Nllb")


def _plan(folder: Path, pooling: Pooling | None) -> _Plan:
    modules = _json(folder / "modules.json", [])
    dense, stated = [], None
    for module in modules:
        kind = str(module.get("type", "")).rpartition(".")[2]
        if kind not in _FOLLOWED:
            raise DataError(f"{folder}: its module {kind!r} is of no kind that is followed here")
        if kind == "Dense":
            dense.append(folder / module["path"])
        if kind == "Pooling":
            settings = _json(folder / module["path"] / "config.json")
            on = [name for name, value in settings.items() if value is True and "pooling" in name]
            if len(on) != 1 or on[0] not in _POOLINGS:
                raise DataError(f"{folder}: its pooling is {', '.join(on) or 'not stated'}")
            stated = _POOLINGS[on[0]]
    chosen = pooling or stated
    if chosen is None:
        raise ConfigError(
            f"{folder}: no modules.json says how states become one vector; set pooling to one of "
            f"{', '.join(get_args(Pooling))}"
        )
    bound = _json(folder / "sentence_bert_config.json").get("max_seq_length")
    return _Plan(chosen, tuple(dense), bound if isinstance(bound, int) else None)


def _prefix(folder: Path) -> str:
    """The prompt that the folder names as its default; E5's are not in its files.

    Raises:
        ConfigError: the folder is named as an E5 model, and says no prompt.
    """
    settings = _json(folder / "config_sentence_transformers.json")
    prompts, default = settings.get("prompts") or {}, settings.get("default_prompt_name")
    if default in prompts:
        return str(prompts[default])
    if "e5" in folder.absolute().name.lower().replace("_", "-").split("-"):
        raise ConfigError(
            f'{folder}: E5 was trained with a prompt before each text; set prefix = "query: " '
            '(or prefix = "" if this model has none)'
        )
    return ""


def _network(folder: Path, plan: _Plan) -> tuple[_Pooled, int]:
    """The pooled network in float32, and the most tokens that it reads."""
    config, model = _model(folder)
    dense = [_dense(path) for path in plan.dense]
    pooled = _Pooled(model, plan.pooling, dense[0] if len(dense) == 1 else nn.Sequential(*dense))
    positions = getattr(config, "max_position_embeddings", None) or _MAX_TOKENS
    # RoBERTa numbers positions from behind the one of its padding.
    if str(config.model_type) in ("roberta", "xlm-roberta", "camembert"):
        positions -= (config.pad_token_id or 0) + 1
    return pooled.eval().requires_grad_(False), min(positions, _MAX_TOKENS)


@cache
def _model(folder: Path) -> tuple[Any, nn.Module]:
    import transformers

    settings = _json(folder / "config.json")
    if "auto_map" in settings:
        raise DataError(f"{folder}: the model needs code of its own, which is not run")
    name = next(iter(settings.get("architectures") or ()), "")
    # Some models also generate. Only their encoder is needed.
    cls = getattr(transformers, name, None) if name.endswith("EncoderModel") else None
    if name == "M2M100Encoder":
        from transformers.models.m2m_100.modeling_m2m_100 import M2M100Encoder as cls  # noqa: N813
    options = {"local_files_only": True, "trust_remote_code": False, "use_safetensors": True}
    try:
        config = transformers.AutoConfig.from_pretrained(folder, local_files_only=True)
        model = (cls or transformers.AutoModel).from_pretrained(
            folder, dtype=torch.float32, **options
        )
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        raise DataError(
            f"{folder}: not a sentence encoder that can be read ({str(error).splitlines()[0]}); "
            "weights must be safetensors"
        ) from None
    return config, model


def _dense(folder: Path) -> nn.Module:
    from safetensors.torch import load_file

    settings = _json(folder / "config.json")
    activation = str(settings.get("activation_function", "Identity")).rpartition(".")[2]
    if activation not in _ACTIVATIONS:
        raise DataError(f"{folder}: its activation {activation!r} is not followed here")
    path = folder / "model.safetensors"
    try:
        layer = nn.Linear(settings["in_features"], settings["out_features"], settings["bias"])
        weights = load_file(path)
        layer.load_state_dict({k.removeprefix("linear."): v.float() for k, v in weights.items()})
    except (OSError, KeyError, TypeError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise DataError(f"{path}: not the weights of a dense layer ({reason})") from None
    return nn.Sequential(layer, _ACTIVATIONS[activation]())


def _tokenizer(folder: Path, lang: str | None) -> Any:
    import transformers

    options = {"src_lang": lang} if lang and marks_languages(folder) else {}
    try:
        return transformers.AutoTokenizer.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False, **options
        )
    except (OSError, ValueError, KeyError) as error:
        reason = str(error).splitlines()[0]
        raise DataError(f"{folder}: its tokenizer cannot be read ({reason})") from None


def _json(path: Path, default: Any = None) -> Any:
    """The contents of a JSON file, or ``default`` ({}) where there is none."""
    try:
        return json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {} if default is None else default
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: not JSON ({error})") from None

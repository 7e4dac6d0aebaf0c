"""Sentence encoders in folders of transformers or sentence-transformers: LaBSE, E5, BGE-M3, SONAR.

What the folder says is followed: pooling, dense layers and lengths. No code of a folder is run, and
no pickle is read.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, get_args

import numpy as np
import torch
from torch import Tensor, nn

from sealdata.encoders import Device, Pooling, Precision
from sealdata.encoders.arithmetic import choose_device, convert_network
from sealdata.encoders.encoder import Encoder
from sealdata.encoders.vocabulary import Ids
from sealdata.errors import ConfigError, DataError, first_line
from sealdata.files.hidden import visible

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
    """What turns a text into one vector, as the folder and the recipe say it."""

    root: Path  # the folder of network and tokenizer
    pooling: Pooling
    dense: tuple[Path, ...]  # folders of dense layers, in order
    prefix: str  # before each text
    lower: bool  # texts are read in lower case
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

    def __init__(self, tokenizer: Any, plan: _Plan) -> None:
        self._tokenizer = tokenizer
        self._plan = plan

    def ids(self, texts: Sequence[str]) -> list[Ids]:
        """Ids int32 of each text, none of them cut."""
        # As sentence-transformers does: the prompt, no white space around, then the lower case.
        prefixed = [(self._plan.prefix + text).strip() for text in texts]
        if self._plan.lower:
            prefixed = [text.lower() for text in prefixed]
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
        ConfigError: the folder names no pooling, or the device or precision is not available.
    """
    plan = _plan(folder, pooling, prefix)
    tokens = _Tokens(_tokenizer(plan.root, lang), plan)
    # An encoder cannot read a text without a token, and white space may leave none.
    if not len(tokens.ids([""])[0]):
        raise DataError(f"{folder}: its tokenizer adds no special token, so a text may have none")
    network, limit = _network(plan, precision, device)
    bound = min(plan.max_tokens or limit, limit, batch_tokens)
    chosen = choose_device(device)
    with torch.inference_mode():
        sample = torch.from_numpy(tokens.ids(["a"])[0].astype(np.int64))[None, :bound]
        dim = int(network(sample.to(chosen)).shape[1])
    return Encoder(network, dim, tokens, chosen, bound, batch_tokens, threads=1)


def forget() -> None:
    """Free the networks that this process holds."""
    _network.cache_clear()


def files_of(folder: Path) -> list[Path]:
    """What decides the vectors: weights, tokenizer and settings, sorted.

    Raises:
        DataError: the folder has no settings of a model.
    """
    if not (_modules(folder).get("Transformer", [folder])[0] / "config.json").is_file():
        raise DataError(
            f"{folder}: no config.json; name the folder of a sentence encoder, as "
            "sentence-transformers or transformers save it"
        )
    kinds = (".json", ".safetensors", ".model", ".txt")
    files = (path for path in folder.rglob("*") if path.suffix in kinds and path.is_file())
    return sorted(visible(files, folder))


def marks_languages(folder: Path) -> bool:
    """Whether the tokenizer puts the language before a text, as those of NLLB and SONAR do."""
    root = _modules(folder).get("Transformer", [folder])[0]
    name = str(_table(root / "tokenizer_config.json").get("tokenizer_class", ""))
    return name.startswith("Nllb")


def _modules(folder: Path) -> dict[str, list[Path]]:
    """The folders of the modules that modules.json lists, by their kind; {} without the file.

    Raises:
        DataError: a module is of a kind that is not followed, or lies outside the folder.
    """
    by_kind: dict[str, list[Path]] = {}
    path = folder / "modules.json"
    rows = _json(path) if path.is_file() else []
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise DataError(f"{path}: not a list of modules")
    for row in rows:
        kind, inner = str(row.get("type", "")).rpartition(".")[2], Path(str(row.get("path", "")))
        if kind not in _FOLLOWED:
            raise DataError(f"{folder}: this version does not follow its module {kind!r}")
        # Files elsewhere would decide vectors without being part of the fingerprint.
        if inner.is_absolute() or ".." in inner.parts:
            raise DataError(f"{path}: the module {kind!r} lies outside the folder")
        by_kind.setdefault(kind, []).append(folder / inner)
    return by_kind


def _plan(folder: Path, pooling: Pooling | None, prefix: str | None) -> _Plan:
    modules = _modules(folder)
    text, stated = _prefix(folder) if prefix is None else prefix, None
    for path in modules.get("Pooling", []):
        settings = _table(path / "config.json")
        on = [name for name, value in settings.items() if value is True and "pooling" in name]
        if len(on) != 1 or on[0] not in _POOLINGS:
            raise DataError(f"{folder}: its pooling is {', '.join(on) or 'not stated'}")
        stated = _POOLINGS[on[0]]
        if settings.get("include_prompt") is False and text:
            raise DataError(f"{folder}: its pooling leaves out the prompt, which is not followed")
    chosen = pooling or stated
    if chosen is None:
        raise ConfigError(
            f"{folder}: no modules.json says how states become one vector; set pooling to one of "
            f"{', '.join(get_args(Pooling))}"
        )
    root = modules.get("Transformer", [folder])[0]
    # Before the library reads it, which would ask whether to run the code.
    if "auto_map" in _table(root / "config.json"):
        raise DataError(f"{folder}: the model needs code of its own, which is not run")
    settings = _table(root / "sentence_bert_config.json")
    bound = settings.get("max_seq_length")
    return _Plan(
        root=root,
        pooling=chosen,
        dense=tuple(modules.get("Dense", [])),
        prefix=text,
        lower=bool(settings.get("do_lower_case")),
        max_tokens=bound if isinstance(bound, int) and bound > 1 else None,
    )


def _prefix(folder: Path) -> str:
    """The prompt that the folder names as its default; E5's are not in its files.

    Raises:
        ConfigError: the folder is named as an E5 model, and says no prompt.
    """
    settings = _table(folder / "config_sentence_transformers.json")
    prompts, default = settings.get("prompts") or {}, settings.get("default_prompt_name")
    if default in prompts:
        return str(prompts[default])
    if "e5" in folder.absolute().name.lower().replace("_", "-").split("-"):
        raise ConfigError(
            f'{folder}: E5 was trained with a prompt before each text; set prefix = "query: " '
            '(or prefix = "" if this model has none)'
        )
    return ""


@cache
def _network(plan: _Plan, precision: Precision, device: Device) -> tuple[nn.Module, int]:
    """The pooled network, ready to compute, and the most tokens that it reads.

    Two languages of one encoder share it. Each precision has its own, because a network is
    converted in place.
    """
    config, model = _model(plan.root)
    pooled = _Pooled(model, plan.pooling, nn.Sequential(*map(_dense, plan.dense)))
    positions = getattr(config, "max_position_embeddings", None) or _MAX_TOKENS
    # RoBERTa numbers positions from behind the one of its padding.
    if str(config.model_type) in ("roberta", "xlm-roberta", "camembert"):
        positions -= (config.pad_token_id or 0) + 1
    frozen = pooled.eval().requires_grad_(False)
    converted = convert_network(frozen, choose_device(device), precision)
    return converted, min(positions, _MAX_TOKENS)


def _model(folder: Path) -> tuple[Any, nn.Module]:
    """The configuration and the network in float32; nothing is printed while it is read."""
    import transformers
    from transformers.models.m2m_100 import modeling_m2m_100
    from transformers.utils import logging as bars

    name = next(iter(_table(folder / "config.json").get("architectures") or ()), "")
    # Some models also generate. Only their encoder is needed.
    cls: Any = transformers.AutoModel
    if name == "M2M100Encoder":
        cls = modeling_m2m_100.M2M100Encoder
    elif str(name).endswith("EncoderModel"):
        cls = getattr(transformers, str(name), cls)
    options = {"local_files_only": True, "trust_remote_code": False, "use_safetensors": True}
    shown = bars.is_progress_bar_enabled()
    try:
        bars.disable_progress_bar()  # type: ignore[no-untyped-call]
        config = transformers.AutoConfig.from_pretrained(folder, local_files_only=True)
        model, report = cls.from_pretrained(
            folder, dtype=torch.float32, output_loading_info=True, **options
        )
    except Exception as error:  # damaged files surface as almost any exception
        raise DataError(
            f"{folder}: not a sentence encoder that can be read ({first_line(error)}); "
            "weights must be safetensors"
        ) from None
    finally:
        if shown:
            bars.enable_progress_bar()  # type: ignore[no-untyped-call]
    # The library fills gaps with random numbers. A pooler is not used here, and often absent.
    gaps = sorted(key for key in report["missing_keys"] if "pooler" not in key)
    gaps += sorted(str(key) for key in report["mismatched_keys"])
    if gaps:
        raise DataError(f"{folder}: its weights lack {gaps[0]}, or have it in another size")
    return config, model


def _dense(folder: Path) -> nn.Module:
    from safetensors.torch import load_file

    settings = _table(folder / "config.json")
    activation = str(settings.get("activation_function", "Identity")).rpartition(".")[2]
    if activation not in _ACTIVATIONS:
        raise DataError(f"{folder}: its activation {activation!r} is not followed here")
    path = folder / "model.safetensors"
    try:
        layer = nn.Linear(settings["in_features"], settings["out_features"], settings["bias"])
        weights = load_file(path)
        layer.load_state_dict({k.removeprefix("linear."): v.float() for k, v in weights.items()})
    except Exception as error:  # as for the network
        raise DataError(f"{path}: not the weights of a dense layer ({first_line(error)})") from None
    return nn.Sequential(layer, _ACTIVATIONS[activation]())


def _tokenizer(folder: Path, lang: str | None) -> Any:
    import transformers

    options = {"src_lang": lang} if lang and marks_languages(folder) else {}
    try:
        return transformers.AutoTokenizer.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False, **options
        )
    except Exception as error:  # as for the network
        raise DataError(f"{folder}: its tokenizer cannot be read ({first_line(error)})") from None


def _table(path: Path) -> dict[str, Any]:
    """The object in a JSON file; {} if the file is absent."""
    contents = _json(path) if path.is_file() else {}
    if not isinstance(contents, dict):
        raise DataError(f"{path}: not a JSON object")
    return contents


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path}: not JSON ({error})") from None

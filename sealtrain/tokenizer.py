"""The tokenizer of the shards, for plain text: what a file says for other uses is left out.

A `tokenizer.json` may hold a truncation, a padding, a BPE dropout and tokens that text matches. The
shards were made without them, as `sealdata.tokenizers` does.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer
from transformers.utils.hub import cached_file

from sealtrain.errors import ConfigError, DataError
from sealtrain.new_rows import new_pieces

FILE = "tokenizer.json"
SHOWN = 3  # ids that differ, in a message
# Before the spelling of a special token, so that no text matches it: a noncharacter, which Unicode
# keeps out of text meant for interchange.
_UNTYPABLE = "\uffff"


@dataclass(frozen=True)
class PlainTokenizer:
    """Encodes text, special tokens spelt in it included, and decodes ids as the file declares."""

    encoder: Tokenizer  # its special tokens are respelt
    decoder: Tokenizer

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """The ids of each text, without any token that the text does not spell."""
        encoded = self.encoder.encode_batch(list(texts), add_special_tokens=False)
        return [encoding.ids for encoding in encoded]

    def decode(self, ids: Sequence[int]) -> str:
        """The text of some ids; special tokens are left out."""
        return str(self.decoder.decode(list(ids), skip_special_tokens=True))


def open_tokenizer(path: Path, eos_id: int) -> PlainTokenizer:
    """Open a `tokenizer.json`; the token of `eos_id` is special, whatever the file says of it.

    Raises:
        DataError: the file is missing, or not one of the tokenizers library.
    """
    try:
        declared = json.loads(path.read_text("utf-8"))
        if isinstance(declared.get("model"), dict) and declared["model"].get("dropout"):
            declared["model"]["dropout"] = None
        decoder = Tokenizer.from_str(json.dumps(declared))
        added = declared.setdefault("added_tokens", [])
        special = {row["content"] for row in added if row["special"]}
        if (eos := decoder.id_to_token(eos_id)) is None:
            raise DataError(f"{path} has no token of id {eos_id}, which ends documents")
        special.add(eos)
        encoder = Tokenizer.from_str(json.dumps(_untypable(declared, special)))
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or error}") from None
    # The library raises bare Exception for anything it dislikes. For a few things that it did not
    # expect it raises PanicException, which is not one.
    except BaseException as error:
        if isinstance(error, DataError | KeyboardInterrupt | SystemExit):
            raise
        raise DataError(f"{path} is not a tokenizer.json: {error}") from None
    encoder.encode_special_tokens = True
    for tokenizer in (encoder, decoder):
        tokenizer.no_truncation()
        tokenizer.no_padding()
    return PlainTokenizer(encoder, decoder)


def _untypable(declared: dict[str, Any], special: set[str]) -> dict[str, Any]:
    """The same tokenizer and ids, with `special` respelt wherever a text could match it."""

    def respelt(token: str) -> str:
        return _UNTYPABLE + token if token in special else token

    declared["post_processor"] = None  # it only adds special tokens
    for row in declared["added_tokens"]:
        row["special"] = row["special"] or row["content"] in special
        row["content"] = respelt(row["content"])
    model = declared["model"]
    if isinstance(model["vocab"], dict):
        model["vocab"] = {respelt(token): index for token, index in model["vocab"].items()}
    else:  # Unigram: a piece and its log probability, in order of id
        model["vocab"] = [[respelt(token), score] for token, score in model["vocab"]]
    if isinstance(model.get("unk_token"), str):
        model["unk_token"] = respelt(model["unk_token"])
    # Byte-level pieces cannot hold the noncharacter; other vocabularies might match it.
    if not _is_byte_level(declared):
        replace = {"type": "Replace", "pattern": {"String": _UNTYPABLE}, "content": "\ufffd"}
        rest = [declared["normalizer"]] if declared.get("normalizer") else []
        declared["normalizer"] = {"type": "Sequence", "normalizers": [replace, *rest]}
    return declared


def _is_byte_level(declared: dict[str, Any]) -> bool:
    steps = declared.get("pre_tokenizer") or {}
    return any(
        step.get("type") == "ByteLevel" for step in (steps, *(steps.get("pretokenizers") or ()))
    )


def check_base(
    init_from: str,
    base_eos: int | list[int] | None,
    shards: Path,
    eos_id: int,
    may_extend: bool = False,
) -> str:
    """Compare the tokenizer of a base model with that of the shards; a note if it cannot be.

    Args:
        init_from: Folder or cached name of the base.
        base_eos: `eos_token_id` of its config.
        shards: Folder of the shards' tokenizer.
        eos_id: Id that ends a document in the shards.
        may_extend: The tokenizer of the shards may have more pieces than that of the base.

    Raises:
        ConfigError: the same id is another token, or text is cut in another way, or documents end
            with another token than the base has for it.
    """
    where = f"model.init_from {init_from}"
    cure = (
        "build the shards with the tokenizer of the base, or set model.other_tokenizer = true if "
        "the base shall learn another one"
    )
    ends = [base_eos] if isinstance(base_eos, int) else base_eos
    if ends and eos_id not in ends:
        raise ConfigError(
            f"{where}: its texts end with id {ends[0]}, and documents of the shards with "
            f"{eos_id}; {cure}"
        )
    path = base_file(init_from)
    if path is None:
        return f"{where} has no {FILE}: that the shards have its tokenizer was not checked"
    base, ours = (_plain_json(file) for file in (path, shards / FILE))
    if base == ours:
        return ""
    try:
        num_new = len(new_pieces(path, shards / FILE))
    except ConfigError:
        if may_extend:
            raise
    else:
        if may_extend:
            return ""
        raise ConfigError(
            f"{where}: the shards have {num_new:,} pieces that the base lacks; set "
            'model.new_rows = "mean" to give it rows for them'
        )
    if differing := _differing_ids(base, ours):
        shown = "; ".join(differing[:SHOWN])
        raise ConfigError(
            f"{where}: {len(differing):,} ids are other tokens than in the shards: {shown}; {cure}"
        )
    parts = [key for key in sorted({*base, *ours}) if base.get(key) != ours.get(key)]
    raise ConfigError(
        f"{where}: its tokenizer cuts text in another way ({', '.join(parts)} differ); {cure}"
    )


def base_file(init_from: str) -> Path | None:
    """The `tokenizer.json` of a base model, in its folder or the local cache."""
    path = cached_file(
        init_from, FILE, local_files_only=True, _raise_exceptions_for_missing_entries=False
    )
    return None if path is None else Path(path)


def _plain_json(path: Path) -> dict[str, Any]:
    """What of a `tokenizer.json` decides the ids of plain text."""
    try:
        tokenizer = Tokenizer.from_file(str(path))
        tokenizer.no_truncation()
        tokenizer.no_padding()
        # As the library writes it, so that spelling and order of the file do not matter.
        declared: dict[str, Any] = json.loads(tokenizer.to_str())
    except Exception as error:  # the library raises bare Exception
        raise DataError(f"{path} is not a tokenizer.json: {error}") from None
    model = dict(declared["model"])
    for key in ("dropout", "vocab"):
        model.pop(key, None)
    return {
        "vocabulary": tokenizer.get_vocab(with_added_tokens=True),
        "model": model,
        "normalizer": declared["normalizer"],
        "pre_tokenizer": declared["pre_tokenizer"],
    }


def _differing_ids(base: dict[str, Any], ours: dict[str, Any]) -> list[str]:
    """`ID is A in the base and B in the shards`, in order of id; ids that only one has count."""
    by_id = [{index: token for token, index in t["vocabulary"].items()} for t in (base, ours)]
    return [
        f"id {index} is {_shown(by_id[0].get(index))} in the base and {_shown(by_id[1].get(index))}"
        " in the shards"
        for index in sorted({*by_id[0], *by_id[1]})
        if by_id[0].get(index) != by_id[1].get(index)
    ]


def _shown(token: str | None) -> str:
    return "nothing" if token is None else repr(token)

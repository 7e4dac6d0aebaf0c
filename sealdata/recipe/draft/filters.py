"""Filters of other tools as cleaners and rules: which tool a file is of, and what has none."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from sealdata.errors import DataError
from sealdata.languages import ENGLISH, find_language
from sealdata.readers._open import read_text
from sealdata.recipe.draft.calls import Call
from sealdata.recipe.draft.translate import add_call
from sealdata.recipe.draft.write import FilterDraft

Pair = tuple[str, str]


def read_filters(path: Path, pair: Pair | None) -> FilterDraft:
    """The filters of OpusCleaner's ``*.filter.json`` or of OpusFilter's YAML, as a draft.

    ``pair``: the languages of the corpus in the order of its files, which decides whose limit is
    whose where the file does not name them. English first is assumed without it.

    Raises:
        DataError: the file cannot be read, or is of neither tool.
    """
    text = read_text(path)
    try:
        table = json.loads(text) if path.suffix == ".json" else _yaml(text)
    except (ValueError, yaml.YAMLError) as error:
        reason = str(error).splitlines()[0]
        raise DataError(f"{path} is not {path.suffix or 'YAML'} ({reason})") from None
    if isinstance(table, dict) and isinstance(table.get("filters"), list):
        return _opuscleaner(path, table, pair)
    if isinstance(table, dict) and isinstance(table.get("steps"), list):
        return _opusfilter(path, table, pair)
    raise DataError(
        f"{path} has neither a list 'filters' (OpusCleaner) nor a list 'steps' (OpusFilter)"
    )


class _Loader(yaml.SafeLoader):
    """YAML with OpusFilter's variables: ``!var NAME`` is a constant of the file."""

    constants: dict[str, Any] = {}


def _variable(loader: _Loader, tag: str, node: yaml.Node) -> Any:
    # A variable without a value stays visible, where a parameter should be.
    return loader.constants.get(str(node.value), f"!{tag} {node.value}")


yaml.add_multi_constructor("!", _variable, _Loader)


def _yaml(text: str) -> Any:
    table = yaml.load(text, _Loader)
    common = table.get("common") if isinstance(table, dict) else None
    constants = common.get("constants") if isinstance(common, dict) else None
    if not isinstance(constants, dict):
        return table

    class Loader(_Loader):
        pass

    Loader.constants = constants
    return yaml.load(text, Loader)


def _opuscleaner(path: Path, table: dict[str, Any], pair: Pair | None) -> FilterDraft:
    draft = FilterDraft(f"They follow the filters of OpusCleaner in {path.name}.", dedup=False)
    named = _languages_of(table.get("files", []))
    for entry in table["filters"]:
        if not isinstance(entry, dict) or "filter" not in entry:
            draft.without.append(f"an entry that is not a filter: {entry!r}")
            continue
        parameters = entry.get("parameters") or {}
        pair_of_entry = _pair_of(parameters) or named or pair or (ENGLISH, "")
        # A filter of one side names its language.
        language = find_language(str(entry["language"])) if entry.get("language") else None
        call = Call(
            str(entry["filter"]), parameters, pair_of_entry[1] == ENGLISH, language=language
        )
        add_call(draft, call)
    return draft


def _languages_of(files: Any) -> Pair | None:
    names = [str(name) for name in files] if isinstance(files, list) else []
    suffixes = [name.removesuffix(".gz").rpartition(".")[2] for name in names]
    codes = [language.code for suffix in suffixes if (language := find_language(suffix))]
    return (codes[0], codes[1]) if len(codes) == 2 else None


def _pair_of(parameters: dict[str, Any]) -> Pair | None:
    for first, second in (("LANG1", "LANG2"), ("SRCLANG", "TGTLANG")):
        codes = [find_language(str(parameters.get(key, ""))) for key in (first, second)]
        if codes[0] and codes[1]:
            return codes[0].code, codes[1].code
    return None


def _opusfilter(path: Path, table: dict[str, Any], pair: Pair | None) -> FilterDraft:
    draft = FilterDraft(f"They follow the steps of OpusFilter in {path.name}.", dedup=False)
    for step in table["steps"]:
        if not isinstance(step, dict):
            draft.without.append(f"a step that is not a table: {step!r}")
            continue
        kind, parameters = str(step.get("type", "")), step.get("parameters") or {}
        english_last = (_step_pair(parameters) or pair or (ENGLISH, ""))[1] == ENGLISH
        if kind == "filter":
            _calls(draft, parameters.get("filters", []), english_last)
        elif kind == "preprocess":
            _calls(draft, parameters.get("preprocessors", []), english_last)
        elif kind == "remove_duplicates":
            draft.dedup = True
        elif kind not in ("opus_read", "concatenate", "download", "write", "split", "head"):
            draft.without.append(f"step {kind or step!r} of OpusFilter")
    return draft


def _step_pair(parameters: dict[str, Any]) -> Pair | None:
    return _languages_of(parameters.get("inputs", []))


def _calls(draft: FilterDraft, entries: Sequence[Any], english_last: bool) -> None:
    """Entries of a list: one key with its parameters, and perhaps the module of a custom filter."""
    for entry in entries:
        if not isinstance(entry, dict):
            draft.without.append(f"an entry that is not a filter: {entry!r}")
            continue
        for name, parameters in entry.items():
            if name != "module":
                add_call(draft, Call(str(name), parameters or {}, english_last))

"""The text of a drafted recipe: every line is explained by a comment."""

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sealdata.component import Component, component_class
from sealdata.languages import ENGLISH, by_script, confusable_sets, resolve
from sealdata.recipe.draft.sample import FILL, SourceDraft
from sealdata.recipe.draft.sources import LeftOut
from sealdata.recipe.reading import resolve_recipe

_CONTROLS = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]")
# The built-in recipe whose cleaners and rules a draft starts with: none needs a fetched model.
BASE = "openseal"


@dataclass
class FilterDraft:
    """Cleaners, scorers and rules of a draft, and where they come from."""

    origin: str  # a sentence
    clean: dict[str, dict[str, Any]] = field(default_factory=dict)
    score: dict[str, dict[str, Any]] = field(default_factory=dict)
    rules: list[dict[str, Any]] = field(default_factory=list)  # tables as in a recipe
    notes: list[str] = field(default_factory=list)  # of each rule; "" for none
    cleaners: dict[str, str] = field(default_factory=dict)  # cleaner -> filter that it stands for
    without: list[str] = field(default_factory=list)  # filters that have no counterpart
    dedup: bool = True


def default_filters(languages: Sequence[str]) -> FilterDraft:
    """The cleaners and rules of the built-in recipe BASE that suit any corpus of ``languages``."""
    table = resolve_recipe(BASE).table
    draft = FilterDraft(
        f"They are those of the recipe {BASE}. Check them against references of your own."
    )
    draft.clean = table.get("clean", {})
    # Its limits on stored margins are for one corpus.
    draft.score = {name: options for name, options in table["score"].items() if name != "stored"}
    for rule in table["rule"]:
        if rule["score"].startswith("stored."):
            continue
        limits = {
            name: bounds
            for name, bounds in rule.get("languages", {}).items()
            if _members(name) & set(languages)
        }
        plain = {key: value for key, value in rule.items() if key != "languages"}
        draft.rules.append(plain | ({"languages": limits} if limits else {}))
    draft.notes = [""] * len(draft.rules)
    return draft


def _members(name: str) -> set[str]:
    groups = by_script() | confusable_sets()
    return set(groups[name]) if name in groups else {resolve(name).code}


def write_draft(
    name: str,
    sources: Sequence[SourceDraft],
    left_out: Sequence[LeftOut],
    filters: FilterDraft,
    folder: Path,
) -> str:
    """The recipe as TOML. Paths inside ``folder``, where it will be written, start there."""
    lines = _lines(name, sources, left_out, filters, folder)
    # Names of files and columns are foreign text. In a comment, a line break would end it. Strings
    # have such characters escaped.
    return "".join(f"{_CONTROLS.sub(' ', line)}\n" for line in lines)


def _lines(
    name: str,
    sources: Sequence[SourceDraft],
    left_out: Sequence[LeftOut],
    filters: FilterDraft,
    folder: Path,
) -> Iterator[str]:
    yield "# A draft by `sealdata init`. Lines with CHECK rest on a guess. Lines with FILL must be"
    yield "# written by you: a build stops there. Then: sealdata build THIS --dry-run"
    yield ""
    yield f"name = {_value(name)}  # of the build, and of its folder builds/{name}"
    yield "seed = 1  # of the order of documents"
    yield ""
    yield "[card]  # the dataset card; `sealdata card` says what else a person must write"
    yield 'license = ""  # CHECK: an identifier of the Hugging Face Hub, such as "cc-by-4.0"'
    yield ""
    yield "# --- sources: of equal pairs, that of the source named first stays ---"
    for draft in sources:
        yield from _source(draft, folder)
    for file in left_out:
        yield ""
        # A name that is not UTF-8 cannot be written as it is.
        path = str(file.path).encode("utf-8", "backslashreplace").decode()
        yield f"# Left out: {path}"
        yield f"#   {file.reason}"
    yield ""
    yield "# --- repair of text, in this order ---"
    for cleaner, options in filters.clean.items():
        yield ""
        if cleaner in filters.cleaners:
            yield f"# {filters.cleaners[cleaner]}. CHECK: it cleans both sides."
        yield f"[clean.{cleaner}]  # {_first_line(component_class('cleaners', cleaner))}"
        yield from _options(options)
    scores = dict(filters.score)
    if any(draft.scores for draft in sources):
        scores["stored"] = {}
    yield ""
    yield "# --- scores: numbers for each pair; rules decide what they mean ---"
    for scorer, options in scores.items():
        yield ""
        yield f"[score.{scorer}]  # {_first_line(_kind(scorer, options))}"
        yield from _options(options)
    yield ""
    yield "# --- rules: a pair that fails one is dropped, for the first reason that it fails ---"
    yield f"# {filters.origin}"
    for rule, note in zip(filters.rules, filters.notes, strict=True):
        yield from _rule(rule, note, scores)
    for text in filters.without:
        yield ""
        yield f"# No counterpart: {text}"
    yield from _stored_rule(sources)
    yield ""
    if filters.dedup:
        yield "[dedup]  # drops pairs that are equal but for case, spaces and punctuation"
    else:
        yield "[dedup]  # the filters have no such step"
        yield "off = true"
    yield ""
    yield "# [decontaminate]  # CHECK: name evaluation sets before you train"
    yield '# refs = ["flores200_dataset/dev", "flores200_dataset/devtest"]'
    yield ""
    yield "[tokenizer]  # CHECK: the folder of the tokenizer of your model; this one is for trials"
    yield 'path = "sample:tokenizers/bpe"'


def _source(draft: SourceDraft, folder: Path) -> Iterator[str]:
    yield ""
    yield from (f"# {note[:1].upper()}{note[1:]}." for note in draft.notes)
    yield from (f"# CHECK: {check}." for check in draft.checks)
    yield from (f"# FILL: {fill}." for fill in draft.fills)
    yield "[[source]]"
    yield f"name = {_value(draft.name)}"
    meaning = _first_line(component_class("readers", draft.reader))
    yield f"reader = {_value(draft.reader)}  # {meaning}"
    yield f"path = {_value(_path(draft.path, folder))}"
    for key, code in (("src_lang", draft.src_lang), ("tgt_lang", draft.tgt_lang)):
        name = FILL if code == FILL else resolve(code).name
        order = "first" if key == "src_lang" else "second"
        yield f"{key} = {_value(code)}  # {name}; the {order} side in the file"
    if draft.options:
        yield f"options = {_value(draft.options)}"


def _path(path: Path, folder: Path) -> str:
    absolute = Path(os.path.abspath(path))
    base = Path(os.path.abspath(folder))
    return str(absolute.relative_to(base) if absolute.is_relative_to(base) else absolute)


def _kind(name: str, options: Mapping[str, Any]) -> type[Component]:
    """The scorer of a table, which may have a name of its own."""
    return component_class("scorers", options.get("scorer", name))


def _rule(rule: dict[str, Any], note: str, tables: Mapping[str, Any]) -> Iterator[str]:
    table, _, column = rule["score"].partition(".")
    scorer = _kind(table, tables[table])
    columns = {**scorer.columns, **scorer.corpus_columns}  # type: ignore[attr-defined]
    yield ""
    if note:
        yield f"# {note}"
    yield f"[[rule]]  # {columns[column]}"
    for key, value in rule.items():
        yield f"{key} = {_value(value)}"


def _stored_rule(sources: Sequence[SourceDraft]) -> Iterator[str]:
    """A rule on the scores that files have, as a comment: their scale is not known."""
    scored = [draft for draft in sources if draft.scores]
    if not scored:
        return
    yield ""
    yield "# CHECK: scores that the files have; their scale differs from corpus to corpus."
    yield from (f"#   {draft.name}: {draft.scores}" for draft in scored)
    yield "# [[rule]]"
    yield '# reason = "low_margin"'
    yield '# score = "stored.margin"'
    yield "# min = 1.06"


def _options(options: dict[str, Any]) -> Iterator[str]:
    for key, value in options.items():
        yield f"{key} = {_value(value)}"


def _value(value: Any) -> str:
    """A value of TOML on one line. Strings of JSON are strings of TOML."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_key(k)} = {_value(v)}" for k, v in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_value, value)) + "]"
    # DEL is plain in JSON, and must be escaped in TOML.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _key(key: str) -> str:
    plain = key.replace("_", "").replace("-", "")
    return key if plain.isascii() and plain.isalnum() else json.dumps(key, ensure_ascii=False)


def _first_line(cls: type) -> str:
    return (cls.__doc__ or "").strip().splitlines()[0]


def languages_of(sources: Sequence[SourceDraft]) -> list[str]:
    """The languages besides English that are known, in order."""
    codes = (code for draft in sources for code in (draft.src_lang, draft.tgt_lang))
    return list(dict.fromkeys(code for code in codes if code not in (ENGLISH, FILL)))

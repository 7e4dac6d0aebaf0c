"""`sealdata score`: a Unix filter that adds scores to TSV."""

import sys
from pathlib import Path
from typing import Any

import click


@click.command()
@click.option("--src-lang", default="eng_Latn", show_default=True, help="Of the first column.")
@click.option("--tgt-lang", required=True, help="Of the second column; any known code.")
@click.option(
    "--recipe", help="Score with the [score] tables of a recipe, all or those of --scorer."
)
@click.option(
    "--scorer",
    "names",
    multiple=True,
    help="lid, laser or any other; may be repeated.  [default: lid, laser; with --recipe all]",
)
@click.option(
    "--encoder",
    default="laser",
    show_default=True,
    help="LASER encoder without --recipe: laser (by language), laser2, sample, or a folder.",
)
@click.option("--header", is_flag=True, help="The first line is names; those of scores are added.")
def score(
    src_lang: str,
    tgt_lang: str,
    recipe: str | None,
    names: tuple[str, ...],
    encoder: str,
    header: bool,
) -> None:
    """Add language-ID and similarity columns to TSV lines: first two columns are the texts.

    Line N of the output is line N of the input; 8,192 lines are scored together. A line without two
    columns in UTF-8, or of more than 16 MiB, comes through with empty scores and is counted at the
    end, on stderr; so are the names of the columns.

    \b
    Example:
        zcat pairs.tsv.gz | sealdata score --tgt-lang tha_Thai > scored.tsv
        sealdata score --src-lang id --tgt-lang en --scorer lid < pairs.tsv
    """
    from sealdata.dataset.filter import LONGEST, LineScorer, Tally

    scorer = LineScorer(_scorers(recipe, names, encoder, (src_lang, tgt_lang)), src_lang, tgt_lang)
    lines, out, tally = sys.stdin.buffer, sys.stdout.buffer, Tally()
    click.echo(f"columns added: {', '.join(scorer.columns)}", err=True)
    if header and (first := lines.readline()):
        names_added = (name.encode() for name in scorer.columns)
        out.write(b"\t".join([first.rstrip(b"\r\n"), *names_added]) + b"\n")
    for block in scorer.blocks(lines, tally):
        out.write(block)
        out.flush()  # whoever reads sees what is done, and what a later line breaks is not lost
    out.flush()
    if tally.bad:
        click.echo(
            f"{tally.bad:,} of {tally.lines:,} lines have no scores: no two columns in UTF-8, or "
            f"more than {LONGEST >> 20} MiB (the first is line {tally.first_bad + header:,})",
            err=True,
        )


def _scorers(
    recipe: str | None, names: tuple[str, ...], encoder: str, langs: tuple[str, str]
) -> dict[str, Any]:
    from sealdata.component import load
    from sealdata.errors import ConfigError
    from sealdata.languages import resolve

    if recipe is not None:
        from sealdata.pipeline.plan import load_plan

        plan = load_plan(recipe)
        known = plan.scorers
        if left := [one for one in plan.corpus_scores() if one.split(".")[0] in (names or known)]:
            told = f"left out: {', '.join(left)}, which needs all pairs of a source, not a line"
            click.echo(told, err=True)
        if unknown := [name for name in names if name not in known]:
            raise ConfigError(f"{recipe} has no [score.{unknown[0]}]; it has {', '.join(known)}")
        chosen = {name: known[name] for name in names or known}
    else:
        where = str(Path(encoder)) if "/" in encoder else encoder
        chosen = {
            name: load("scorers", name, {"encoder": where} if name == "laser" else {})
            for name in names or ("lid", "laser")
        }
    codes = [resolve(code).code for code in langs]
    bound = {name: scorer.for_languages(codes) for name, scorer in chosen.items()}
    for scorer in bound.values():
        scorer.fingerprint()  # a model that is absent is told before anything is read
    return bound

"""`sealdata score`: a Unix filter that adds scores to TSV lines."""

import sys
from pathlib import Path
from typing import Any

import click

from .terminal import echo


@click.command()
@click.option(
    "--src-lang", default="eng_Latn", show_default=True, help="Language of the first column."
)
@click.option("--tgt-lang", required=True, help="Language of the second column; any known code.")
@click.option("--recipe", help="Use the [score] tables of a recipe: all, or those of --scorer.")
@click.option(
    "--scorer",
    "names",
    multiple=True,
    help="A scorer, such as lid; may be repeated.  [default: lid, laser; with --recipe all]",
)
@click.option(
    "--encoder",
    default="laser",
    show_default=True,
    help="LASER encoder if there is no --recipe: laser (by language), laser2, sample, or a folder.",
)
@click.option(
    "--header", is_flag=True, help="The first line has names of columns; names of scores are added."
)
def score(
    src_lang: str,
    tgt_lang: str,
    recipe: str | None,
    names: tuple[str, ...],
    encoder: str,
    header: bool,
) -> None:
    """Add language-ID and similarity columns to TSV lines, whose first two columns are the texts.

    Line N of the output is line N of the input; 8,192 lines are scored together. A line without two
    columns in UTF-8, or longer than 16 MiB, has empty scores. The number of such lines and the
    names of the columns go to stderr.

    \b
    Example:
        zcat pairs.tsv.gz | sealdata score --tgt-lang tha_Thai > scored.tsv
        sealdata score --src-lang id --tgt-lang en --scorer lid < pairs.tsv
    """
    from sealdata.dataset.filter import LONGEST, LineScorer, Tally

    scorer = LineScorer(_scorers(recipe, names, encoder, (src_lang, tgt_lang)), src_lang, tgt_lang)
    lines, out, tally = sys.stdin.buffer, sys.stdout.buffer, Tally()
    echo(f"columns added: {', '.join(scorer.columns)}", err=True)
    if header and (first := lines.readline()):
        names_added = (name.encode() for name in scorer.columns)
        out.write(b"\t".join([first.rstrip(b"\r\n"), *names_added]) + b"\n")
    for block in scorer.blocks(lines, tally):
        out.write(block)
        out.flush()  # a reader sees finished lines, and a later error does not lose them
    out.flush()
    if tally.bad:
        echo(
            f"{tally.bad:,} of {tally.lines:,} lines have no scores: not two columns in UTF-8, or "
            f"more than {LONGEST >> 20} MiB (the first is line {tally.first_bad + header:,})",
            err=True,
        )


def _scorers(
    recipe: str | None, names: tuple[str, ...], encoder: str, langs: tuple[str, str]
) -> dict[str, Any]:
    from sealdata.errors import ConfigError
    from sealdata.languages import resolve
    from sealdata.pipeline.score_pairs import DEFAULT_SCORERS, bind, notes, open_scorers

    codes = [resolve(code).code for code in langs]
    if recipe is not None:
        from sealdata.pipeline.plan import load_plan

        plan = load_plan(recipe)
        scorers = plan.scorers
        if left := [
            score_name
            for score_name in plan.corpus_scores()
            if score_name.split(".")[0] in (names or scorers)
        ]:
            message = f"left out: {', '.join(left)}, which needs all pairs of a source"
            echo(message, err=True)
        if unknown := [name for name in names if name not in scorers]:
            raise ConfigError(f"{recipe} has no [score.{unknown[0]}]; it has {', '.join(scorers)}")
        chosen = {name: scorers[name] for name in names or scorers}
        bound = bind(chosen, codes)
    else:
        where = str(Path(encoder)) if "/" in encoder else encoder
        parameters = {"laser": {"encoder": where}}
        bound = open_scorers(
            {name: parameters.get(name, {}) for name in names or DEFAULT_SCORERS}, codes
        )
    for note in notes(bound):
        echo(f"NOTE: {note}", err=True)
    return bound

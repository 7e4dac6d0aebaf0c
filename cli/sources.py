"""Upstream corpora: `sealdata sources list`, `fetch`, `path`."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .options import AS_JSON, progress_options
from .terminal import echo

if TYPE_CHECKING:
    from sealdata.workflow.progress import ProgressOptions


PAIRS = click.option(
    "--pair",
    "pairs",
    multiple=True,
    help="Only this pair, such as eng_Latn-jav_Latn or en-jv, or another download of the card; "
    "may be repeated.",
)
UPSTREAM = click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    envvar="SEALDATA_DATA",
    default="data",
    show_default=True,
    help="Folder of all corpora, with files at OUT/NAME/FILE.  [environment: SEALDATA_DATA]",
)


@click.group()
def sources() -> None:
    """List and fetch the corpora that have a data card.

    \b
    Example:
        sealdata sources list nllb-opus
        sealdata sources fetch nllb-opus --pair en-jv --out /data/upstream
    """


@sources.command("list")
@click.argument("name", required=False)
@AS_JSON
def list_sources(name: str | None, as_json: bool) -> None:
    """List all corpora with licence and size, or print the card of NAME.

    \b
    Example:
        sealdata sources list scb-mt-en-th-2020
    """
    import json

    from sealdata.fetch.corpora import catalogue
    from sealdata.fetch.corpus_cards import read_corpus_card

    from .show_sources import show_source, show_sources

    cards = {name: read_corpus_card(name)} if name else catalogue()
    if as_json:
        facts = {name: card.model_dump(mode="json") for name, card in cards.items()}
        echo(json.dumps(facts, ensure_ascii=False, indent=1))
    elif name:
        show_source(name, cards[name])
    else:
        show_sources(cards)


@sources.command("fetch")
@click.argument("name")
@PAIRS
@UPSTREAM
@click.option(
    "--tokens",
    metavar="FIRST:STOP",
    help="Only these tokens of a file of token ids, counted from 0, such as 0:100_000_000.",
)
@click.option("--unpack", is_flag=True, help="Unpack each archive into a folder next to it.")
@click.option("--dry-run", is_flag=True, help="Print what would be fetched, and stop.")
@progress_options
def fetch_source(
    name: str,
    pairs: tuple[str, ...],
    out: Path,
    tokens: str | None,
    unpack: bool,
    dry_run: bool,
    shown: "ProgressOptions",
) -> None:
    """Fetch the corpus NAME; after an interruption, run the same command again to continue.

    Digests that the card states are checked. The digests of other files are recorded, and must be
    the same if they are fetched again.

    \b
    Example:
        sealdata sources fetch nllb-opus --pair eng_Latn-jav_Latn --out /data/upstream
        sealdata sources fetch olmo-mix-1124 --pair wiki-tokens-0 --tokens 0:100_000_000 --out data
    """
    from sealdata.fetch.corpora import choose, corpus_path, fetch, of_tokens
    from sealdata.fetch.unpack import is_archive
    from sealdata.fetch.unpack import unpack as unpack_archive

    from .show_sources import fetch_progress

    for key, item in choose(name, pairs).items():
        item = of_tokens(key, item, tokens) if tokens else item
        path = corpus_path(name, item, out)
        if dry_run:
            echo(f"{item.url}\n  -> {path}")
            continue
        with fetch_progress(shown) as report:
            fetched = fetch(name, item, out, report)
        echo(f"{path}  sha256 {fetched.sha256}{'' if fetched.fresh else '  (was there)'}")
        if unpack and is_archive(path):
            echo(f"{unpack_archive(path)}{os.sep}")


@sources.command("path")
@click.argument("name")
@PAIRS
@UPSTREAM
def source_path(name: str, pairs: tuple[str, ...], out: Path) -> None:
    """Print the paths of the files of the corpus NAME, one a line; exit with 1 if one is absent.

    \b
    Example:
        sealdata sources path nllb-opus --pair en-jv --out /data/upstream
    """
    from sealdata.fetch.corpora import find

    for path in find(name, pairs, out):
        echo(path)

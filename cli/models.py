"""Pretrained models: `sealdata models list`, `fetch`, `path`, `convert`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from .options import AS_JSON, progress_options
from .terminal import echo

if TYPE_CHECKING:
    from sealdata.workflow.progress import ProgressOptions


@click.group()
def models() -> None:
    """List and fetch pretrained models.

    Fetched models go to the user's cache folder, or to the folder in the environment variable
    SEALDATA_MODELS.

    \b
    Example:
        sealdata models list
        sealdata models fetch laser2 laser3-jav_Latn
    """


@models.command("list")
@click.argument("name", required=False)
@AS_JSON
def list_models(name: str | None, as_json: bool) -> None:
    """List all models with licence and size, and which are on this machine; or describe NAME.

    \b
    Example:
        sealdata models list glotlid-v3
    """
    from sealdata.fetch.models.catalogue import catalogue, model_card

    from .show_models import models_as_json, show_model, show_models

    cards = {name: model_card(name)} if name else catalogue()
    if as_json:
        echo(models_as_json(cards))
    elif name:
        show_model(cards[name])
    else:
        show_models(cards)


@models.command("fetch")
@click.argument("names", nargs=-1, required=True)
@click.option(
    "--accept-license",
    "accept",
    is_flag=True,
    help="Accept a licence that forbids common uses.",
)
@progress_options
def fetch_models(names: tuple[str, ...], accept: bool, shown: "ProgressOptions") -> None:
    """Fetch the models NAMES; after an interruption, run the same command again to continue.

    The licence is shown first. Sizes and digests that the publisher states are checked. The digests
    of other files are recorded and must not change afterwards.

    \b
    Example:
        sealdata models fetch lid218e --accept-license
    """
    from sealdata.fetch.models.catalogue import model_card
    from sealdata.fetch.models.store import fetch

    from .show_models import show_terms
    from .show_sources import fetch_progress

    cards = [model_card(name) for name in names]
    for card in cards:
        show_terms(card)
        with fetch_progress(shown) as report:
            paths = fetch(card.name, accept, report)
        for path in paths.values():
            echo(path)


@models.command("path")
@click.argument("name")
def model_path(name: str) -> None:
    """Print the paths of the files of the model NAME, one a line; exit with 1 if one is absent.

    \b
    Example:
        sealdata models path lid176-ftz
    """
    from sealdata.fetch.models.store import find

    for path in find(name).values():
        echo(path)


@models.command("convert")
@click.argument("checkpoints", nargs=-1, required=True, type=click.Path(path_type=Path))
def convert_models(checkpoints: tuple[Path, ...]) -> None:
    """Convert LASER checkpoints (*.pt) to safetensors, which cannot contain code.

    The new files lie in the same folder and are read from then on; where pickle is not allowed,
    copy only them. Embeddings keep their bytes. Because the digest changes, pairs are scored again.

    \b
    Example:
        sealdata models convert my-encoder/laser3-tha_Thai.v1.pt
        sealdata models convert $(sealdata models path laser2 | grep pt$)
    """
    from sealdata.encoders.checkpoint import convert

    for path in checkpoints:
        echo(convert(path))

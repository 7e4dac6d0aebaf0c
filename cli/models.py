"""Pretrained models: `sealdata models list`, `fetch`, `path`, `convert`."""

from pathlib import Path

import click

from .options import AS_JSON


@click.group()
def models() -> None:
    """The pretrained models there are: what they know, their licences, and where they lie.

    Fetched models go to the user's cache folder, or to the folder that the environment variable
    SEALDATA_MODELS names.

    \b
    Example:
        sealdata models list
        sealdata models fetch laser2 laser3-jav_Latn
    """


@models.command("list")
@click.argument("name", required=False)
@AS_JSON
def list_models(name: str | None, as_json: bool) -> None:
    """All models with licence and size, and which are on this machine; or all about NAME.

    \b
    Example:
        sealdata models list glotlid-v3
    """
    from sealdata.fetch.models.catalogue import catalogue, model_card

    from .show_models import models_as_json, show_model, show_models

    cards = {name: model_card(name)} if name else catalogue()
    if as_json:
        click.echo(models_as_json(cards))
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
    help="Say yes to a licence that forbids common uses.",
)
def fetch_models(names: tuple[str, ...], accept: bool) -> None:
    """Fetch the models NAMES; interrupted, the same command goes on where it stopped.

    The licence is shown first. Sizes and digests that the publisher states are checked; of other
    files the digest is noted beside them, and must be the same ever after.

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
        with fetch_progress() as report:
            paths = fetch(card.name, accept, report)
        for path in paths.values():
            click.echo(path)


@models.command("path")
@click.argument("name")
def model_path(name: str) -> None:
    """Print where the files of the model NAME lie, one a line; exits with 1 if they are not there.

    \b
    Example:
        sealdata models path lid176-ftz
    """
    from sealdata.fetch.models.store import find

    for path in find(name).values():
        click.echo(path)


@models.command("convert")
@click.argument("checkpoints", nargs=-1, required=True, type=click.Path(path_type=Path))
def convert_models(checkpoints: tuple[Path, ...]) -> None:
    """Write LASER checkpoints (*.pt) beside themselves as safetensors, which can hold no code.

    The embeddings stay the same bytes. From then on the safetensors are read; copy them alone to
    where no pickle may go. They are another file by their digest, so pairs are scored anew.

    \b
    Example:
        sealdata models convert my-encoder/laser3-tha_Thai.v1.pt
        sealdata models convert $(sealdata models path laser2 | grep pt$)
    """
    from sealdata.laser.checkpoint import convert

    for path in checkpoints:
        click.echo(convert(path))

"""The folder of models on this machine: finding models and fetching them."""

import os
from collections.abc import Iterable
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from sealdata.errors import ConfigError, DataError
from sealdata.fetch.files import Download, Report, checked_digest, fetch_unpacked, unpacked_name
from sealdata.fetch.models.catalogue import ModelCard, catalogue, model_card
from sealdata.files.records import file_sha256

FOLDER = "SEALDATA_MODELS"  # environment variable for another folder


def models_folder() -> Path:
    """``$SEALDATA_MODELS``, or ``sealdata/models`` in the user's cache folder."""
    # Read at each call, so that a test or a program can change it.
    named = os.environ.get(FOLDER)
    if named:
        return Path(named)
    import platformdirs

    return platformdirs.user_cache_path("sealdata") / "models"


def find(name: str) -> dict[str, Path]:
    """The files of a model of the catalogue by role: ``model``, or ``checkpoint``, ``spm`` and
    ``vocabulary``.

    Raises:
        ConfigError: there is no such model.
        DataError: it is not on this machine; the message has the command that fetches it.
    """
    card = model_card(name)
    paths = {role: _path(item) for role, item in card.files.items()}
    # All files or none: a checkpoint with the vocabulary of another model would encode nonsense.
    missing = [path for path in paths.values() if not path.is_file()]
    if not missing:
        return paths
    # After the folder: a file that the user has put there has precedence.
    if card.bundled and (bundled := _bundled(card)):
        return {"model": bundled}
    # Nothing is downloaded unasked: the user may have to accept a licence first.
    raise DataError(
        f"model {name} is not on this machine (no {missing[0]}): run `sealdata models fetch "
        f"{name}{' --accept-license' if card.accept else ''}`, licence {card.licence}"
        f"{_stand_in(card)}"
    )


def find_all(names: Iterable[str]) -> None:
    """Check that all these models are on this machine; names that the catalogue lacks are paths.

    Raises:
        DataError: some are absent; one message with one command for all of them.
    """
    # Repeats are removed and the order of the recipe is kept.
    cards = [catalogue()[name] for name in dict.fromkeys(names) if name in catalogue()]
    absent = [card for card in cards if not present(card)]
    # The message for one model is more exact, as it names the missing file.
    if len(absent) == 1:
        find(absent[0].name)
    elif absent:
        named = [card.name for card in absent]
        # One command fetches all of them, so it carries the option if any model needs it.
        accept = " --accept-license" if any(card.accept for card in absent) else ""
        licences = dict.fromkeys(card.licence for card in absent)
        raise DataError(
            f"models {', '.join(named)} are not on this machine ({models_folder()}): run "
            f"`sealdata models fetch {' '.join(named)}{accept}`, licence {', '.join(licences)}"
            f"{_stand_in(absent[0])}"
        )


def present(card: ModelCard) -> bool:
    """Whether all files of a model are on this machine."""
    try:
        # The card is of the catalogue, so the only error is that a file is absent.
        find(card.name)
    except DataError:
        return False
    return True


def find_model(name_or_path: str) -> Path:
    """The file of a one-file model: a name of the catalogue, or the path of any other file.

    Raises:
        DataError: it is not on this machine.
    """
    # A name of the catalogue wins; ``./NAME`` reaches a file that is called the same.
    if name_or_path in catalogue():
        return find(name_or_path)["model"]
    path = Path(name_or_path)
    if not path.is_file():
        raise DataError(
            f"no model at {path}: give the path of a file, or a name that `sealdata models list` "
            "shows"
        )
    return path


@cache
def digest(path: Path) -> str:
    """SHA-256 of a model file (hex), computed once per process.

    In the folder of models it must be the digest that was recorded at the first use of the file.

    Raises:
        DataError: it is another one, or the file cannot be read.
    """
    # A file elsewhere is the user's own: nothing is written next to it.
    return checked_digest(path) if path.parent == models_folder() else file_sha256(path)


def fetch(
    name: str, accept: bool = False, report: Report = lambda file, done, total: None
) -> dict[str, Path]:
    """Fetch all files of a model to the folder of models; files that are there are only checked.

    Raises:
        ConfigError: no such model, or its licence must be accepted first.
        DataError: see ``fetch_file``.
    """
    card = model_card(name)
    # A model that is present was accepted once, or was put there by hand.
    if card.accept and not accept and not present(card):
        raise ConfigError(
            f"{name} is under {card.terms}: read it, and run again with --accept-license"
        )
    # All files are kept, also those that arrived before one fails: the next call resumes.
    paths = {role: _path(item) for role, item in card.files.items()}
    for role, path in paths.items():
        # Files that several models share have one name in one folder, so they are fetched once.
        fetch_unpacked(card.files[role], path, report)
    return paths


def _path(item: Download) -> Path:
    return models_folder() / unpacked_name(item)


def _bundled(card: ModelCard) -> Path | None:
    """The file in an installed package, which is not imported because that is slow."""
    package, _, inner = card.bundled.partition("/")
    # None also where an optional package is not installed.
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        return None
    # A package may drop the file in a later release, so its presence is checked.
    path = Path(spec.submodule_search_locations[0]) / inner
    return path if path.is_file() else None


def _stand_in(card: ModelCard) -> str:
    # Bundled with the package, so that a first try needs no download.
    if card.stand_in == "sample":
        return "; the bundled encoder `sample` can replace it, for trying things out only"
    if card.stand_in:
        return f"; the bundled {card.stand_in} can replace it, less accurately"
    return ""

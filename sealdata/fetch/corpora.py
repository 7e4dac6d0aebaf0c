"""The catalogue of upstream corpora, read from their data cards, and fetching from it."""

import re
from collections.abc import Iterable
from pathlib import Path

from sealdata.errors import ConfigError, DataError
from sealdata.fetch.corpus_cards import SourceCard, card_names, read_card
from sealdata.fetch.files import Download, Fetched, Report, fetch_file
from sealdata.languages import resolve


def catalogue() -> dict[str, SourceCard]:
    """All cards by name."""
    return {name: read_card(name) for name in card_names()}


def choose(name: str, wanted: Iterable[str] = ()) -> dict[str, Download]:
    """The downloads of a corpus by key: all, or those ``wanted``.

    A pair may be written in either order and with any known codes: ``jv-en`` finds
    ``eng_Latn-jav_Latn``.

    Raises:
        ConfigError: no such corpus, none of its files can be fetched, or not the one wanted.
    """
    known = read_card(name).downloads
    if not known:
        raise ConfigError(f"{name} has nothing to fetch; see data_cards/{name}.md")
    by_pair = {_as_pair(key): key for key in known}
    keys = []
    for text in wanted:
        key = text if text in known else by_pair.get(_as_pair(text))
        if key is None:
            raise ConfigError(f"{name} has no download {text!r}; known: {', '.join(known)}")
        keys.append(key)
    return {key: known[key] for key in dict.fromkeys(keys or known)}


def of_tokens(key: str, item: Download, text: str) -> Download:
    """The part ``FIRST:STOP`` of a file of token ids, counted from 0, STOP not included.

    Raises:
        ConfigError: no such file, or no such part.
    """
    if item.dtype is None:
        raise ConfigError(f"--tokens: {key} is no file of token ids; fetch all of it")
    match = re.fullmatch(r"([\d_]+):([\d_]+)", text)
    first, stop = (int(number.replace("_", "")) for number in match.groups()) if match else (0, 0)
    if first >= stop:
        raise ConfigError(
            f"--tokens {text}: a first token and a later one are wanted, such as 0:100_000_000"
        )
    return item.model_copy(update={"tokens": (first, stop)})


def place(name: str, item: Download, out: Path) -> Path:
    """Where a file of the corpus ``name`` goes: ``OUT/NAME/FILE``."""
    return out / name / item.name


def find(name: str, wanted: Iterable[str], out: Path) -> list[Path]:
    """The files of a corpus on this machine: all that its card names, or those ``wanted``.

    Raises:
        ConfigError: no such corpus, or not the download wanted.
        DataError: one is not there; the message says how it gets there.
    """
    wanted = list(wanted)
    paths = {key: place(name, item, out) for key, item in choose(name, wanted).items()}
    for key, path in paths.items():
        if not path.is_file():
            only = f" --pair {key}" if wanted or len(paths) > 1 else ""
            raise DataError(
                f"{path} is not there: run `sealdata sources fetch {name}{only} --out {out}`"
            )
    return list(paths.values())


def fetch(
    name: str, item: Download, out: Path, report: Report = lambda file, done, total: None
) -> Fetched:
    """Bring one file of a corpus to its place, or find that it is there and unchanged.

    Raises:
        DataError: see ``fetch_file``.
    """
    return fetch_file(item, place(name, item, out), report)


def _as_pair(text: str) -> frozenset[str] | str:
    """The two languages of a pair, whatever their codes and order; other text as it is."""
    try:
        first, second = text.split("-")
        return frozenset({resolve(first).code, resolve(second).code})
    except (ValueError, ConfigError):
        return text

"""Upstream corpora: the catalogue, read from their data cards, and fetching from it."""

import re
from collections.abc import Iterable
from pathlib import Path

from sealdata.errors import ConfigError, DataError
from sealdata.fetch.corpus_cards import CorpusCard, corpus_card_names, read_corpus_card
from sealdata.fetch.files import Download, Fetched, Report, fetch_file
from sealdata.languages import find_pair


def catalogue() -> dict[str, CorpusCard]:
    """All cards by name."""
    return {name: read_corpus_card(name) for name in corpus_card_names()}


def choose(name: str, names: Iterable[str] = ()) -> dict[str, Download]:
    """The downloads of a corpus by key: all, or those of ``names``.

    A pair may be written in either order and with any known codes: ``jv-en`` finds
    ``eng_Latn-jav_Latn``.

    Raises:
        ConfigError: no such corpus, or it has no downloads, or none of that name.
    """
    downloads = read_corpus_card(name).downloads
    if not downloads:
        raise ConfigError(f"{name} has nothing to fetch; see data_cards/{name}.md")
    by_pair = {_as_pair(key): key for key in downloads}
    keys = []
    for text in names:
        key = text if text in downloads else by_pair.get(_as_pair(text))
        if key is None:
            raise ConfigError(f"{name} has no download {text!r}; known: {', '.join(downloads)}")
        keys.append(key)
    return {key: downloads[key] for key in dict.fromkeys(keys or downloads)}


def of_tokens(key: str, item: Download, text: str) -> Download:
    """The part ``FIRST:STOP`` of a file of token ids, counted from 0, without STOP.

    Raises:
        ConfigError: the file does not hold token ids, or ``text`` is not such a part.
    """
    if item.dtype is None:
        raise ConfigError(f"--tokens: {key} is not a file of token ids; fetch all of it")
    match = re.fullmatch(r"([\d_]+):([\d_]+)", text)
    first, stop = (int(number.replace("_", "")) for number in match.groups()) if match else (0, 0)
    if first >= stop:
        raise ConfigError(
            f"--tokens {text}: name a first token and a later one, such as 0:100_000_000"
        )
    return item.model_copy(update={"tokens": (first, stop)})


def corpus_path(name: str, item: Download, out: Path) -> Path:
    """Where a file of the corpus ``name`` goes: ``OUT/NAME/FILE``."""
    return out / name / item.name


def find(name: str, keys: Iterable[str], out: Path) -> list[Path]:
    """The files of a corpus on this machine: all of its card, or those of ``keys``.

    Raises:
        ConfigError: no such corpus or download.
        DataError: a file is absent; the message has the command that fetches it.
    """
    keys = list(keys)
    paths = {key: corpus_path(name, item, out) for key, item in choose(name, keys).items()}
    for key, path in paths.items():
        if not path.is_file():
            only = f" --pair {key}" if keys or len(paths) > 1 else ""
            raise DataError(
                f"{path} is absent: run `sealdata sources fetch {name}{only} --out {out}`"
            )
    return list(paths.values())


def fetch(
    name: str, item: Download, out: Path, report: Report = lambda file, done, total: None
) -> Fetched:
    """Bring one file of a corpus to its place, or find that it is there and unchanged.

    Raises:
        DataError: see ``fetch_file``.
    """
    return fetch_file(item, corpus_path(name, item, out), report)


def _as_pair(text: str) -> frozenset[str] | str:
    """The two languages of a pair, whatever their codes and order; other text as it is."""
    pair = find_pair(text)
    return frozenset(language.code for language in pair) if pair else text

"""The catalogue of upstream corpora, read from their data cards, and fetching from it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from sealdata.download import download
from sealdata.errors import ConfigError, DataError
from sealdata.languages import resolve
from sealdata.manifest import file_sha256, read_json, write_json
from sealdata.report.cards import Download, SourceCard, card_names, read_card

Report = Callable[[str, int, int | None], None]  # file name, bytes there, bytes in all


@dataclass(frozen=True)
class Fetched:
    """One file of a corpus on disk; ``fresh`` is false where it was there already."""

    path: Path
    sha256: str
    fresh: bool


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


def place(name: str, item: Download, out: Path) -> Path:
    """Where a file of the corpus ``name`` goes: ``OUT/NAME/FILE``."""
    return out / name / item.name


def fetch(
    name: str, item: Download, out: Path, report: Report = lambda file, done, total: None
) -> Fetched:
    """Bring one file of a corpus to its place, or find that it is there and unchanged.

    Its digest is compared with that of the card. Where the card has none, the first fetch notes
    it in ``FILE.sha256.json``, and every later one must give the same.

    Raises:
        DataError: see ``download``; or the file differs from what was fetched before.
    """
    path = place(name, item, out)
    note = path.with_name(f"{path.name}.sha256.json")
    expected = item.sha256 or (_noted(note) if note.exists() else "")
    fresh = not path.exists()
    if fresh:
        digest = download(
            item.url,
            path,
            lambda done, total: report(path.name, done, total),
            sha256=expected,
            size=item.size,
        )
    else:
        digest = file_sha256(path)
        if expected and digest != expected:
            raise DataError(
                f"{path} has sha256 {digest}, not {expected}; delete it to fetch it again"
            )
    facts = {"url": item.url, "size": path.stat().st_size, "sha256": digest}
    write_json(note, facts | {"published": bool(item.sha256)})
    return Fetched(path, digest, fresh)


def _noted(note: Path) -> str:
    facts = read_json(note)
    digest = facts.get("sha256") if isinstance(facts, dict) else None
    if not isinstance(digest, str):
        raise DataError(f"{note} holds no sha256; delete it to accept the file as it now is")
    return digest


def _as_pair(text: str) -> frozenset[str] | str:
    """The two languages of a pair, whatever their codes and order; other text as it is."""
    try:
        first, second = text.split("-")
        return frozenset({resolve(first).code, resolve(second).code})
    except (ValueError, ConfigError):
        return text

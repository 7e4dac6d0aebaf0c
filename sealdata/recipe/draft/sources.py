"""The sources that files make: which files belong together, and how each is read."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from sealdata.errors import ConfigError, DataError
from sealdata.files.hidden import visible
from sealdata.languages import ENGLISH
from sealdata.recipe.draft.formats import Format, NoPairsError, detect
from sealdata.recipe.draft.names import alike_but_for_language, bare, by_language, pair_in
from sealdata.recipe.draft.sample import FILL, SourceDraft, likeliest, read_beginning

_LICENCE = re.compile(r"(?i)(licen[cs]e|copying|readme).*")
_ENDINGS = re.compile(r"(?i)\.(txt|tsv|csv|jsonl?|ndjson|parquet|tmx)$")
_NO_DATA = (".toml", ".md", ".py", ".html", ".pdf")  # files that lie next to corpora


@dataclass(frozen=True)
class LeftOut:
    """A file that makes no source, and why."""

    path: Path
    reason: str


class _Found:
    """Sources and files left out, as they are found."""

    def __init__(self) -> None:
        self.sources: list[SourceDraft] = []
        self.left_out: list[LeftOut] = []

    def add(self, fmt: Format, path: Path, pair: tuple[str, str] | None, name: str = "") -> None:
        """Read the beginning of a source, and add it; a source that cannot be read is left out."""
        draft = SourceDraft(
            name=_source_name(name or path.name),
            reader=fmt.reader,
            path=path,
            src_lang=pair[0] if pair else FILL,
            tgt_lang=pair[1] if pair else FILL,
            options=dict(fmt.options),
            notes=list(fmt.notes),
        )
        if fmt.columns:
            _choose_columns(draft, fmt.columns)
        try:
            read_beginning(draft)
        except DataError as error:
            self.left_out.append(LeftOut(path, str(error)))
            return
        _note_licence(draft)
        self.sources.append(draft)


def find_sources(paths: Sequence[Path]) -> tuple[list[SourceDraft], list[LeftOut]]:
    """The sources in files and folders, in the order of their names, and the files left out.

    Raises:
        ConfigError: a path does not exist.
    """
    drafts = _Found()
    files = []
    # A folder and a file in it may both be named.
    for file in dict.fromkeys(_files(paths)):
        if not _is_utf8(file):
            drafts.left_out.append(LeftOut(file, "its name is not UTF-8; rename it"))
        elif not _is_no_data(file):
            files.append(file)
    for start, group in by_language(files).items():
        scores = [file for file in files if bare(file.name) == f"{start.name}.scores"]
        files = [file for file in files if file not in (*group.values(), *scores)]
        for other in sorted(set(group) - {ENGLISH}):
            note = f"aligned files: {group[ENGLISH].name} and {group[other].name}"
            drafts.add(Format("moses", notes=(note,)), start, (ENGLISH, other))
    for pattern, group in alike_but_for_language(files).items():
        if not _has_ids(group[ENGLISH]):
            continue
        files = [file for file in files if file not in group.values()]
        for other in sorted(set(group) - {ENGLISH}):
            fmt = Format("joined", {"tgt_file": group[other].name}, notes=("joined by ids",))
            name = Path(pattern).name.replace("*", "")
            drafts.add(fmt, group[ENGLISH], (ENGLISH, other), name)
    for file in files:
        _add_file(file, drafts)
    _name_apart(drafts.sources)
    return sorted(drafts.sources, key=lambda source: source.name), drafts.left_out


def _add_file(file: Path, drafts: _Found) -> None:
    try:
        fmt = detect(file)
    except DataError as error:
        drafts.left_out.append(LeftOut(file, str(error).removeprefix(f"{file} ")))
        return
    others = [code for code in fmt.languages if code != ENGLISH]
    if not others:
        drafts.add(fmt, file, pair_in(file.name))
    for other in others:
        drafts.add(fmt, file, (ENGLISH, other))


def _files(paths: Sequence[Path]) -> Iterable[Path]:
    for path in paths:
        if path.is_dir():
            inside = (file for file in path.rglob("*") if file.is_file())
            yield from visible(sorted(inside), path)
        elif path.is_file():
            yield path
        else:
            raise ConfigError(f"{path} does not exist; name a file or a folder of files")


def _is_no_data(file: Path) -> bool:
    return _LICENCE.fullmatch(file.name) is not None or file.suffix.lower() in _NO_DATA


def _is_utf8(file: Path) -> bool:
    try:
        str(file).encode()
    except UnicodeEncodeError:
        return False
    return True


def _has_ids(file: Path) -> bool:
    """Whether the file has lines of an id and a text."""
    try:
        detect(file)
    except NoPairsError as error:
        return error.has_ids
    except DataError:
        return False
    return False


def _source_name(name: str) -> str:
    stem = _ENDINGS.sub("", bare(name))
    return re.sub(r"[^A-Za-z0-9._-]+", "-", stem).strip("-._") or "source"


def _choose_columns(draft: SourceDraft, columns: dict[str, list[str]]) -> None:
    """The columns of text by their languages; the English one comes first."""
    languages = {
        name: likeliest(pl.Series(texts, dtype=pl.String)) for name, texts in columns.items()
    }
    sure = {name: code for name, (code, share) in languages.items() if code and share > 0.5}
    english = [name for name, code in sure.items() if code == ENGLISH]
    others = [name for name, code in sure.items() if code != ENGLISH]
    if len(english) != 1 or len(others) != 1:
        draft.fills.append(f"the columns of both sides; there are: {', '.join(columns)}")
        chosen = [FILL, FILL]
    else:
        chosen = [english[0], others[0]]
        draft.checks.append(f"columns {chosen[0]!r} and {chosen[1]!r} were chosen by language ID")
    if draft.reader == "csv":
        draft.options["columns"] = chosen
    else:
        draft.options |= {"src_column": chosen[0], "tgt_column": chosen[1]}


def _note_licence(draft: SourceDraft) -> None:
    folder = draft.path.parent
    names = sorted(file.name for file in folder.iterdir() if _LICENCE.fullmatch(file.name))
    if names:
        draft.notes.append(f"about its licence: {', '.join(names)} in the same folder")
    elif not any("in the archive" in note for note in draft.notes):
        draft.notes.append("no licence file in its folder")


def _name_apart(sources: list[SourceDraft]) -> None:
    """Names that are used once; those of sources of the same file end in their languages."""
    counts = Counter(source.name for source in sources)
    for source in sources:
        if counts[source.name] > 1:
            other = source.tgt_lang if source.src_lang == ENGLISH else source.src_lang
            source.name = f"{source.name}-{other}"
    seen: Counter[str] = Counter()
    for source in sources:
        seen[source.name] += 1
        if seen[source.name] > 1:
            source.name = f"{source.name}-{seen[source.name]}"

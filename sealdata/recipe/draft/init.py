"""A recipe from files: looked at, written, and read back."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sealdata.errors import ConfigError, DataError
from sealdata.files.records import write_atomic
from sealdata.recipe.draft.filters import read_filters
from sealdata.recipe.draft.sample import SourceDraft
from sealdata.recipe.draft.sources import LeftOut, find_sources
from sealdata.recipe.draft.write import FilterDraft, default_filters, languages_of, write_draft
from sealdata.recipe.reading import read_recipe


@dataclass(frozen=True)
class Drafted:
    """A recipe that was written, and what it was made of."""

    path: Path
    sources: list[SourceDraft]
    left_out: list[LeftOut]
    filters: FilterDraft

    @property
    def fills(self) -> list[str]:
        """What a person must write before a build, by source."""
        return [f"{draft.name}: {fill}" for draft in self.sources for fill in draft.fills]

    @property
    def checks(self) -> list[str]:
        """What rests on a guess, by source."""
        return [f"{draft.name}: {check}" for draft in self.sources for check in draft.checks]


def init_recipe(
    paths: Sequence[Path], out: Path, name: str | None = None, filters_file: Path | None = None
) -> Drafted:
    """Write the recipe of the corpora in ``paths`` to ``out``.

    ``filters_file``: filters of OpusCleaner or OpusFilter, which become its rules.

    Raises:
        ConfigError: ``out`` is there already, or a path is not.
        DataError: no file holds pairs with English, or ``filters_file`` cannot be read.
    """
    if out.exists():
        raise ConfigError(f"{out} is there already; choose another --out, or move it")
    if not paths:
        raise ConfigError("name the files of your corpora, or their folder")
    sources, left_out = find_sources(paths)
    if not sources:
        reasons = "; ".join(f"{file.path.name}: {file.reason}" for file in left_out[:3])
        raise DataError(f"no file holds pairs with English ({reasons or 'there is no file'})")
    if filters_file:
        filters = read_filters(filters_file, (sources[0].src_lang, sources[0].tgt_lang))
    else:
        filters = default_filters(languages_of(sources))
    stem = re.sub(r"[^A-Za-z0-9._-]+", "-", name or out.stem).strip("-._") or "corpus"
    text = write_draft(stem, sources, left_out, filters, out.parent)
    write_atomic(out, lambda temporary: temporary.write_text(text, encoding="utf-8"))
    drafted = Drafted(out, sources, left_out, filters)
    if not drafted.fills:
        read_recipe(str(out))  # a draft that no build can read would be our own fault
    return drafted

"""Small builds with several sources, for the gates that look across them."""

from pathlib import Path

import polars as pl
import pytest

from sealdata.build_manifest import BuildManifest
from sealdata.dataset.build import build
from sealdata.pipeline.plan import load_plan
from sealdata.workflow.engines.local import LocalEngine
from sealdata.workflow.protocols import NoProgress

HEAD = """
name = "small"
part_rows = {part_rows}
{sources}
[score.length]
[[rule]]
reason = "too_short"
score = "length.src_chars"
min = 2
{gates}
[validation]
share = 0
[tokenizer]
path = "sample:tokenizers/bpe"
[pack]
sequence_length = 256
block_length = 16384
"""
SOURCE = """
[[source]]
name = "{name}"
reader = "tsv"
path = "{name}.tsv"
src_lang = "eng_Latn"
tgt_lang = "{lang}"
options = {{ layout = "pairs" }}
"""


class SmallBuild:
    """``sources`` maps (name, language) to pairs; ``gates`` is TOML."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.out = folder / "out"

    def __call__(
        self,
        sources: dict[tuple[str, str], list[tuple[str, str]]],
        gates: str = "",
        part_rows: int = 3,
        workers: int = 1,
    ) -> BuildManifest:
        for (name, _), pairs in sources.items():
            text = "".join(f"{src}\t{tgt}\n" for src, tgt in pairs)
            (self.folder / f"{name}.tsv").write_bytes(text.encode())
        recipe = self.folder / "small.toml"
        tables = "".join(SOURCE.format(name=name, lang=lang) for name, lang in sources)
        recipe.write_text(HEAD.format(part_rows=part_rows, sources=tables, gates=gates), "utf-8")
        with LocalEngine(workers) as engine:
            plan, allow = load_plan(str(recipe)), ("nothing-kept",)
            return build(plan, self.out, engine, NoProgress(), allow=allow).manifest

    def rows(self, folder: str) -> pl.DataFrame:
        """The rows of ``pairs`` or ``dropped``, in order of source and row."""
        files = sorted((self.out / folder).rglob("*.parquet"))
        frames = [pl.read_parquet(file) for file in files]
        return pl.concat(frames, how="diagonal") if frames else pl.DataFrame()

    def reasons(self) -> dict[tuple[str, int], str]:
        """(source, row) -> first reason, of all dropped pairs."""
        dropped = self.rows("dropped")
        if not dropped.height:
            return {}
        return {
            (source, row): reason
            for source, row, reason in dropped.select("source", "row", "reason").iter_rows()
        }


@pytest.fixture
def small_build(tmp_path) -> SmallBuild:
    return SmallBuild(tmp_path)

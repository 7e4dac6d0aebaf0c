"""Building a recipe from Python, and a finished build as frames."""

import multiprocessing
import os
import warnings
from collections.abc import Callable, Collection
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import polars as pl

from sealdata.build_manifest import BuildManifest, Finding, pair_name, read_build_manifest
from sealdata.dataset.compare import Comparison, compare
from sealdata.errors import ConfigError
from sealdata.files.parquet import scan
from sealdata.filter_stages import STAGE_NAMES
from sealdata.languages import resolve
from sealdata.notebook.recipes import plan_of
from sealdata.recipe.tables import Recipe
from sealdata.report.schema import AuditFacts, Counts

if TYPE_CHECKING:
    from sealdata.workflow.progress import Mode, ProgressOptions


def build(
    recipe: str | Path | Recipe,
    out: str | Path | None = None,
    *,
    workers: int | None = None,
    limit: int | None = None,
    engine: Literal["local", "ray"] = "local",
    address: str | None = None,
    progress: "Mode | ProgressOptions" = "auto",
    allow: Collection[str] = (),
    say: Callable[[Finding], None] | None = None,
    check: bool = False,
    check_inputs: bool = False,
) -> "Build":
    """Build a recipe as ``sealdata build`` does, and open the result.

    A call after an interruption goes on where the build stopped; a finished build is not repeated.

    Args:
        recipe: the name of a built-in recipe, the path of a TOML file, or a ``Recipe``.
        out: the result folder; ``builds/`` and the name of the recipe by default.
        workers: processes on this machine; all cores by default. A script (not a notebook) that
            uses more than one calls this under ``if __name__ == "__main__":``.
        limit: records read of each file; all by default.
        engine: ``local`` or ``ray``.
        address: of a running Ray cluster.
        progress: how it is shown on stderr: ``auto`` (bars on a terminal, lines elsewhere),
            ``bars``, ``lines``, ``json`` or ``off``.
        allow: names of findings of the sanity check that are meant: warnings in place of errors.
        say: receives the findings before the work begins; by default they are Python warnings.
        check: verify a finished build, and make again what differs from what was written.
        check_inputs: read all inputs again, also those of the same size and time of change.

    Raises:
        ConfigError: a wrong recipe, or a script without that guard.
        DataError: the sanity check found that the result would be worthless.
        SealError: an input or a stage failed; what had finished stays.
    """
    from sealdata.dataset.build import build as run_build
    from sealdata.pipeline.steps import build_steps
    from sealdata.workflow.engines import open_engine
    from sealdata.workflow.progress import ProgressOptions

    if getattr(multiprocessing.current_process(), "_inheriting", False):
        # A new worker imports the script that started it, and would start a build of its own. The
        # standard library knows this state by the same attribute.
        raise ConfigError(
            'build() runs again in a worker process; call it under if __name__ == "__main__":'
        )
    plan = plan_of(recipe)
    folder = Path(out) if out is not None else Path("builds") / plan.recipe.name
    num_workers = workers or os.cpu_count() or 1
    with open_engine(engine, num_workers, folder, plan.paths(), address) as opened:
        options = ProgressOptions(progress) if isinstance(progress, str) else progress
        with options.open("build", build_steps(plan)) as shown:
            built = run_build(
                *(plan, folder.absolute(), opened, shown, limit),
                allow=allow,
                say=say or _warn,
                check=check,
                check_inputs_too=check_inputs,
            )
    return Build(folder, fresh=built.fresh)


def _warn(finding: Finding) -> None:
    warnings.warn(finding.with_example, stacklevel=4)


class Build:
    """A finished build in a folder, as frames of polars.

    Args:
        path: the result folder of ``sealdata build``.
        fresh: whether the last call of ``build`` made it, rather than found it.

    Raises:
        DataError: there is no finished build.
    """

    def __init__(self, path: str | Path, *, fresh: bool = False) -> None:
        self.path = Path(path)
        self.manifest: BuildManifest = read_build_manifest(self.path)
        self.fresh = fresh

    def __repr__(self) -> str:
        return f"Build({str(self.path)!r}): {self.manifest.name}, {self._kept:,} pairs kept"

    def _repr_html_(self) -> str:
        return f"<p>{self.manifest.name}</p>{self.funnel()._repr_html_()}"

    @property
    def _kept(self) -> int:
        return sum(row.kept for row in self.manifest.funnel)

    @property
    def languages(self) -> list[str]:
        """FLORES-200 codes of the sides that are not English."""
        return self.manifest.languages

    def pairs(self, lang: str | None = None, split: str | None = None) -> pl.LazyFrame:
        """Kept pairs with their scores; of one language and one split, or of all.

        Args:
            lang: any known code of the side that is not English.
            split: ``train`` or ``validation``.

        Raises:
            ConfigError: the build has no such language or split.
        """
        if split not in (None, "train", "validation"):
            raise ConfigError(f"no split {split!r}; a build has train and validation")
        frame = self._rows("pairs", lang)
        return frame if split is None else frame.filter(pl.col("split") == split)

    def dropped(self, lang: str | None = None) -> pl.LazyFrame:
        """Dropped pairs: ``stage``, ``reason``, ``reasons``, and the scores that they got.

        Raises:
            ConfigError: the build has no such language.
        """
        return self._rows("dropped", lang)

    def funnel(self) -> pl.DataFrame:
        """A row for each source: records read, lost at each stage, kept for each split.

        Columns: ``source``, ``lang``, ``records``, a column for each filter stage, ``train``,
        ``validation`` (all counts Int64).
        """
        return pl.DataFrame(
            [
                {"source": row.source, "lang": row.lang, "records": row.records}
                | {stage: row.lost(stage) for stage in STAGE_NAMES}
                | {"train": row.train, "validation": row.validation}
                for row in self.manifest.funnel
            ]
        )

    def histogram(self, score: str, lang: str | None = None) -> pl.DataFrame:
        """How many scored and kept pairs lie in each bar of a score, as the report draws them.

        Columns: ``lang``, ``low`` and ``high`` (ends of the bar, the first included; null where it
        is open), ``scored``, ``kept``. Pairs without the score are not in it.

        Raises:
            ConfigError: the build has no such score or language.
        """
        columns = {facts.name: facts for facts in self.audit.scores}
        if score not in columns:
            raise ConfigError(f"no score {score!r}; the build has {', '.join(columns)}")
        facts = columns[score]
        codes = self.languages if lang is None else [self._code(lang)]
        edges = [None, *facts.edges, None]
        return pl.DataFrame(
            [
                {"lang": code, "low": low, "high": high, "scored": scored, "kept": kept}
                for code in codes
                if code in facts.languages
                for low, high, scored, kept in zip(
                    edges,
                    edges[1:],
                    _between(facts.languages[code].every),
                    _between(facts.languages[code].kept),
                    strict=False,
                )
            ],
            schema={
                "lang": pl.String,
                "low": pl.Float64,
                "high": pl.Float64,
                "scored": pl.Int64,
                "kept": pl.Int64,
            },
        )

    @cached_property
    def audit(self) -> AuditFacts:
        """All that the audit report shows, as ``report/audit.json`` holds it."""
        text = (self.path / "report" / "audit.json").read_text("utf-8")
        return AuditFacts.model_validate_json(text)

    def compare(self, other: "Build | str | Path") -> Comparison:
        """What changes from this build to ``other``: recipe, counts, and pairs.

        Raises:
            DataError: ``other`` is not a finished build.
        """
        return compare(self.path, other.path if isinstance(other, Build) else Path(other))

    def _code(self, lang: str) -> str:
        code = resolve(lang).code
        if code not in self.languages:
            raise ConfigError(f"no {code} in {self.path}; it has {', '.join(self.languages)}")
        return code

    def _rows(self, kind: str, lang: str | None) -> pl.LazyFrame:
        codes = self.languages if lang is None else [self._code(lang)]
        files = [
            file
            for code in codes
            for file in sorted((self.path / kind / pair_name(code)).glob("*.parquet"))
        ]
        frames = [scan(file) for file in files]
        # Sources differ in the scores that they have.
        return pl.concat(frames, how="diagonal") if frames else pl.LazyFrame()


def _between(counts: Counts) -> list[int]:
    """Cells of a histogram without those of the edges themselves: an edge belongs to the cell that
    it opens."""
    cells = counts.cells
    return [cells[0], *(cells[i] + cells[i + 1] for i in range(1, len(cells), 2))]

"""Gates that look across all sources: ranges of keys decide, masks say which pairs fall."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from sealdata.recipe import CapsTable, NearDedupTable
from sealdata.stages.caps import Cap, Side, SideKeys
from sealdata.stages.near import (
    BLOCK,
    GROUP_SKETCHES,
    SKETCHES_PER_RANGE,
    Bands,
    Edges,
    Sketches,
    Verify,
)
from sealdata.stages.partition import Flag, KeyFile, range_names
from sealdata.stages.rules import Judge
from sealdata.workflow.stage import Done, Job, Stage

Resolver = Callable[[tuple[KeyFile, ...]], Job]


@dataclass(frozen=True)
class Mask:
    """Pairs that a gate drops by itself, not by a rule."""

    stage: str  # the gate, as the ledger calls it
    reason: str
    done: list[Done]  # one per source


@dataclass(frozen=True)
class Crossing:
    """Decisions over all parts of all sources.

    The order of precedence is that of the sources in the recipe, then of their parts.
    """

    run: Callable[[list[Stage]], list[Done]]
    langs: list[str]  # of each source, the side that is not English
    cleaned: list[Done]

    def mask(
        self,
        gate: str,
        reason: str,
        stage: str,
        keyed: list[Done],
        params: Any,
        job: Resolver,
        most: int | None = None,
    ) -> Mask:
        """What falls by ``job``, which decides in each range of the keys that ``keyed`` wrote."""
        resolved, orders = self.resolve(stage, keyed, params, job, most)
        inputs = [(resolved.key,)] * len(keyed)
        flags: list[Job] = [
            Flag(reason, resolved.folder, resolved.parts, own, clean.folder)
            for own, clean in zip(orders, self.cleaned, strict=True)
        ]
        return Mask(gate, reason, self.each(f"{stage}-mask", orders, inputs, flags))

    def resolve(
        self,
        stage: str,
        keyed: list[Done],
        params: Any,
        job: Resolver,
        most: int | None = None,
    ) -> tuple[Done, list[dict[str, int]]]:
        """``job`` over all ranges, of about ``most`` keys each, and each source's parts with their
        precedence."""
        places = [(i, part) for i, done in enumerate(keyed) for part in done.parts]
        orders: list[dict[str, int]] = [{} for _ in keyed]
        for number, (i, part) in enumerate(places):
            orders[i][part] = number
        files = tuple(
            KeyFile(keyed[i].folder / f"{part}.parquet", orders[i][part], self.langs[i])
            for i, part in places
        )
        ranges = range_names(sum(r.facts["keys"] for done in keyed for r in done.records), most)
        inputs = tuple(done.key for done in keyed)
        [resolved] = self.run([Stage(stage, params, inputs, ranges, job(files))])
        return resolved, orders

    def each(
        self,
        stage: str,
        params: Sequence[Any],
        inputs: Sequence[tuple[str, ...]],
        jobs: Sequence[Job],
    ) -> list[Done]:
        """A stage per source, side by side."""
        return self.run(
            [
                Stage(stage, own, keys, clean.parts, job, rows=clean.rows)
                for own, keys, clean, job in zip(params, inputs, self.cleaned, jobs, strict=True)
            ]
        )


@dataclass(frozen=True)
class LateGates:
    """What comes after all scores. ``inputs`` and ``judge`` are of one source, by its number, given
    the masks of late gates before."""

    crossing: Crossing
    keys: list[Done]
    rules: Any  # all that the judgement by rules depends on
    inputs: Callable[[int, list[Mask]], tuple[str, ...]]
    judge: Callable[[int, list[Mask]], Judge]

    def caps(self, table: CapsTable) -> list[Mask]:
        """Source sides first: what their cap drops does not count against a target side."""
        sides: list[tuple[Side, int | None]] = [
            ("src", table.max_per_src),
            ("tgt", table.max_per_tgt),
        ]
        late: list[Mask] = []
        for side, most in sides:
            if most is None:
                continue
            jobs: list[Job] = [
                SideKeys(self.judge(i, late), done.folder, side, table.score)
                for i, done in enumerate(self.keys)
            ]
            keyed = self._each(f"{side}-cap-keys", [self.rules, table.score], late, jobs)
            params = [self.crossing.langs, most]
            job = partial(Cap, side=side, most=most)
            stage, reason = f"{side}-cap", f"over_{side}_cap"
            late.append(self.crossing.mask("caps", reason, stage, keyed, params, job))
        return late

    def near_dedup(self, table: NearDedupTable, late: list[Mask]) -> list[Mask]:
        """Among what the caps leave; see ``sealdata.stages.near``."""
        if table.jaccard is None:
            return []
        crossing = self.crossing
        judges: list[Job] = [Bands(self.judge(i, late)) for i in range(len(self.keys))]
        bands = self._each("near-bands", self.rules, late, judges)
        edges, orders = crossing.resolve("near-edges", bands, [crossing.langs, BLOCK], Edges)
        jobs: list[Job] = [
            Sketches(edges.folder, edges.parts, own, clean.folder)
            for own, clean in zip(orders, crossing.cleaned, strict=True)
        ]
        inputs = [(clean.key, edges.key) for clean in crossing.cleaned]
        params = [[own, GROUP_SKETCHES] for own in orders]
        sketched = crossing.each("near-sketches", params, inputs, jobs)
        job = partial(Verify, jaccard=table.jaccard)
        return [
            crossing.mask(
                "near-dedup",
                "near_duplicate",
                "near-dedup",
                sketched,
                table.jaccard,
                job,
                most=SKETCHES_PER_RANGE,
            )
        ]

    def _each(self, stage: str, params: Any, late: list[Mask], jobs: list[Job]) -> list[Done]:
        inputs = [self.inputs(i, late) for i in range(len(self.keys))]
        return self.crossing.each(stage, [params] * len(jobs), inputs, jobs)

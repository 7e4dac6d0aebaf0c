"""Margins across all pairs of a source: which stages give them, exact or through an index."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from sealdata.laser.approximate import faiss
from sealdata.scorers import Neighbourhood, Phase
from sealdata.stages.margin import Compare, Index, Margins, Pool, Search, Texts, block_names
from sealdata.stages.rules import Judge
from sealdata.stages.vectors import SIDES, Side
from sealdata.workflow.stage import Done, Job, Stage

LEAST = 10_000  # texts of a side that an index is made of: fewer are compared in no time


@dataclass(frozen=True)
class Scored:
    """One source whose living pairs have vectors."""

    judge: Judge
    until: Phase  # they are alive at the gates before it
    store: Path
    done: Done  # of scoring; its records say which pairs are alive
    inputs: tuple[str, ...]  # keys of what the vectors are made of

    @property
    def alive(self) -> int:
        """Living pairs."""
        return sum(int(record.facts["alive"]) for record in self.done.records)

    @property
    def keys(self) -> tuple[str, ...]:
        """What neighbours depend on: which pairs are alive, whatever let them live."""
        return (*self.inputs, *(record.facts["living"] for record in self.done.records))


@dataclass(frozen=True)
class Sides:
    """The distinct texts of both sides of a source."""

    texts: tuple[Texts, Texts]
    counts: tuple[int, int]
    pool: str  # key
    scored: Scored


def check_searchable(
    how: Neighbourhood, until: Phase, sources: Iterable[tuple[Judge, Done]]
) -> None:
    """Find out that faiss is needed and missing before hours of encoding, not after.

    Raises:
        SealError: a cleaned source has more living pairs than are compared exactly.
    """
    if find_spec("faiss"):
        return
    for judge, clean in sources:
        if sum(clean.rows.values()) > how.exact_up_to:
            alive = sum(int(judge.judge(part, until=until).alive.sum()) for part in clean.parts)
            if alive > how.exact_up_to:
                faiss()


Blocks = dict[Side, tuple[str, ...]]


@dataclass(frozen=True)
class MarginStages:
    """The stages of a scorer's margins. Sources go side by side."""

    run: Callable[[list[Stage]], list[Done]]
    how: Neighbourhood

    def margins(self, sources: Sequence[Scored]) -> list[Done]:
        """The margins of each source: a column, aligned with the rows of its parts."""
        sides = self._sides(sources)
        few = [own.scored.alive <= self.how.exact_up_to or min(own.counts) < LEAST for own in sides]
        exact = iter(self._compared([s for s, own in zip(sides, few, strict=True) if own]))
        index = iter(self._searched([s for s, own in zip(sides, few, strict=True) if not own]))
        return self._margins(sides, [next(exact if own else index) for own in few], few)

    def _sides(self, sources: Sequence[Scored]) -> list[Sides]:
        stages = [
            Stage(
                "margin-pool",
                None,
                source.keys,
                SIDES,
                Pool(source.judge, source.until, source.store, source.done.parts),
            )
            for source in sources
        ]
        found = []
        for source, pool in zip(sources, self.run(stages), strict=True):
            src, tgt = (Texts(pool.folder, source.store, source.done.parts, s) for s in SIDES)
            one, other = (int(record.facts["texts"]) for record in pool.records)
            found.append(Sides((src, tgt), (one, other), pool.key, source))
        return found

    def _compared(self, sides: Sequence[Sides]) -> list[tuple[Done, Blocks]]:
        """Every text of one side with every text of the other."""
        stages, blocks = [], []
        for own in sides:
            names = block_names("block", own.counts[0])
            blocks.append(dict.fromkeys(SIDES, names))
            job = Compare(*own.texts, self.how.k)
            stages.append(Stage("margin-compare", self.how.k, (own.pool,), names, job))
        return list(zip(self._run(stages), blocks, strict=True))

    def _searched(self, sides: Sequence[Sides]) -> list[tuple[Done, Blocks]]:
        """Through an index of each side."""
        indexes = self._run(
            [
                Stage("margin-index", None, (own.pool,), SIDES, Index(own.texts), version=2)
                for own in sides
            ]
        )
        stages, blocks = [], []
        for own, index in zip(sides, indexes, strict=True):
            names: Blocks = {
                side: block_names(side, count)
                for side, count in zip(SIDES, own.counts, strict=True)
            }
            blocks.append(names)
            job = Search(own.texts, index.folder, self.how.k)
            parts = names["src"] + names["tgt"]
            stages.append(Stage("margin-search", self.how.k, (index.key,), parts, job))
        return list(zip(self._run(stages), blocks, strict=True))

    def _margins(
        self, sides: Sequence[Sides], found: Sequence[tuple[Done, Blocks]], few: Sequence[bool]
    ) -> list[Done]:
        stages = []
        for own, (done, blocks), exact in zip(sides, found, few, strict=True):
            whole: tuple[Side, ...] = ("tgt",) if exact else ()
            job: Job = Margins(*own.texts, done.folder, blocks, whole, self.how.kind, self.how.k)
            scored = own.scored.done
            params = [self.how.kind, self.how.k]
            inputs = (own.pool, done.key)
            stages.append(Stage("margin", params, inputs, scored.parts, job, rows=scored.rows))
        return self._run(stages)

    def _run(self, stages: list[Stage]) -> list[Done]:
        return self.run(stages) if stages else []

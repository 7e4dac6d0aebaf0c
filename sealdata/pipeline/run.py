"""The road from files to judged pairs: a recipe's plan as stages, run in order."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from sealdata.files.digests import Digests
from sealdata.files.records import PartRecord, stage_key
from sealdata.pipeline.cross_source import Crossing, LateGates, Mask
from sealdata.pipeline.margin_stages import MarginStages, Scored, check_searchable
from sealdata.pipeline.plan import Plan, locate
from sealdata.recipe import SourceTable
from sealdata.scorers import PHASES, Phase, Scorer
from sealdata.stages.arithmetic_error import PairsOf, comparisons, living, sampled
from sealdata.stages.clean import Clean
from sealdata.stages.decontaminate import Decontaminate, References
from sealdata.stages.dedup import Resolve
from sealdata.stages.exclude import EXCLUDED, Exclude
from sealdata.stages.ingest import Ingest
from sealdata.stages.keys import Keys
from sealdata.stages.rules import Judge
from sealdata.stages.sample import Sample, allocate
from sealdata.stages.score import Score
from sealdata.stages.select import Cutoffs, HoldOut, Select
from sealdata.stages.takedowns import read_takedowns
from sealdata.workflow.stage import Done, Engine, Progress, Stage, run_stages
from sealdata.workflow.streaming import Chain, run_chains

Draw = Callable[[dict[str, int]], dict[str, int]]  # pairs by language -> pairs to score


@dataclass(frozen=True)
class Curated:
    """One source after all gates: the records of its stages, and the folder of its results."""

    table: SourceTable
    lang: str  # FLORES code of the side that is not English
    ingested: PartRecord
    cleaned: tuple[PartRecord, ...]
    selected: Done
    leaks: Done | None = None  # of decontamination, where the recipe names evaluation sets


@dataclass(frozen=True)
class Surveyed:
    """One source of which a sample was judged: ``sampled`` has the stage's records and folder,
    ``keys`` and ``pairs`` the folders of all its pairs."""

    table: SourceTable
    lang: str
    ingested: PartRecord
    cleaned: tuple[PartRecord, ...]
    sampled: Done
    keys: Path
    pairs: Path
    leaks: Done | None = None  # of decontamination, where the recipe names evaluation sets


class Pipeline:
    """Runs a plan's stages in ``work``; holds what each source has gathered so far."""

    def __init__(
        self, plan: Plan, work: Path, digests: Digests, engine: Engine, progress: Progress
    ) -> None:
        self.plan = plan
        self.work = work
        self.digests = digests
        self.engine = engine
        self.progress = progress
        self.langs = [_other_side(table) for table in plan.recipe.source]
        lists = [locate(name, plan.base) for name in plan.recipe.exclude.lists]
        self.takedowns = read_takedowns(lists) if lists else None
        self.margins: dict[str, list[Done]] = {}  # by scorer, once they are computed
        self.precision: list[Done] = []  # of scores in rough arithmetic: how exact they are

    def curate(self, limit: int | None = None) -> list[Curated]:
        """All stages from ingest to select, in the order of the recipe's sources."""
        ingested, cleaned, keys = self._read(limit, self._score_and_key)
        masks = self._dedup(cleaned, keys) + self._decontaminate(cleaned, keys)
        for phase in PHASES[1:]:
            scored = self._score(phase, cleaned, masks)
            self._margins(phase, cleaned, masks, scored)
            judges = [self._judge(i, clean, masks) for i, clean in enumerate(cleaned)]
            self._compare(phase, [partial(living, judge) for judge in judges], scored)
        late = self._late(cleaned, keys, masks)
        selected = self._select(ingested, cleaned, keys, masks, late)
        return [
            Curated(table, lang, raw.records[0], clean.records, final, leak)
            for table, lang, raw, clean, final, leak in zip(
                self.plan.recipe.source,
                self.langs,
                ingested,
                cleaned,
                selected,
                _leaks(masks, len(cleaned)),
                strict=True,
            )
        ]

    def survey(self, draw: Draw, limit: int | None = None) -> list[Surveyed]:
        """Ingest, clean, duplicates and decontamination over everything; every scorer on a sample
        of as many pairs per language as ``draw`` says, from all parts in proportion.

        All pairs have keys here, also those that a rule would drop before a build looks for
        duplicates. What needs the scores of all pairs (caps, near duplicates) is left to a build.
        """
        ingested, cleaned, keys = self._read(limit, self._key_all)
        masks = self._dedup(cleaned, keys) + self._decontaminate(cleaned, keys)
        drawn = self._run(self._samples(cleaned, masks, draw))
        for phase in PHASES:
            self._compare(phase, [partial(sampled, own.folder, phase) for own in drawn], drawn)
        return [
            Surveyed(
                table, lang, raw.records[0], clean.records, final, key.folder, clean.folder, leak
            )
            for table, lang, raw, clean, final, key, leak in zip(
                self.plan.recipe.source,
                self.langs,
                ingested,
                cleaned,
                drawn,
                keys,
                _leaks(masks, len(cleaned)),
                strict=True,
            )
        ]

    def _samples(self, cleaned: list[Done], masks: list[Mask], draw: Draw) -> list[Stage]:
        heights: dict[str, dict[tuple[int, str], int]] = {lang: {} for lang in self.langs}
        for i, clean in enumerate(cleaned):
            heights[self.langs[i]] |= {(i, r.part): r.rows_out for r in clean.records}
        wanted = draw({lang: sum(own.values()) for lang, own in heights.items()})
        sizes: dict[tuple[int, str], int] = {}
        for lang, own_heights in heights.items():
            sizes |= allocate(own_heights, wanted[lang])
        stages = []
        for i, clean in enumerate(cleaned):
            own = {part: sizes[i, part] for part in clean.parts}
            job = Sample(
                own,
                self.plan.scorers,
                self.plan.bound_rules(),
                self._first(clean),
                tuple((mask.stage, mask.reason, mask.done[i].folder) for mask in masks),
                clean.folder,
                self.langs[i],
                self.plan.recipe.seed,
            )
            params = [own, self._rule_params(before=None), self.plan.recipe.seed]
            exclude = self._exclude(clean)
            inputs = (clean.key, *(s.key for s in exclude), *(mask.done[i].key for mask in masks))
            gpus = _gpus(self.plan.scorers)
            stages.append(
                Stage("sample", params, inputs, clean.parts, job, version=2, num_gpus=gpus)
            )
        return stages

    def _run(self, stages: list[Stage]) -> list[Done]:
        return run_stages(stages, self.work, self.engine, self.progress)

    def _read(
        self, limit: int | None, then: Callable[[int, Done], list[Stage]]
    ) -> tuple[list[Done], list[Done], list[Done]]:
        """Ingest and clean every source and what follows ``then``, each part once it is read; the
        last of these stages gives keys."""
        chains = []
        for i, table in enumerate(self.plan.recipe.source):
            head = self._ingest(table, limit)
            clean = self._clean(head)
            chains.append(Chain(head, (clean, *then(i, clean.done(self.work)))))
        done = run_chains(chains, self.work, self.engine, self.progress)
        return [one[0] for one in done], [one[1] for one in done], [one[-1] for one in done]

    def _score_and_key(self, i: int, clean: Done) -> list[Stage]:
        """All later stages that judge have the keys among their inputs, so what these rest on."""
        params = self._rule_params(before="language")
        exclude = self._exclude(clean)
        inputs = (clean.key, *(stage.key for stage in exclude))
        keys = Stage("keys", params, inputs, (), Keys(self._judge(i, clean, [])), version=2)
        return [*exclude, *self._scores("text", i, clean, masks=[]), keys]

    def _key_all(self, i: int, clean: Done) -> list[Stage]:
        exclude = self._exclude(clean)
        first = self._first(clean)
        every = Judge((), {}, {}, (), self.langs[i], clean.folder, first=first)
        inputs = (clean.key, *(stage.key for stage in exclude))
        return [*exclude, Stage("keys", None, inputs, (), Keys(every), version=2)]

    def _exclude(self, clean: Done) -> list[Stage]:
        """Before all gates: what must go is neither scored nor able to displace a duplicate."""
        if self.takedowns is None:
            return []
        digest = stage_key("takedowns", 1, asdict(self.takedowns), [])  # of entries, in any order
        job = Exclude(self.takedowns, clean.folder)
        return [Stage("exclude", digest, (clean.key,), (), job)]

    def _first(self, clean: Done) -> tuple[tuple[str, str, Path], ...]:
        """What is decided before any rule: (stage, reason, folder)."""
        stages = self._exclude(clean)
        return tuple((s.name, EXCLUDED, s.done(self.work).folder) for s in stages)

    def _ingest(self, table: SourceTable, limit: int | None) -> Stage:
        reader, source = self.plan.reader(table)
        files = [self.digests.sha256(path) for path in reader.files(source.path)]
        params = {
            "reader": [table.reader, reader.fingerprint()],
            "source": [source.name, source.src_lang, source.tgt_lang],
            "part_rows": self.plan.recipe.part_rows,
            "limit": limit,
        }
        job = Ingest(reader, source, self.plan.recipe.part_rows, limit)
        # With a limit one source takes about as long as another, whatever their sizes.
        weight = reader.size(source.path) if limit is None else 1
        return Stage("ingest", params, tuple(files), (table.name,), job, version=3, weight=weight)

    def _clean(self, ingest: Stage) -> Stage:
        cleaners = self.plan.cleaners
        params = [[name, cleaner.fingerprint()] for name, cleaner in cleaners.items()]
        job = Clean(cleaners, ingest.done(self.work).folder)
        return Stage("clean", params, (ingest.key,), (), job)

    def _score(self, phase: Phase, cleaned: list[Done], masks: list[Mask]) -> list[Done]:
        for scorer in self.plan.phase_scorers(phase).values():
            if how := scorer.neighbourhood():
                judged = ((self._judge(i, c, masks), c) for i, c in enumerate(cleaned))
                check_searchable(how, phase, judged)
        stages = [
            s for i, clean in enumerate(cleaned) for s in self._scores(phase, i, clean, masks)
        ]
        return self._run(stages) if stages else []

    def _margins(
        self, phase: Phase, cleaned: list[Done], masks: list[Mask], scored: list[Done]
    ) -> None:
        """What scorers of the phase say of a pair among all pairs of its source."""
        for name, scorer in self.plan.phase_scorers(phase).items():
            if how := scorer.neighbourhood():
                sources = [
                    Scored(
                        self._judge(i, clean, masks),
                        phase,
                        self._vectors(i, name, clean),
                        scored[i],
                        (clean.key, self._store_key(i, name, clean)),
                    )
                    for i, clean in enumerate(cleaned)
                ]
                self.margins[name] = MarginStages(self._run, how).margins(sources)

    def _compare(self, phase: Phase, pairs: Sequence[PairsOf], scored: Sequence[Done]) -> None:
        """Where scorers of the phase are inexact, measure it on some pairs of each language."""
        for name, scorer in self.plan.phase_scorers(phase).items():
            if rough := scorer.rough():
                sources = list(zip(self.langs, pairs, scored, strict=True))
                stages = comparisons(name, rough, self.plan.bound_rules(), sources)
                self.precision += self._run(stages)

    def _scores(self, phase: Phase, i: int, clean: Done, masks: list[Mask]) -> list[Stage]:
        """The stage that scores source ``i``, or none where the phase has no scorers."""
        scorers = self.plan.phase_scorers(phase)
        if not scorers:
            return []
        judge = self._judge(i, clean, masks)
        vectors = {
            name: self._vectors(i, name, clean)
            for name, scorer in scorers.items()
            if scorer.neighbourhood()
        }
        return [
            Stage(
                f"score-{phase}",
                [self._rule_params(before=phase), _prints(scorers)],
                (
                    clean.key,
                    *(stage.key for stage in self._exclude(clean)),
                    *(mask.done[i].key for mask in masks),
                ),
                clean.parts,
                Score(phase, scorers, judge, vectors),
                version=2,
                rows=clean.rows,
                stores=(*(judge.stores[name] for name in scorers), *vectors.values()),
                num_gpus=_gpus(scorers),
            )
        ]

    def _dedup(self, cleaned: list[Done], keys: list[Done]) -> list[Mask]:
        if self.plan.recipe.dedup.off:
            return []
        crossing = Crossing(self._run, self.langs, cleaned)
        return [crossing.mask("dedup", "duplicate", "dedup", keys, self.langs, Resolve)]

    def _decontaminate(self, cleaned: list[Done], keys: list[Done]) -> list[Mask]:
        files = tuple(self.plan.evaluation_files())
        if not files:
            return []
        named = [[file.set, file.path.name, file.columns] for file in files]
        digests = tuple(self.digests.sha256(file.path) for file in files)
        [known] = self._run(
            [Stage("references", named, digests, ("references",), References(files), version=3)]
        )
        hashes = known.folder / "references.parquet"
        table = self.plan.recipe.decontaminate
        limits = (table.containment, table.min_chars)
        stages = [
            Stage(
                "decontaminate",
                limits,
                (clean.key, key.key, known.key),
                clean.parts,
                Decontaminate(key.folder, hashes, clean.folder, *limits),
                version=2,
                rows=clean.rows,
            )
            for clean, key in zip(cleaned, keys, strict=True)
        ]
        return [Mask("decontaminate", "eval_leak", self._run(stages))]

    def _late(self, cleaned: list[Done], keys: list[Done], masks: list[Mask]) -> list[Mask]:
        """What comes after all scores: caps per side, then near-duplicates."""
        gates = LateGates(
            Crossing(self._run, self.langs, cleaned),
            keys,
            self._rule_params(before=None),
            inputs=lambda i, late: self._inputs(i, cleaned[i], keys, masks + late),
            judge=lambda i, late: self._judge(i, cleaned[i], masks, late),
        )
        late = gates.caps(self.plan.recipe.caps)
        return late + gates.near_dedup(self.plan.recipe.near_dedup, late)

    def _inputs(self, i: int, clean: Done, keys: list[Done], masks: list[Mask]) -> tuple[str, ...]:
        margins = (done[i].key for done in self.margins.values())
        return (clean.key, keys[i].key, *(mask.done[i].key for mask in masks), *margins)

    def _select(
        self,
        ingested: list[Done],
        cleaned: list[Done],
        keys: list[Done],
        masks: list[Mask],
        late: list[Mask],
    ) -> list[Done]:
        recipe = self.plan.recipe
        rules = self._rule_params(before=None)
        judges = [self._judge(i, clean, masks, late) for i, clean in enumerate(cleaned)]
        inputs = [self._inputs(i, clean, keys, masks + late) for i, clean in enumerate(cleaned)]
        share, seed = recipe.validation.share, recipe.seed
        held = self._run(
            [
                Stage(
                    "hold-out",
                    [rules, share, seed],
                    inputs[i],
                    clean.parts,
                    HoldOut(judges[i], keys[i].folder, share, seed),
                    rows=clean.rows,
                )
                for i, clean in enumerate(cleaned)
            ]
        )
        cutoffs = self._cutoffs(held)
        return self._run(
            [
                Stage(
                    "select",
                    rules,
                    (*inputs[i], held[i].key, cutoffs.key),
                    clean.parts,
                    Select(
                        judges[i],
                        ingested[i].folder,
                        held[i].folder,
                        cutoffs.folder / "all.cutoffs.json",
                    ),
                    rows=clean.rows,
                )
                for i, clean in enumerate(cleaned)
            ]
        )

    def _cutoffs(self, held: list[Done]) -> Done:
        candidates: dict[str, tuple[Path, ...]] = {}
        for lang, done in zip(self.langs, held, strict=True):
            files = tuple(done.folder / f"{part}.parquet" for part in done.parts)
            candidates[lang] = candidates.get(lang, ()) + files
        most = self.plan.recipe.validation.max_pairs
        inputs = tuple(done.key for done in held)
        job = Cutoffs(candidates, most)
        [done] = self._run([Stage("cutoffs", [most, self.langs], inputs, ("all",), job)])
        return done

    def _judge(self, i: int, clean: Done, masks: list[Mask], late: Sequence[Mask] = ()) -> Judge:
        scorers = self.plan.scorers
        return Judge(
            rules=self.plan.bound_rules(),
            stores={
                name: self.work / f"scores-{name}-{self._store_key(i, name, clean)}"
                for name in scorers
            },
            phases={name: scorer.phase for name, scorer in scorers.items()},
            masks=tuple((mask.stage, mask.reason, mask.done[i].folder) for mask in masks),
            tgt_lang=self.langs[i],
            cleaned=clean.folder,
            late=tuple((mask.stage, mask.reason, mask.done[i].folder) for mask in late),
            first=self._first(clean),
            corpus={name: done[i].folder for name, done in self.margins.items()},
        )

    def _vectors(self, i: int, name: str, clean: Done) -> Path:
        return self.work / f"vectors-{name}-{self._store_key(i, name, clean)}"

    def _store_key(self, i: int, name: str, clean: Done) -> str:
        """Another language in the recipe leaves the scores of this one alone, and so does what is
        asked about neighbours."""
        scorer = self.plan.scorers[name].for_languages([self.langs[i]]).alone()
        return Stage("scores", [name, scorer.fingerprint()], (clean.key,), (), _no_job).key

    def _rule_params(self, before: Phase | None) -> list[Any]:
        """All that the judgement of the phases up to ``before`` depends on: scorers and rules."""
        params: list[Any] = []
        for phase in PHASES:
            if phase == before:
                break
            rules = [rule.model_dump(mode="json") for rule in self.plan.rules(phase)]
            params.append([phase, _prints(self.plan.phase_scorers(phase)), rules])
        return params


def _leaks(masks: list[Mask], sources: int) -> Sequence[Done | None]:
    """What decontamination found in each source."""
    found = [mask.done for mask in masks if mask.stage == "decontaminate"]
    return found[0] if found else [None] * sources


def _prints(components: Mapping[str, Any]) -> dict[str, Any]:
    return {name: component.fingerprint() for name, component in components.items()}


def _gpus(scorers: Mapping[str, Scorer]) -> int:
    return max((scorer.num_gpus() for scorer in scorers.values()), default=0)


def _no_job(part: str, folder: Path) -> PartRecord:
    raise AssertionError(f"a store is no stage: {folder}/{part}")


def _other_side(table: SourceTable) -> str:
    return table.tgt_lang if table.src_lang == "eng_Latn" else table.src_lang

"""Runs side by side: one row per setting, its seeds together, held-out losses and translations."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sealtrain import checkpoint, restore
from sealtrain.checkpoint import Record
from sealtrain.errors import ConfigError, DataError
from sealtrain.evaluate import Direction, Evaluation, kept
from sealtrain.references import read_refs, refs_folder, take_shots
from sealtrain.scores import ENGLISH, Comparison, paired_bootstrap

ALWAYS_NAMED = ("mixture.strategy", "mixture.replay")


@dataclass(frozen=True)
class Run:
    """A finished run: its last record and what was evaluated of its last checkpoint."""

    folder: Path
    record: Record
    evaluations: list[Evaluation]


@dataclass(frozen=True)
class Spread:
    """A figure over the seeds of one setting: mean, smallest and largest."""

    values: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Over the seeds."""
        return sum(self.values) / len(self.values)

    def __str__(self) -> str:
        low, high = min(self.values), max(self.values)
        spread = f" [{low:.3f}, {high:.3f}]" if len(self.values) > 1 else ""
        return f"{self.mean:.3f}{spread}"


@dataclass(frozen=True)
class Setting:
    """Runs that differ in nothing but their seed; `name` says what sets them apart from others."""

    name: str
    runs: tuple[Run, ...]

    @property
    def num_sequences(self) -> int:
        """Sequences of one run, replay included."""
        record = self.runs[0].record
        return record.num_steps * record.config.train.batch_sequences

    def over_seeds(self, figure: Callable[[Run], float | None]) -> Spread | None:
        """One figure of every run; None where a run lacks it."""
        found = [figure(run) for run in self.runs]
        values = tuple(value for value in found if value is not None)
        return Spread(values) if len(values) == len(found) else None


def read_runs(folders: Iterable[Path]) -> list[Setting]:
    """The runs of some folders, grouped by setting in the order given.

    Raises:
        DataError: a folder holds no finished run.
    """
    identities: list[dict[str, Any]] = []
    runs: list[list[Run]] = []
    for run in map(_read_run, folders):
        identity = {k: v for k, v in run.record.config.identity().items() if k != "seed"}
        if identity not in identities:
            identities.append(identity)
            runs.append([])
        runs[identities.index(identity)].append(run)
    keys = list(ALWAYS_NAMED)
    for identity in identities:
        keys += [k for k, v in identity.items() if v != identities[0][k] and k not in keys]
    names = [", ".join(f"{k.split('.')[-1]} {i[k]}" for k in keys) for i in identities]
    return [Setting(name, tuple(group)) for name, group in zip(names, runs, strict=True)]


def _read_run(folder: Path) -> Run:
    last = checkpoint.latest(folder)
    if last is None:
        raise DataError(f"no checkpoint in {folder}; give the folder of a finished run")
    record = restore.read_record(last)
    if record.step < record.num_steps:
        raise DataError(
            f"{folder} stands at step {record.step} of {record.num_steps}: finish it, then compare"
        )
    return Run(folder, record, [e for e in kept(folder) if e.step == record.step])


def parallel_loss(run: Run, lang: str | None, from_english: bool) -> float | None:
    """Nats per label of the held-out pairs of one language (or of all) in one direction."""
    losses = [
        loss
        for loss in run.record.after.values()
        if loss.kind == "parallel"
        and (loss.languages[0] == ENGLISH) == from_english
        and (lang is None or lang in loss.languages)
    ]
    num_labels = sum(loss.num_labels for loss in losses)
    return sum(x.loss * x.num_labels for x in losses) / num_labels if num_labels else None


def english_bits(run: Run) -> float | None:
    """Bits per byte of the held-out English replay: what was forgotten shows here."""
    losses = [x for x in run.record.after.values() if x.kind == "replay"]
    return sum(x.bits_per_byte for x in losses) / len(losses) if losses else None


def chrf(run: Run, num_shots: int, into_english: bool) -> float | None:
    """Mean chrF++ over the directions into English, or out of it."""
    found = [
        direction.score.chrf
        for evaluation in run.evaluations
        if evaluation.num_shots == num_shots
        for direction in evaluation.directions
        if (direction.score.tgt == ENGLISH) == into_english
    ]
    return sum(found) / len(found) if found else None


def languages(settings: Sequence[Setting]) -> list[str]:
    """Languages with held-out pairs in any run, by code."""
    return sorted(
        {
            code
            for setting in settings
            for run in setting.runs
            for loss in run.record.after.values()
            if loss.kind == "parallel"
            for code in loss.languages
            if code != ENGLISH
        }
    )


def significance(baseline: Run, system: Run) -> list[tuple[str, int, Comparison]]:
    """Paired bootstrap of two runs in every direction both were evaluated in: (direction, shots,
    result).

    Raises:
        ConfigError: they share no evaluation of the same references and shots.
        DataError: the references have changed since.
    """
    found: list[tuple[str, int, Comparison]] = []
    for one in baseline.evaluations:
        for other in system.evaluations:
            if (one.refs_sha256, one.num_shots) == (other.refs_sha256, other.num_shots):
                found += _compare(one, other)
    if not found:
        raise ConfigError(
            f"{baseline.folder} and {system.folder} were not evaluated on the same references and "
            "shots: run `sealtrain eval` on both"
        )
    return found


def _compare(one: Evaluation, other: Evaluation) -> list[tuple[str, int, Comparison]]:
    scored = one.directions[0].score.num_sentences
    texts = read_refs(refs_folder(one.refs), scored + one.num_shots)
    _, texts = take_shots(texts, one.num_shots)
    theirs = {_name(direction): direction for direction in other.directions}
    return [
        (_name(direction), one.num_shots, comparison)
        for direction in one.directions
        if _name(direction) in theirs
        for comparison in paired_bootstrap(
            direction.outputs,
            theirs[_name(direction)].outputs,
            texts[direction.score.tgt],
            direction.score.tgt,
        )
    ]


def _name(direction: Direction) -> str:
    return f"{direction.score.src} -> {direction.score.tgt}"

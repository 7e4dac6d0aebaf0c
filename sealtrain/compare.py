"""Runs side by side: one row per setting, with its seeds together, and their significance."""

import json
import logging
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import stdev
from typing import Any

from sealtrain import checkpoint, run_log
from sealtrain.checkpoint import Record
from sealtrain.errors import ConfigError, DataError
from sealtrain.evaluate import Direction, Evaluation, kept
from sealtrain.references import read_refs, refs_folder, take_shots
from sealtrain.scores import ENGLISH, Comparison, paired_bootstrap

_log = logging.getLogger(__name__)

Figure = Callable[..., float | None]  # of a Run
ALWAYS_NAMED = ("mixture.strategy", "mixture.replay")
# 97.5 % quantiles of Student's t, for 1 to 9 degrees of freedom.
# They hold for 2 to 10 seeds; the index is the number of seeds minus 2.
T_975 = (12.71, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262)


@dataclass(frozen=True)
class Run:
    """A finished run: its last record, and the evaluations of its last checkpoint."""

    folder: Path
    record: Record
    num_tokens: int  # read in all its steps, replay and padding included
    evaluations: list[Evaluation]


@dataclass(frozen=True)
class Spread:
    """One figure over the seeds of one setting."""

    values: tuple[float, ...]  # one per seed

    @property
    def mean(self) -> float:
        """The mean over the seeds."""
        return sum(self.values) / len(self.values)

    @property
    def half_interval(self) -> float:
        """Half of the mean's 95 % interval by Student's t; 0 for one seed.

        More than ten seeds use the quantile of ten, which makes the interval a little too wide.
        """
        # `stdev` divides by n - 1, as the t interval requires.
        num = len(self.values)
        return T_975[min(num, 10) - 2] * stdev(self.values) / math.sqrt(num) if num > 1 else 0.0

    def __str__(self) -> str:
        spread = f" ±{self.half_interval:.3f}" if len(self.values) > 1 else ""
        return f"{self.mean:.3f}{spread}"


@dataclass(frozen=True)
class Setting:
    """Runs that differ only in their seed; `name` says how they differ from other settings."""

    name: str  # such as `strategy mixed, replay 0.25`
    runs: tuple[Run, ...]  # one per seed, in the order given

    def over_seeds(self, figure: Figure) -> Spread | None:
        """One figure of every run; None if a run lacks it."""
        figures = [figure(run) for run in self.runs]
        # A mean over some of the seeds would be compared with means over all of them.
        values = tuple(value for value in figures if value is not None)
        return Spread(values) if len(values) == len(figures) else None


def read_runs(folders: Iterable[Path]) -> list[Setting]:
    """The runs of some folders, grouped by setting, in the order given.

    Raises:
        DataError: a folder holds no finished run.
    """
    # A dict keeps the order of first occurrence, so settings stand in the order given.
    groups: dict[str, list[Run]] = {}
    # The seed is set to null, so runs that differ only in it have one key.
    for run in map(_read_run, folders):
        # Digests of shards are not part of this identity: runs on other shards share a setting if
        # their configs are equal.
        identity = run.record.config.identity() | {"seed": None}
        groups.setdefault(json.dumps(identity), []).append(run)
    # Identities were serialised to be keys; JSON text of equal configs is equal.
    identities, settings = list(map(json.loads, groups)), []
    for identity, runs in zip(identities, groups.values(), strict=True):
        # Only what differs from the first setting is named, and two keys that tell what a run is.
        keys = [k for k, v in identity.items() if k in ALWAYS_NAMED or v != identities[0][k]]
        name = ", ".join(f"{k.split('.')[-1]} {identity[k]}" for k in keys)
        settings.append(Setting(name, tuple(runs)))
    return settings


def read_steps(run: Path) -> list[dict[str, Any]]:
    """The steps in a run's log, in order; the run need not be finished.

    Raises:
        DataError: there is no log, or it holds no step.
    """
    log = run / "log.jsonl"
    if not log.is_file():
        raise DataError(f"no log at {log}; give the folder of a run")
    # A run that goes on, or was killed, may have left half a line at the end: no fault to name.
    lines = run_log.read(log)
    if faults := lines.faults("left out"):
        _log.warning("%s", faults)
    # A log has lines of other events (speed, validation) between the steps.
    steps = [event for event in lines.events if event["event"] == "step"]
    if not steps:
        raise DataError(f"{log} holds no step yet")
    return steps


def _read_run(folder: Path) -> Run:
    last = checkpoint.latest(folder)
    if last is None:
        raise DataError(f"no checkpoint in {folder}; give the folder of a finished run")
    record = checkpoint.read_record(last, check_files=False)
    # An unfinished run has not decayed its rate yet, so its loss cannot be compared.
    if record.step < record.num_steps:
        raise DataError(
            f"{folder} is at step {record.step} of {record.num_steps}: finish it, then compare"
        )
    # All steps read equally many, so a line that the log has lost changes nothing.
    num_tokens = record.step * int(read_steps(folder)[-1]["num_tokens"])
    return Run(folder, record, num_tokens, [e for e in kept(folder) if e.step == record.step])


def parallel_loss(run: Run, lang: str | None, from_english: bool) -> float | None:
    """Nats per label of the held-out pairs of one direction, of one language or (None) of all."""
    losses = [
        loss
        for loss in run.record.after.values()
        if loss.kind == "parallel"
        and lang in (None, *loss.languages)
        and (loss.languages[0] == ENGLISH) == from_english
    ]
    # Weighted by labels: streams have different lengths, and every label counts once.
    num_labels = sum(loss.num_labels for loss in losses)
    return sum(x.loss * x.num_labels for x in losses) / num_labels if num_labels else None


def english_bits(run: Run, before: bool = False) -> float | None:
    """Bits per byte of the held-out English replay, which show what the model forgot."""
    # `before` is the model that training began with, so the difference is what was forgotten.
    losses = (run.record.before if before else run.record.after).values()
    return _mean([loss.bits_per_byte for loss in losses if loss.kind == "replay"])


def text_bits(run: Run, lang: str | None) -> float | None:
    """Bits per byte of held-out monolingual text, of one language or (None) of all but English."""
    losses = [loss for loss in run.record.after.values() if loss.kind == "monolingual"]
    # Bits per byte are averaged over streams without weights: a large language must not decide.
    others = [x for x in losses if x.languages != [ENGLISH] and lang in (None, *x.languages)]
    return _mean([loss.bits_per_byte for loss in others])


def chrf(run: Run, num_shots: int, into_english: bool) -> float | None:
    """Mean chrF++ over the directions into English, or out of English."""
    # Shots change scores, so evaluations of other numbers of shots are not mixed in.
    directions = [d for e in run.evaluations if e.num_shots == num_shots for d in e.directions]
    return _mean([d.score.chrf for d in directions if (d.score.tgt == ENGLISH) == into_english])


def _mean(values: list[float]) -> float | None:
    # None, and not 0, where nothing was measured.
    return sum(values) / len(values) if values else None


BY_LANGUAGE: dict[str, Figure] = {
    "from English": partial(parallel_loss, lang=None, from_english=True),
    "to English": partial(parallel_loss, lang=None, from_english=False),
    "own text": partial(text_bits, lang=None),
}


def languages(settings: Sequence[Setting]) -> list[str]:
    """FLORES codes of the languages with held-out pairs in any run, sorted, without English."""
    losses = [x for s in settings for run in s.runs for x in run.record.after.values()]
    # Pairs decide, since a run without pairs of a language has no figure to show by direction.
    codes = {code for loss in losses if loss.kind == "parallel" for code in loss.languages}
    return sorted(codes - {ENGLISH})


def significance(baseline: Run, system: Run) -> list[tuple[str, int, Comparison]]:
    """Paired bootstrap of two runs: (direction, shots, result) for all that both were tested on.

    Raises:
        ConfigError: they share no evaluation on the same references with the same shots.
        DataError: the references are missing, or have changed since.
    """
    # A run may have several evaluations, by references and shots.
    results: list[tuple[str, int, Comparison]] = []
    for first in baseline.evaluations:
        for second in system.evaluations:
            # The digest covers the sentences themselves: folders may have moved or been renamed.
            if (first.refs_sha256, first.num_shots) == (second.refs_sha256, second.num_shots):
                results += _compare(first, second)
    if not results:
        raise ConfigError(
            f"{baseline.folder} and {system.folder} were not evaluated on the same references and "
            "shots: run `sealtrain eval` on both"
        )
    return results


def _compare(baseline: Evaluation, system: Evaluation) -> list[tuple[str, int, Comparison]]:
    # The first sentences only, if the evaluation had a limit; shots come before them.
    num_scored = baseline.directions[0].score.num_sentences
    # References are read again, since an evaluation stores their digest and not their text.
    texts = read_refs(refs_folder(baseline.refs), num_scored + baseline.num_shots)
    _, texts = take_shots(texts, baseline.num_shots)
    # Only directions that both have: a run may have been trained on fewer languages.
    by_name = {_name(direction): direction for direction in system.directions}
    return [
        (_name(direction), baseline.num_shots, comparison)
        for direction in baseline.directions
        if _name(direction) in by_name
        for comparison in paired_bootstrap(
            direction.outputs,
            by_name[_name(direction)].outputs,
            texts[direction.score.tgt],
            direction.score.tgt,
        )
    ]


def _name(direction: Direction) -> str:
    return f"{direction.score.src} -> {direction.score.tgt}"

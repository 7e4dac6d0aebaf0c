"""What `sealtrain compare` prints: settings side by side, and whether two runs differ."""

from collections.abc import Callable, Sequence
from typing import Any

from sealtrain.compare import Run, Setting, Spread, chrf, english_bits, languages, parallel_loss
from sealtrain.scores import Comparison

from .tables import table


def report(settings: Sequence[Setting]) -> str:
    """Settings in rows, then languages in rows; mean and, in brackets, the range over seeds."""
    shots = sorted({e.num_shots for s in settings for run in s.runs for e in run.evaluations})
    figures: dict[str, Callable[[Run], float | None]] = {
        "from English": lambda run: parallel_loss(run, None, True),
        "to English": lambda run: parallel_loss(run, None, False),
        "English bits/byte": english_bits,
    }
    for num in shots:
        figures[f"chrF++ from, {num}-shot"] = lambda run, num=num: chrf(run, num, False)  # type: ignore[misc]
        figures[f"chrF++ to, {num}-shot"] = lambda run, num=num: chrf(run, num, True)  # type: ignore[misc]
    rows = [
        [
            setting.name,
            str(len(setting.runs)),
            f"{setting.num_sequences:,}",
            *(_cell(setting.over_seeds(figure)) for figure in figures.values()),
        ]
        for setting in settings
    ]
    parts = [
        "held-out loss in nats per label; mean [smallest, largest] over seeds",
        table(["setting", "seeds", "sequences", *figures], rows),
    ]
    for from_english, title in ((True, "from English"), (False, "to English")):
        numbered = [f"({i})" for i in range(1, len(settings) + 1)]
        by_language = [
            [
                lang,
                *(
                    _cell(s.over_seeds(lambda r, c=lang, f=from_english: parallel_loss(r, c, f)))  # type: ignore[misc]
                    for s in settings
                ),
            ]
            for lang in languages(settings)
        ]
        if by_language:
            parts.append(table([title, *numbered], by_language))
    parts.append("\n".join(f"({i}) {s.name}" for i, s in enumerate(settings, start=1)))
    return "\n\n".join(parts)


def facts(settings: Sequence[Setting]) -> list[dict[str, Any]]:
    """What the tables show, for a machine: one entry per setting, one value per seed."""
    return [
        {
            "setting": setting.name,
            "runs": [str(run.folder) for run in setting.runs],
            "seeds": [run.record.config.seed for run in setting.runs],
            "loss_from_english": [parallel_loss(run, None, True) for run in setting.runs],
            "loss_to_english": [parallel_loss(run, None, False) for run in setting.runs],
            "english_bits_per_byte": [english_bits(run) for run in setting.runs],
            "after": [
                {k: loss.model_dump() for k, loss in run.record.after.items()}
                for run in setting.runs
            ],
        }
        for setting in settings
    ]


def significance_table(found: Sequence[tuple[str, int, Comparison]]) -> str:
    """Both systems' scores by direction and metric; p below 0.05 is marked."""
    rows = [
        [
            direction,
            str(num_shots),
            result.metric,
            f"{result.baseline:.2f}",
            f"{result.system:.2f}",
            f"{result.p_value:.3f}{'*' if result.p_value < 0.05 else ' '}",
        ]
        for direction, num_shots, result in found
    ]
    return table(["direction", "shots", "metric", "first", "second", "p"], rows)


def _cell(spread: Spread | None) -> str:
    return "-" if spread is None else str(spread)

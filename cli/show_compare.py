"""The tables of `sealtrain compare`: settings side by side, and whether two runs differ."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from sealtrain.compare import BY_LANGUAGE, Setting, Spread, chrf, english_bits, languages
from sealtrain.scores import Comparison

from .tables import table

FIGURES = BY_LANGUAGE | {
    "English before": partial(english_bits, before=True),
    "English": english_bits,
}
LEGEND = """\
Loss on held-out pairs from and to English, in nats per label; on held-out text of the other
languages and of English (before and after training), in bits per byte. Mean over seeds ± half of
its 95 % interval."""


def report(settings: Sequence[Setting]) -> str:
    """One table with settings in rows, then one for each figure with languages in rows."""
    figures = dict(FIGURES)
    for num in sorted({e.num_shots for s in settings for run in s.runs for e in run.evaluations}):
        figures[f"chrF++ from, {num}-shot"] = partial(chrf, num_shots=num, into_english=False)
        figures[f"chrF++ to, {num}-shot"] = partial(chrf, num_shots=num, into_english=True)
    rows = [
        [f"({number}) {setting.name}", str(len(setting.runs)), f"{setting.runs[0].num_tokens:,}"]
        + [_cell(setting.over_seeds(figure)) for figure in figures.values()]
        for number, setting in enumerate(settings, start=1)
    ]
    parts = [LEGEND, table(["setting", "seeds", "tokens", *figures], rows)]
    numbered = [f"({number})" for number in range(1, len(settings) + 1)]
    for title, figure in BY_LANGUAGE.items():
        cells = [
            [lang, *(_cell(s.over_seeds(partial(figure, lang=lang))) for s in settings)]
            for lang in languages(settings)
        ]
        if any(cell != "-" for row in cells for cell in row[1:]):
            parts.append(table([title, *numbered], cells))
    return "\n\n".join(parts)


def facts(settings: Sequence[Setting]) -> list[dict[str, Any]]:
    """The numbers of the tables for `--json`: one entry per setting, one value per seed."""
    return [
        {
            "setting": setting.name,
            "runs": [str(run.folder) for run in setting.runs],
            "seeds": [run.record.config.seed for run in setting.runs],
            "tokens": [run.num_tokens for run in setting.runs],
            **{name: [figure(run) for run in setting.runs] for name, figure in FIGURES.items()},
            "after": [
                {k: loss.model_dump() for k, loss in run.record.after.items()}
                for run in setting.runs
            ],
        }
        for setting in settings
    ]


def significance_table(results: Sequence[tuple[str, int, Comparison]]) -> str:
    """Both systems' scores by direction and metric; a star marks p below 0.05."""
    rows = [
        [
            direction,
            str(num_shots),
            result.metric,
            f"{result.baseline:.2f}",
            f"{result.system:.2f}",
            f"{result.p_value:.3f}{'*' if result.p_value < 0.05 else ' '}",
        ]
        for direction, num_shots, result in results
    ]
    return table(["direction", "shots", "metric", "first", "second", "p"], rows)


def _cell(spread: Spread | None) -> str:
    return "-" if spread is None else str(spread)

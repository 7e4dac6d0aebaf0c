"""What came out, written between the marks of docs/explanation/experiments.md, and its pictures."""

import re
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import polars as pl

from sealcli.show_compare import FIGURES
from sealtrain.compare import Setting, Spread, chrf, languages, read_runs
from sealtrain.errors import DataError
from sealtrain.plot import plot_settings

from .runs import folder
from .settings import BUILDS, FIRST, SEEDS, SETTINGS, TABLES, TRANSLATED

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "experiments.md"
MEASURES = ("from English", "to English", "own text", "English")
LIBRARIES = ("torch", "transformers", "tokenizers", "sacrebleu", "numpy")


def write_page() -> None:
    """All tables and both pictures; a setting stands there with the seeds that have finished."""
    settings = {name: found for name in SETTINGS if (found := finished(name)) is not None}
    blocks = {"versions": _versions(settings), "tokenizers": _tokenizers()}
    for title, names in TABLES.items():
        rows = {name: settings[name] for name in names if name in settings}
        blocks[title] = _table(rows, settings[FIRST])
        if title != "loss":
            named = [Setting(_short(name), setting.runs) for name, setting in rows.items()]
            plot_settings(named, PAGE.with_name(f"experiments-{title}.svg"))
    first = {name: settings[name] for name in TABLES["strategies"] if name in settings}
    for key, figure in (("from", "from English"), ("to", "to English"), ("own", "own text")):
        blocks[f"languages-{key}"] = _by_language(first, figure)
    blocks["translations"] = _translations(settings)
    PAGE.write_text(filled(PAGE.read_text("utf-8"), blocks), "utf-8")


def finished(name: str) -> Setting | None:
    """A setting with those of its runs that have ended."""
    runs = []
    for seed in SEEDS:
        try:
            [setting] = read_runs([folder(name, seed)])
        except DataError:
            continue
        runs += setting.runs
    return Setting(name, tuple(runs)) if runs else None


def filled(page: str, blocks: dict[str, str]) -> str:
    """A page with each block between its marks, `<!-- NAME -->` and `<!-- end -->`."""
    for name, block in blocks.items():
        marks = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end -->)", re.DOTALL)
        assert marks.search(page), f"{PAGE} has no mark {name}"
        page = marks.sub(lambda match, b=block: f"{match[1]}{b}\n{match[2]}", page)  # type: ignore[misc]
    return page


def _table(rows: dict[str, Setting], first: Setting) -> str:
    """Each measure of each setting, and below it its difference to the first one's same seeds."""
    lines = []
    for name, setting in rows.items():
        values = [_show(setting.over_seeds(FIGURES[measure])) for measure in MEASURES]
        lines.append([f"`{_short(name)}`", str(len(setting.runs)), *values])
        if setting is not first:
            gaps = [_gap(setting, first, measure) for measure in MEASURES]
            lines.append([f"less `{_short(first.name)}`", "", *gaps])
    return markdown_table(["setting", "seeds", *MEASURES], lines)


def _gap(setting: Setting, first: Setting, measure: str) -> str:
    """The mean difference of runs with equal seeds, bold where its interval has no zero."""
    figure = FIGURES[measure]
    theirs = {run.record.config.seed: figure(run) for run in first.runs}
    values = []
    for run in setting.runs:
        mine, other = figure(run), theirs.get(run.record.config.seed)
        if mine is not None and other is not None:
            values.append(mine - other)
    if not values:
        return "–"
    gap = Spread(tuple(values))
    text = f"{gap.mean:+.3f}" + (f" ±{gap.half_interval:.3f}" if len(values) > 1 else "")
    return f"**{text}**" if len(values) > 1 and abs(gap.mean) > gap.half_interval else text


def _by_language(rows: dict[str, Setting], measure: str) -> str:
    lines = []
    for lang in languages(list(rows.values())):
        spreads = [
            s.over_seeds(lambda run, c=lang: FIGURES[measure](run, lang=c)) for s in rows.values()
        ]  # type: ignore[misc]
        lines.append([f"`{lang}`", *map(_show, spreads)])
    return markdown_table([measure, *(f"`{_short(name)}`" for name in rows)], lines)


def _translations(settings: dict[str, Setting]) -> str:
    """chrF++ where runs were translated with; a setting's seeds that have been."""
    lines = []
    for name, all_shots in TRANSLATED.items():
        for shots in all_shots if name in settings else ():
            there = [
                r for r in settings[name].runs if any(e.num_shots == shots for e in r.evaluations)
            ]
            if there:
                done = Setting(name, tuple(there))
                values = [
                    _show(done.over_seeds(lambda run, s=shots, i=into: chrf(run, s, i)))  # type: ignore[misc]
                    for into in (False, True)
                ]
                lines.append([f"`{_short(name)}`", str(shots), str(len(there)), *values])
    return markdown_table(["setting", "examples", "seeds", "chrF++ from English", "to"], lines)


def _tokenizers() -> str:
    """Parity and tokens per word of each language under each tokenizer."""
    frames = [pl.read_csv(path) for path in sorted(BUILDS.glob("fertility-*.csv"))]
    rows = pl.concat(frames, how="vertical_relaxed")
    names = rows["tokenizer"].unique(maintain_order=True).to_list()
    lines = []
    for lang in sorted(rows["lang"].unique()):
        cells = []
        for column in ("tokens_per_word", "parity"):
            for name in names:
                found = rows.filter(tokenizer=name, lang=lang)[column]
                cells.append(f"{found[0]:.2f}")
        lines.append([f"`{lang}`", *cells])
    heads = [f"{what}, {name}" for what in ("tokens a word", "parity") for name in names]
    return markdown_table(["language", *heads], lines)


def markdown_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown: names left, numbers right."""
    rule = ["---", *("--:" for _ in head[1:])]
    return "\n".join(f"| {' | '.join(line)} |" for line in [head, rule, *rows])


def _versions(settings: dict[str, Setting]) -> str:
    runs = sum(len(setting.runs) for setting in settings.values())
    tokens = next(iter(settings.values())).runs[0].num_tokens
    libraries = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    before = settings[FIRST].over_seeds(FIGURES["English before"])
    return (
        f"{runs} runs of {tokens:,} tokens. English of the base model: {before.mean:.3f} bits per "
        f"byte. sealdata {version('sealdata')}, {libraries}."
    )


def _show(spread: Spread | None) -> str:
    return "–" if spread is None else str(spread)


def _short(name: str) -> str:
    return name.removesuffix("-tiny")

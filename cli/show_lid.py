"""Prints the results of `sealdata lid eval` and `lid curve`."""

from collections.abc import Iterable, Sequence

from sealdata.gold.confusions import Confusion
from sealdata.gold.curves import LOSSES, Curve
from sealdata.gold.lid_eval import LidFacts, Swap

from .tables import table
from .terminal import echo


def show_lid(facts: LidFacts) -> None:
    """Accuracy and dropped texts by language, and the confusion matrix."""
    reasons = sorted({reason for row in facts.languages for reason in row.reasons})
    head = ["language", "texts", "right %", "in its set %", "dropped %", *reasons]
    head += ["strangers caught %", "relatives caught %"]
    rows = []
    for row in facts.languages:
        swaps = [swap for swap in facts.swaps if swap.declared == row.lang]
        cells = [
            row.lang,
            f"{row.texts:,}",
            *(_percent(part, row.texts) for part in (row.right, row.in_set, row.dropped)),
            *(f"{row.reasons.get(reason, 0):,}" for reason in reasons),
            _caught(swap for swap in swaps if not swap.confusable),
            _caught(swap for swap in swaps if swap.confusable),
        ]
        rows.append(cells)
    echo(table(head, rows, title=f"{facts.model} at the limits of {facts.recipe}"))
    echo(
        "Strangers are references of languages outside the confusable set, relatives those of the "
        "other languages inside it. Both are declared to be in this language, and count as caught "
        "if any rule on language ID drops them."
    )
    echo()
    echo(_matrix(facts))


def show_confusions(rows: Sequence[Confusion]) -> None:
    """What right text of each language is taken for, and what a recipe should say of it."""
    cells = [
        [
            row.lang,
            f"{row.texts:,}",
            f"{100 * row.right:.1f}",
            f"{100 * row.dropped:.1f}",
            ", ".join(f"{code} {100 * share:.0f} %" for code, share in row.taken_for.items()),
            ", ".join(row.to_declare),
        ]
        for row in rows
    ]
    head = ["language", "texts", "right %", "dropped %", "taken for", "to declare"]
    echo(table(head, cells))
    if any(row.to_declare for row in rows):
        echo(
            "Rules on language ID drop text that is taken for a language which is not known as a "
            "relative. --write RECIPE declares it there."
        )


def _matrix(facts: LidFacts) -> str:
    """Texts of each language by the language that the model finds in them."""
    langs = [row.lang for row in facts.languages]
    heads = [lang[:3] if lang != "zho_Hant" else "Hant" for lang in langs]
    rows = []
    for row in facts.languages:
        counts = [row.taken_for.get(lang, 0) for lang in langs]
        others = {code: n for code, n in row.taken_for.items() if code not in langs}
        counts.append(sum(others.values()))
        cells = [f"{count:,}" if count else "" for count in counts]
        if others:  # in descending order, as taken_for is
            cells[-1] += f" ({next(iter(others))})"
        rows.append([row.lang, *cells])
    return table(["texts in", *heads, "others"], rows, title="taken for")


def _caught(swaps: Iterable[Swap]) -> str:
    rows = list(swaps)
    return _percent(sum(row.caught for row in rows), sum(row.texts for row in rows))


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f}" if whole else "–"


def show_curves(curves: Sequence[Curve]) -> None:
    """For each share of references lost, the relatives caught, and the limit that does it."""
    head = ["model", "language", "texts", "relatives", *(f"{loss:g} % lost" for loss in LOSSES)]
    rows = []
    for curve in curves:
        points = [curve.tightest(loss) for loss in LOSSES]
        cells = [
            curve.model,
            curve.lang,
            f"{curve.texts:,}",
            f"{sum(curve.relatives.values()):,}",
            *("–" if p is None else f"{p.caught:.1f} ({p.limit:g})" for p in points),
        ]
        rows.append(cells)
    echo(table(head, rows, title="% of relatives caught", text=["language"]))
    echo(
        "The number in brackets is the limit on lid.tgt_within_set_margin. "
        "A dash: every limit loses more."
    )

"""Figures of people's labels: by name for ``--fail-on``, and in words for page, card, terminal."""

import math

from sealdata.labels.facts import AnnotationFacts

PRECISION, WRONGLY_DROPPED, RECALL = "precision_kept", "correct_dropped", "recall"
LABEL_METRICS = (PRECISION, WRONGLY_DROPPED, RECALL)


def label_metrics(annotation: AnnotationFacts) -> dict[str, float]:
    """Estimates by name, and the ends of their 95 % intervals with ``_low`` and ``_high`` appended.

    ``precision_kept`` is the share of correct pairs among kept ones. ``correct_dropped`` is that
    among pairs dropped by rules, with ``.REASON`` for one reason. ``recall`` is the share of
    correct pairs that are kept. Each also exists with ``.LANGUAGE`` at the end.
    """
    values: dict[str, float] = {}

    def put(name: str, ends: str, share: float, interval: tuple[float, float]) -> None:
        low, high = interval
        for suffix, value in (("", share), ("_low", low), ("_high", high)):
            values[f"{name}{suffix}{ends}"] = value

    for fact in annotation.shares:
        lang = "" if fact.lang == "all" else f".{fact.lang}"
        reason = "" if fact.dropped_by in (None, "all") else f".{fact.dropped_by}"
        name = PRECISION if fact.kept else WRONGLY_DROPPED
        put(name, reason + lang, fact.share, fact.interval)
    for recall in annotation.recall:
        lang = "" if recall.lang == "all" else f".{recall.lang}"
        put(RECALL, lang, recall.share, recall.interval)
    return values


def summary(annotation: AnnotationFacts) -> list[str]:
    """The main figures over all languages, a sentence each, and what they leave out."""
    lines = [f"{annotation.judged:,} of {annotation.drawn:,} drawn pairs were judged by people."]
    if annotation.unsure:
        lines.append(f"{annotation.unsure:,} more could not be judged, and are left out.")
    kept, dropped = (annotation.share_of("all", kept) for kept in (True, False))
    if kept:
        lines.append(f"{share_text(kept.share, kept.interval)} of the kept pairs are correct.")
    if dropped:
        share = share_text(dropped.share, dropped.interval)
        lines.append(f"{share} of the pairs dropped by rules are correct.")
    for recall in annotation.recall:
        if recall.lang == "all":
            share = share_text(recall.share, recall.interval)
            lines.append(f"The rules keep {share} of the correct pairs.")
    for pair in annotation.agreement:
        kappa = "" if pair.kappa is None else f", Cohen's kappa {pair.kappa:.2f}"
        lines.append(
            f"{pair.first} and {pair.second} agree on {pair.agreed:,} of {pair.shared:,} "
            f"pairs{kappa}."
        )
    for annotator in annotation.annotators:
        ignored = [
            f"Labels of {annotator.name} left out: {count:,} ({reason})."
            for count, reason in (
                (
                    annotator.not_drawn,
                    "their pairs were not drawn at random",
                ),
                (annotator.changed, "the text of their pairs has changed since"),
            )
            if count
        ]
        lines += ignored
    return lines


def share_text(share: float, interval: tuple[float, float]) -> str:
    """``96.2 % (91.3 to 98.9 %)``; rounding makes neither 0 nor 100 of another share.

    Where every pair was judged there is no interval.
    """
    low, high = interval
    if math.isclose(low, high):
        return f"{_percent(share)} % (all judged)"
    return f"{_percent(share)} % ({_percent(low)} to {_percent(high)} %)"


def _percent(share: float) -> str:
    # Cut towards the middle: a limit of 99.97 % must not read as certainty.
    percent = 100 * share
    if 0 < percent < 0.1:
        return "0.1"
    return "99.9" if 99.9 < percent < 100 else f"{percent:.1f}"

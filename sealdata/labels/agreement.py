"""Which labels mean a correct pair, and how far annotators agree on it."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations

from sealdata.labels.facts import AgreementFacts
from sealdata.labels.sheet import CORRECT

UNSURE = "?"
# Labels of ``browse`` count as those of a sheet: only "good" is correct.
GOOD = (*CORRECT, "good")


def agreements(annotators: Sequence[tuple[str, Mapping[int, str]]]) -> Iterator[AgreementFacts]:
    """A fact for each two annotators that share pairs, by their names and their labels by pair."""
    for (first, labels), (second, others) in combinations(annotators, 2):
        shared = [
            (labels[number] in GOOD, others[number] in GOOD)
            for number in labels.keys() & others.keys()
            if UNSURE not in (labels[number], others[number])
        ]
        if shared:
            yield AgreementFacts(
                first=first,
                second=second,
                shared=len(shared),
                agreed=sum(a == b for a, b in shared),
                kappa=cohens_kappa(shared),
            )


def cohens_kappa(judged: Sequence[tuple[bool, bool]]) -> float | None:
    """Agreement beyond chance, from -1 to 1; None if both annotators say the same of all pairs.

    Source: Cohen 1960.
    """
    rows = len(judged)
    agreed = sum(a == b for a, b in judged) / rows
    first, second = (sum(pair[side] for pair in judged) / rows for side in (0, 1))
    chance = first * second + (1 - first) * (1 - second)
    return None if chance == 1 else (agreed - chance) / (1 - chance)

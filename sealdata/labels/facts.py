"""The facts of people's labels, as ``audit.json`` and ``annotation.json`` hold them."""

from pydantic import BaseModel, ConfigDict


class _Facts(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LabelShare(_Facts):
    """The estimated share of correct translations among kept pairs, or among dropped ones.

    ``lang`` and ``dropped_by`` are "all" where languages or reasons are taken together.
    ``interval`` is the 95 % interval of the share.
    """

    lang: str
    kept: bool
    dropped_by: str | None  # the reason; None for kept pairs
    pairs: int  # that the share stands for
    labelled: int  # without those that an annotator could not judge
    correct: int  # of the labelled pairs; the share weighs them by the sizes of their strata
    share: float
    interval: tuple[float, float]


class RecallFacts(_Facts):
    """The estimated share of correct pairs that the rules keep, with its 95 % interval."""

    lang: str  # "all" for all languages together
    share: float
    interval: tuple[float, float]


class AnnotationPrecisionFacts(_Facts):
    """The share of kept pairs that annotators labelled correct, in one range of a score.

    ``interval`` is the 95 % interval of the share.
    """

    lang: str
    score: str
    low: float | None  # None at an open end
    high: float | None  # of the next range
    rows: int
    correct: int
    interval: tuple[float, float]


class AnnotatorFacts(_Facts):
    """What one annotator labelled.

    Labels of pairs that were not drawn are in no estimate: they are not a random sample.
    """

    name: str
    labelled: int  # drawn pairs, those that could not be judged included
    unsure: int  # of them
    not_drawn: int  # labels of other pairs
    changed: int  # labels of texts that have changed since; they are ignored


class AgreementFacts(_Facts):
    """How far two annotators agree whether a pair is correct, on the pairs that both judged."""

    first: str
    second: str
    shared: int
    agreed: int
    kappa: float | None  # Cohen's; None if both always said the same


class AnnotationFacts(_Facts):
    """What people said of the pairs drawn for annotation, and what follows for all pairs."""

    drawn: int  # pairs of the sheet
    judged: int  # of them, by at least one annotator
    unsure: int  # of them: labelled, but by no one who could judge the pair
    labels: dict[str, int]  # labels given to drawn pairs, by label
    annotators: list[AnnotatorFacts]
    agreement: list[AgreementFacts]  # of each two annotators that share pairs
    shares: list[LabelShare]
    recall: list[RecallFacts]
    by_score: list[AnnotationPrecisionFacts]

    def share_of(self, lang: str, kept: bool, dropped_by: str = "all") -> LabelShare | None:
        """The share of kept pairs of a language, or of those dropped for a reason."""
        for share in self.shares:
            same = share.lang == lang and share.kept == kept
            if same and (kept or share.dropped_by == dropped_by):
                return share
        return None

"""The facts of a trial: what a recipe does to references, and to defects made of them."""

from collections.abc import Collection
from pathlib import Path

import polars as pl
from pydantic import BaseModel, ConfigDict, computed_field

from sealdata.errors import CheckError, ConfigError
from sealdata.gold.defects import DEFECTS, spoil
from sealdata.gold.references import read_references
from sealdata.gold.trial import recipe_languages, try_pairs
from sealdata.pipeline.plan import Plan
from sealdata.recipe.tables import Recipe
from sealdata.workflow.protocols import Engine, Progress

MAX_EXAMPLES = 3  # rejected references by language and reason


class _Facts(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Example(_Facts):
    """A rejected reference as written, with the scores that the reason rests on."""

    reason: str
    set: str
    line: int  # counted from 1
    src: str
    tgt: str
    scores: dict[str, float | None]


class Rejections(_Facts):
    """Pairs of one language, and the reasons for rejecting some of them."""

    lang: str
    pairs: int
    rejected: int
    first: dict[str, int]  # by the first rule that a pair fails
    any: dict[str, int]  # by every rule that it fails, among the scores that it has

    @computed_field  # type: ignore[prop-decorator]
    @property
    def percent(self) -> float:
        """Percent of the pairs that are rejected, 0 to 100."""
        return 100 * self.rejected / self.pairs


class LanguageFacts(Rejections):
    """What the recipe does to the references of a language."""

    untranslated: int = 0  # rejected pairs with the same text on both sides, a fault of the file
    examples: list[Example]

    def untranslated_note(self) -> str:
        """``0.30 % without 34 that are the same text on both sides``; empty if there are none."""
        if not self.untranslated:
            return ""
        rest = 100 * (self.rejected - self.untranslated) / max(self.pairs - self.untranslated, 1)
        return f"{rest:.2f} % without {self.untranslated:,} that are the same text on both sides"


class DefectFacts(Rejections):
    """What the recipe does to one kind of defect; a cleaner may also repair it."""

    kind: str
    repaired: int  # accepted pairs that are equal to their reference after cleaning

    @computed_field  # type: ignore[prop-decorator]
    @property
    def recall(self) -> float:
        """Percent of the pairs that are rejected or repaired, 0 to 100."""
        return 100 * (self.rejected + self.repaired) / self.pairs


class GoldFacts(_Facts):
    """The result of ``sealdata gold``."""

    recipe: str
    references: str
    max_percent: float
    skipped: list[str]
    without_references: list[str]  # languages of the recipe without references
    model_notes: list[str] = []  # what models of scorers cannot judge
    # with too few references to learn a lexicon from, so that no rule on its scores can fail
    without_lexicon: list[str] = []
    languages: list[LanguageFacts]
    defects: list[DefectFacts]  # empty if they were not requested

    def check(self) -> None:
        """Fail if a language loses more than ``max_percent`` of its references.

        Raises:
            CheckError: the message names these languages.
        """
        above = [row for row in self.languages if row.percent > self.max_percent]
        if above:
            shares = ", ".join(_share(row) for row in above)
            raise CheckError(
                f"{self.recipe} rejects more than {self.max_percent:g} % of the references of "
                f"{len(above)} of {len(self.languages)} languages: {shares}"
            )


def _share(row: LanguageFacts) -> str:
    note = row.untranslated_note()
    return f"{row.lang} {row.percent:.2f} %" + (f" ({note})" if note else "")


def gold(
    recipe: Recipe,
    base: Path,
    folder: Path,
    engine: Engine,
    progress: Progress,
    *,
    defects: bool = False,
    skip: Collection[str] = (),
    max_percent: float = 1.0,
) -> GoldFacts:
    """Run the references in ``folder`` through the stages of ``recipe``, whose folder is ``base``.

    Raises:
        ConfigError: no references in a language of the recipe; see ``try_pairs``.
        DataError: see ``read_references``.
    """
    references = read_references(folder)
    with_references = set(references["lang"])
    recipe_langs = recipe_languages(recipe)
    langs = [lang for lang in recipe_langs if lang in with_references]
    if not langs:
        raise ConfigError(f"{folder} has no references in a language of {recipe.name!r}")
    pairs = references.filter(pl.col("lang").is_in(langs)).with_columns(
        kind=pl.lit(None, pl.String)
    )
    if defects:
        pairs = pl.concat([pairs, spoil(references, langs)])
    tried = try_pairs(recipe, base, pairs, skip, engine, progress)
    plain = tried.filter(pl.col("kind").is_null())
    return GoldFacts(
        recipe=recipe.name,
        references=str(folder),
        max_percent=max_percent,
        skipped=sorted(skip),
        without_references=[lang for lang in recipe_langs if lang not in with_references],
        model_notes=_model_notes(recipe, base, skip),
        without_lexicon=[lang for lang in langs if _lacks_lexicon(plain, lang)],
        languages=[_language_facts(plain, lang, recipe) for lang in langs],
        defects=_defect_facts(tried, langs) if defects else [],
    )


def _model_notes(recipe: Recipe, base: Path, skip: Collection[str]) -> list[str]:
    scorers = Plan(recipe, base).scorers
    used = [model for name in scorers if name not in skip for model in scorers[name].models()]
    notes = [model for model in used if model.note and not model.demonstration]
    return [f"{model.use} by {model.name}. {model.note}" for model in notes]


def _lacks_lexicon(plain: pl.DataFrame, lang: str) -> bool:
    name = "lexicon.evidence"
    if name not in plain.columns:
        return False
    return plain.filter(pl.col("lang") == lang)[name].is_null().all()


def _rejections(tried: pl.DataFrame) -> dict[str, int | dict[str, int]]:
    rejected = tried.filter(pl.col("reason").is_not_null())
    return {
        "pairs": tried.height,
        "rejected": rejected.height,
        "first": _counts(rejected["reason"]),
        "any": _counts(rejected["reasons"].explode()),
    }


def _counts(reasons: pl.Series) -> dict[str, int]:
    """Pairs by reason, the most frequent reason first, then by name."""
    counts = reasons.alias("reason").value_counts()
    return dict(counts.sort("count", "reason", descending=[True, False]).rows())


def _language_facts(plain: pl.DataFrame, lang: str, recipe: Recipe) -> LanguageFacts:
    lang_rows = plain.filter(pl.col("lang") == lang)
    rejected = lang_rows.filter(pl.col("reason").is_not_null())
    shown = rejected.filter(pl.int_range(pl.len()).over("reason") < MAX_EXAMPLES)
    examples = [_example(row, recipe) for row in shown.sort("reason").iter_rows(named=True)]
    copies = rejected.filter(pl.col("src").str.strip_chars() == pl.col("tgt").str.strip_chars())
    return LanguageFacts(
        lang=lang, untranslated=copies.height, examples=examples, **_rejections(lang_rows)
    )


def _example(row: dict[str, object], recipe: Recipe) -> Example:
    columns = [rule.score for rule in recipe.rule if rule.reason == row["reason"]]
    scores = {name: row[name] for name in columns if name in row}
    kept = {name: row[name] for name in ("reason", "set", "line", "src", "tgt")}
    return Example.model_validate({**kept, "scores": scores})


def _defect_facts(tried: pl.DataFrame, langs: list[str]) -> list[DefectFacts]:
    """A row for each kind and language in which the defect could be made."""
    position = ["lang", "set", "line"]
    undamaged = tried.filter(pl.col("kind").is_null()).select(*position, sound="read")
    spoiled = tried.filter(pl.col("kind").is_not_null()).join(undamaged, on=position, how="left")
    is_repaired = pl.col("reason").is_null() & (pl.col("read") == pl.col("sound"))
    groups = spoiled.with_columns(whole=is_repaired).partition_by("kind", "lang", as_dict=True)
    return [
        DefectFacts(lang=lang, kind=kind, repaired=int(rows["whole"].sum()), **_rejections(rows))
        for kind in DEFECTS
        for lang in langs
        if (rows := groups.get((kind, lang))) is not None
    ]

"""What a recipe does to references, and to defects made of them: the facts of one trial."""

from collections.abc import Collection
from pathlib import Path

import polars as pl
from pydantic import BaseModel, ConfigDict, computed_field

from sealdata.errors import CheckError, ConfigError
from sealdata.gold.defects import DEFECTS, spoil
from sealdata.gold.references import read_references
from sealdata.gold.trial import recipe_languages, try_pairs
from sealdata.recipe.tables import Recipe
from sealdata.workflow.stage import Engine, Progress

EXAMPLES = 3  # rejected references shown per language and reason


class _Facts(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Example(_Facts):
    """A rejected reference, as written, and its values of the scores that the reason looks at."""

    reason: str
    set: str
    line: int  # counted from 1
    src: str
    tgt: str
    scores: dict[str, float | None]


class Rejections(_Facts):
    """Pairs of one language, and the reasons for which some are rejected."""

    lang: str
    pairs: int
    rejected: int
    first: dict[str, int]  # by the first rule that a pair fails
    any: dict[str, int]  # by every rule that it fails, among the scores it has

    @computed_field  # type: ignore[prop-decorator]
    @property
    def percent(self) -> float:
        """Rejected of all, 0 to 100."""
        return 100 * self.rejected / self.pairs


class LanguageFacts(Rejections):
    """What the recipe does to the references of a language."""

    untranslated: int = 0  # of the rejected: one text on both sides, a fault of the file
    examples: list[Example]

    def untranslated_note(self) -> str:
        """What is left without such pairs, or nothing: ``0.30 % without 34 that are ...``."""
        if not self.untranslated:
            return ""
        rest = 100 * (self.rejected - self.untranslated) / max(self.pairs - self.untranslated, 1)
        return f"{rest:.2f} % without {self.untranslated:,} that are the same text on both sides"


class DefectFacts(Rejections):
    """What the recipe does to one kind of defect; a cleaner may also repair it."""

    kind: str
    repaired: int  # accepted, after cleaning equal to the reference it was made of

    @computed_field  # type: ignore[prop-decorator]
    @property
    def recall(self) -> float:
        """Percent rejected or repaired, 0 to 100."""
        return 100 * (self.rejected + self.repaired) / self.pairs


class GoldFacts(_Facts):
    """The result of ``sealdata gold``."""

    recipe: str
    references: str
    max_percent: float
    skipped: list[str]
    without_references: list[str]  # languages of the recipe
    languages: list[LanguageFacts]
    defects: list[DefectFacts]  # empty unless asked for

    def check(self) -> None:
        """Raise unless every language is within ``max_percent``.

        Raises:
            CheckError: names those that are not.
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
    """Evaluate the references in ``folder``, in the recipe's languages, by the recipe in ``base``.

    Raises:
        ConfigError: no references in a language of the recipe; see ``try_pairs``.
        DataError: see ``read_references``.
    """
    references = read_references(folder)
    known = set(references["lang"])
    wanted = recipe_languages(recipe)
    langs = [lang for lang in wanted if lang in known]
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
        without_references=[lang for lang in wanted if lang not in known],
        languages=[_language_facts(plain, lang, recipe) for lang in langs],
        defects=_defect_facts(tried, langs) if defects else [],
    )


def _rejections(tried: pl.DataFrame) -> dict[str, int | dict[str, int]]:
    rejected = tried.filter(pl.col("reason").is_not_null())
    return {
        "pairs": tried.height,
        "rejected": rejected.height,
        "first": _counts(rejected["reason"]),
        "any": _counts(rejected["reasons"].explode()),
    }


def _counts(reasons: pl.Series) -> dict[str, int]:
    """Most frequent first, then by name."""
    counts = reasons.alias("reason").value_counts()
    return dict(counts.sort("count", "reason", descending=[True, False]).rows())


def _language_facts(plain: pl.DataFrame, lang: str, recipe: Recipe) -> LanguageFacts:
    own = plain.filter(pl.col("lang") == lang)
    rejected = own.filter(pl.col("reason").is_not_null())
    shown = rejected.filter(pl.int_range(pl.len()).over("reason") < EXAMPLES)
    examples = [_example(row, recipe) for row in shown.sort("reason").iter_rows(named=True)]
    copies = rejected.filter(pl.col("src").str.strip_chars() == pl.col("tgt").str.strip_chars())
    return LanguageFacts(
        lang=lang, untranslated=copies.height, examples=examples, **_rejections(own)
    )


def _example(row: dict[str, object], recipe: Recipe) -> Example:
    columns = [rule.score for rule in recipe.rule if rule.reason == row["reason"]]
    scores = {name: row[name] for name in columns if name in row}
    kept = {name: row[name] for name in ("reason", "set", "line", "src", "tgt")}
    return Example.model_validate({**kept, "scores": scores})


def _defect_facts(tried: pl.DataFrame, langs: list[str]) -> list[DefectFacts]:
    """One row per kind and language that the references have such defects of."""
    place = ["lang", "set", "line"]
    sound = tried.filter(pl.col("kind").is_null()).select(*place, sound="read")
    spoiled = tried.filter(pl.col("kind").is_not_null()).join(sound, on=place, how="left")
    whole = pl.col("reason").is_null() & (pl.col("read") == pl.col("sound"))
    groups = spoiled.with_columns(whole=whole).partition_by("kind", "lang", as_dict=True)
    return [
        DefectFacts(lang=lang, kind=kind, repaired=int(rows["whole"].sum()), **_rejections(rows))
        for kind in DEFECTS
        for lang in langs
        if (rows := groups.get((kind, lang))) is not None
    ]

"""What a language-ID model takes right text of a language for."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict

from sealdata.gold.lid_eval import evaluate
from sealdata.gold.references import ENGLISH
from sealdata.languages import language_of_tag, relatives
from sealdata.recipe.tables import Recipe

# Share of a language's references that a model must take for another one. Below, it is chance.
MIN_SHARE = 0.05
# Share of references that rules on language ID may drop before anything has to be declared.
MAX_DROPPED = 0.005


class Confusion(BaseModel):
    """The references of one language, and the languages that a model takes many of them for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    lang: str
    texts: int
    right: float  # share whose likeliest language is the declared one, 0 to 1
    taken_for: dict[str, float]  # known language -> share, of at least MIN_SHARE; highest first
    relatives: list[str]  # those that are relatives already: no rule counts them as another
    dropped: float  # share that the rules on language ID drop, 0 to 1
    # what a recipe has to say so that no rule does; empty where hardly any text is dropped
    to_declare: list[str]


def confusions(recipe: Recipe, base: Path, refs: Path, model: str | None = None) -> list[Confusion]:
    """A row for each language with references in ``refs`` except English.

    English is never among what is declared: text that looks like English is not a relative, but
    often not translated.

    Raises:
        ConfigError: see ``evaluate``.
        DataError: see ``evaluate``.
    """
    rows = []
    for row in evaluate(recipe, base, refs, model).languages:
        if row.lang == ENGLISH:
            continue
        shares = {
            code: count / row.texts
            for code, count in row.taken_for.items()
            if code != row.lang and language_of_tag(code) and count >= MIN_SHARE * row.texts
        }
        near = [code for code in shares if code in relatives(row.lang)]
        rows.append(
            Confusion(
                lang=row.lang,
                texts=row.texts,
                right=row.right / row.texts,
                taken_for=shares,
                relatives=near,
                dropped=row.dropped / row.texts,
                to_declare=[
                    code
                    for code in shares
                    if row.dropped > MAX_DROPPED * row.texts and code not in (*near, ENGLISH)
                ],
            )
        )
    return rows

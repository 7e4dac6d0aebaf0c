"""Checks of what a recipe says about scores: their names, and the limits on them."""

import difflib
import math
from collections.abc import Collection, Mapping

from sealdata.component import available
from sealdata.errors import ConfigError
from sealdata.recipe.tables import RuleTable
from sealdata.scorers import ANY_NUMBER, Scorer


def check_score(
    where: str, score: str, scorers: Mapping[str, Scorer], plugins: Collection[str] = ()
) -> None:
    """Refuse a score that no table computes, or that has no order.

    ``where`` names it in the message, and ``scorers`` are those of the recipe by name. ``plugins``
    are the names of all scorers from outside, with or without a table in the recipe.

    Raises:
        ConfigError: see above; the message has the nearest name.
    """
    scorer, _, column = score.partition(".")
    # A score is named ``SCORER.COLUMN``. Without its [score] table no stage would compute the
    # column.
    if scorer not in scorers:
        raise ConfigError(f"{where} needs {score!r}, {_cure(scorer, scorers, plugins)}")
    component = scorers[scorer]
    # Recipes outlive the names of columns, so the message says what to write.
    if new_name := component.renamed.get(column):
        raise ConfigError(f"{where}: score {score!r} is now called '{scorer}.{new_name}'")
    # The set of columns depends on the parameters: margins exist only if the table asks for
    # them.
    columns = list(component.columns)
    if component.over_corpus:
        columns += component.corpus_columns
    # The column is known, so the message names the parameter that is missing.
    elif column in component.corpus_columns:
        raise ConfigError(
            f"{where} needs {score}, which is computed where [score.{scorer}] says "
            f'{column} = "ratio" (or "distance")'
        )
    if column not in columns:
        nearest = difflib.get_close_matches(column, columns, n=1)
        hint = f"did you mean '{scorer}.{nearest[0]}'? " if nearest else ""
        names = ", ".join(f"{scorer}.{name}" for name in columns)
        raise ConfigError(f"{where}: no score {score!r}; {hint}known: {names}")
    if component.ranges.get(column, ANY_NUMBER) is None:
        raise ConfigError(f"{where}: {score} is text, which has no order; take a number")


def check_limits(rule: RuleTable, scorers: Mapping[str, Scorer]) -> None:
    """Refuse a limit that drops everything or nothing, as a percentage does for a share.

    Raises:
        ConfigError: a limit lies outside the range of its score, or is that of another score.
    """
    scorer, _, column = rule.score.partition(".")
    allowed = scorers[scorer].limits(column)
    if allowed is None:
        return
    # Bounds of languages and sources may hold the same mistake as the general ones.
    limits = [rule.min, rule.max]
    for bounds in (*rule.languages.values(), *rule.sources.values()):
        limits += [bounds.min, bounds.max]
    for limit in limits:
        # Infinity takes a general limit away in a language: it is a limit of no score.
        if limit is None or math.isinf(limit):
            continue
        if not allowed.low <= limit <= allowed.high:
            raise ConfigError(
                f"rule {rule.reason!r}: {limit:g} is not a threshold of {allowed.kind} "
                f"({rule.score}): {allowed.why}"
            )
        # A limit may be in the range and still be another score's: 1.06 is NLLB's margin, not
        # that of one corpus.
        if limit in allowed.borrowed:
            raise ConfigError(
                f"rule {rule.reason!r}: {limit:g} for {rule.score}: {allowed.borrowed[limit]}"
            )


def _cure(name: str, tables: Collection[str], plugins: Collection[str]) -> str:
    """What to do about a score of a scorer that the recipe has no table for."""
    scorers = [*available("scorers"), *plugins]
    if name in scorers:
        return f"but there is no [score.{name}]; add that table"
    if nearest := difflib.get_close_matches(name, tables, n=1):
        return f"but there is no [score.{name}]; did you mean [score.{nearest[0]}]?"
    nearest = difflib.get_close_matches(name, scorers, n=1)
    hint = f"; did you mean {nearest[0]!r}?" if nearest else f": {', '.join(scorers)}"
    return f"but no scorer is named {name!r}{hint}"

"""The headline figures of an audit by name, and checks of them for CI."""

import difflib
import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

from sealdata.build_manifest import FunnelRow
from sealdata.errors import CheckError, ConfigError, DataError
from sealdata.filter_stages import STAGE_NAMES
from sealdata.plugins.metric import Metric
from sealdata.report.audit_rows import share_error
from sealdata.report.label_figures import LABEL_METRICS, label_metrics
from sealdata.report.schema import AuditFacts

# A name, a comparison and a decimal number. ``eval`` would run any code that CI configuration
# contains.
_CHECK = re.compile(r"\s*([A-Za-z_][\w.-]*)\s*(<=|>=|==|!=|<|>)\s*([-+]?[\d.]+(?:e[-+]?\d+)?)\s*")
_FIGURES = (  # what a name may begin with, see ``metrics_of``
    *("records", "kept", "kept_share", "lost_share", "tokens"),
    *("any_share", "duplicate_share", "leak_share", *LABEL_METRICS),
)
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}


def metrics_of(facts: AuditFacts) -> tuple[dict[str, float], dict[str, float]]:
    """Values by name, and errors by name of those values that are estimated.

    ``records``, ``kept``, ``kept_share`` and ``lost_share.STAGE`` (of the records), ``tokens``;
    ``any_share.REASON`` (of the pairs compared); ``duplicate_share``, ``leak_share``; with labels
    also those of ``label_metrics``. Each also has a value for each language, as
    ``kept_share.jav_Latn``. Errors are half the width of the interval at ``basis.confidence``.
    """
    values: dict[str, float] = {}
    errors: dict[str, float] = {}
    build, basis = facts.build, facts.basis
    # Each is a count per row of the funnel; the share is over the records of the files.
    shares: dict[str, Callable[[FunnelRow], int]] = {"kept_share": lambda row: row.kept}
    shares |= {f"lost_share.{stage}": partial(FunnelRow.lost, stage=stage) for stage in STAGE_NAMES}
    total = sum(row.records for row in build.funnel)
    values |= {"records": total, "kept": sum(row.kept for row in build.funnel)}
    for lang in build.languages:
        rows = [row for row in build.funnel if row.lang == lang]
        # Every figure also exists for each language, with the code at the end of its name.
        _put(values, lang, records=sum(r.records for r in rows), kept=sum(r.kept for r in rows))
    always = {"kept_share", *(f"lost_share.{stage}" for stage in _stages(facts))}
    for name, count in shares.items():
        lost = sum(map(count, build.funnel))
        # A stage that the recipe does not use has no figure, rather than a 0 that looks like a
        # result.
        if not lost and name not in always:
            continue
        values[name] = _share(lost, total)
        counted = basis.exact or name == "lost_share.ingest"  # unreadable records are counted
        # Errors of languages are independent, so their squares add up.
        variance = 0.0
        for lang in build.languages:
            rows = [row for row in build.funnel if row.lang == lang]
            records, lang_count = values[f"records.{lang}"], sum(map(count, rows))
            values[f"{name}.{lang}"] = _share(lang_count, records)
            if counted:
                continue
            # The error is of a share of readable pairs. The figure is a share of records, hence the
            # second factor.
            error = facts_error(facts, lang, _share(lang_count, basis.rows[lang]))
            errors[f"{name}.{lang}"] = error * _share(basis.rows[lang], records)
            variance += (errors[f"{name}.{lang}"] * records) ** 2
        # From pairs back to a share of all records.
        if not counted and total:
            errors[name] = variance**0.5 / total
    _reason_shares(facts, values, errors)
    _flag_shares(facts, values)
    if facts.annotation:
        values |= label_metrics(facts.annotation)
    # An audit packs nothing, so it has no tokens to report.
    if build.streams:
        values["tokens"] = sum(stream.num_tokens for stream in build.streams)
    return values, errors


def plugin_metrics(facts: AuditFacts, metrics: Mapping[str, Metric]) -> dict[str, float]:
    """The figures of plugins, as ``NAME.FIGURE``.

    Raises:
        DataError: a plugin fails, or returns another figure than it states, or no finite number.
    """
    table = facts.model_dump(mode="json") if metrics else {}
    values = {}
    for name, metric in metrics.items():
        try:
            figures = metric.values(table)
        except Exception as error:
            said = " ".join(str(error).split())
            raise DataError(f"[metric.{name}] raises {type(error).__name__}: {said}") from None
        for figure, value in figures.items():
            if figure.partition(".")[0] not in metric.figures:
                stated = ", ".join(metric.figures)
                raise DataError(f"[metric.{name}] returns {figure!r}; its figures are {stated}")
            if not isinstance(value, int | float) or not math.isfinite(value):
                raise DataError(f"[metric.{name}] returns {value!r} for {figure!r}, not a number")
            if f"{name}.{figure}" in facts.metrics:
                raise DataError(f"[metric.{name}] returns {figure!r}, which the audit has already")
            values[f"{name}.{figure}"] = float(value)
    return values


def facts_error(facts: AuditFacts, lang: str, share: float) -> float:
    """The error of a share of the pairs of ``lang``."""
    basis = facts.basis
    if basis.exact or not basis.rows[lang]:
        return 0.0
    return share_error(share, basis.sampled[lang], basis.rows[lang])


class Check(NamedTuple):
    """A condition that must not hold: a figure, a comparison and a number."""

    text: str
    name: str
    sign: str
    limit: float


def read_checks(expressions: Sequence[str]) -> list[Check]:
    """Expressions such as ``kept_share<0.5``.

    Raises:
        ConfigError: an expression does not compare a known figure with a number.
    """
    checks = []
    for text in expressions:
        match = _CHECK.fullmatch(text)
        if not match:
            raise ConfigError(
                f"{text!r} is not a check; write a figure, a comparison and a number, as "
                "kept_share<0.5"
            )
        name, sign, number = match.groups()
        # Names of stages, reasons and languages follow the point; they are known after the audit.
        # A name that resembles none of them may be a figure of a plugin.
        base = name.partition(".")[0]
        if not base.startswith(_FIGURES) and difflib.get_close_matches(base, _FIGURES, n=1):
            raise ConfigError(_unknown(base, _FIGURES))
        try:
            checks.append(Check(text.strip(), name, sign, float(number)))
        # The pattern admits texts such as "1.2.3", which are not numbers.
        except ValueError:
            raise ConfigError(f"{text!r}: {number!r} is not a number") from None
    return checks


def _unknown(name: str, figures: Sequence[str]) -> str:
    nearest = difflib.get_close_matches(name, figures, n=1)
    hint = f"did you mean {nearest[0]!r}?" if nearest else f"known: {', '.join(figures)}"
    return f"there is no figure {name!r}; {hint}"


def check(facts: AuditFacts, checks: Sequence[Check]) -> None:
    """Fail if any of the conditions holds.

    Raises:
        ConfigError: a condition names an unknown figure.
        CheckError: a condition holds; the message names all that do, with their values.
    """
    failed = []
    # All conditions are checked before the error, so that one run of CI names every failure.
    for text, name, sign, limit in checks:
        # An unknown figure is an error and not "does not hold": a typing error would always pass.
        if name not in facts.metrics:
            if name.startswith(LABEL_METRICS) and facts.annotation is None:
                raise ConfigError(
                    f"{name} needs labels: draw pairs with --annotate 200, label them, and name "
                    "the sheet with --annotated"
                )
            raise ConfigError(_unknown(name, list(facts.metrics)))
        # The estimate itself is compared. Its error is shown, for the reader to decide.
        if _COMPARE[sign](facts.metrics[name], limit):
            error = facts.errors.get(name)
            shown = f"{facts.metrics[name]:.6g}" + (f" ± {error:.2g}" if error else "")
            failed.append(f"{name} is {shown} ({text})")
    if failed:
        raise CheckError("; ".join(failed))


def _stages(facts: AuditFacts) -> set[str]:
    """The stages with a figure even if nothing was lost there: a check in CI needs the 0 too."""
    # A build runs every stage, so 0 is a measurement in all of them.
    if facts.basis.exact:
        return set(STAGE_NAMES)
    return {rule.stage for rule in facts.rules} | {stage for stage, _ in _compared(facts)}


def _compared(facts: AuditFacts) -> list[tuple[str, str]]:
    """The comparing stages that ran, each with the name of its share."""
    # The recipe says whether a stage ran, because a stage that drops no pair leaves no fact.
    recipe = facts.build.recipe
    is_set_by_stage = {
        ("dedup", "duplicate_share"): not recipe.get("dedup", {}).get("off", False),
        ("decontaminate", "leak_share"): bool(recipe.get("decontaminate", {}).get("refs")),
    }
    stages = {fact.stage for fact in facts.duplicates}
    return [names for names, is_set in is_set_by_stage.items() if is_set or names[0] in stages]


def _reason_shares(facts: AuditFacts, values: dict[str, float], errors: dict[str, float]) -> None:
    """Add the share of every reason of a rule or a pair; 0 if no pair has it."""
    rows = facts.basis.rows
    pairs = sum(rows.values())
    facts_of_rules = [fact for fact in facts.reasons if fact.stage != "ingest"]
    # Rules first, then reasons of masks; a reason that several rules share appears once.
    for reason in dict.fromkeys(
        (*(r.reason for r in facts.rules), *(f.reason for f in facts_of_rules))
    ):
        lang_facts = {fact.lang: fact for fact in facts_of_rules if fact.reason == reason}
        values[f"any_share.{reason}"] = _share(sum(fact.any for fact in lang_facts.values()), pairs)
        spread = 0.0
        for lang, count in rows.items():
            name = f"any_share.{reason}.{lang}"
            values[name] = _share(lang_facts[lang].any if lang in lang_facts else 0, count)
            if not facts.basis.exact:
                error = (
                    # A share of 0 in a sample has an error too: the reason may occur outside the
                    # sample.
                    lang_facts[lang].error if lang in lang_facts else facts_error(facts, lang, 0.0)
                )
                errors[name] = error
                spread += (error * count) ** 2
        if not facts.basis.exact and pairs:
            errors[f"any_share.{reason}"] = spread**0.5 / pairs


def _flag_shares(facts: AuditFacts, values: dict[str, float]) -> None:
    for stage, name in _compared(facts):
        # The number of pairs compared stands in for languages without a fact: nothing was flagged
        # there.
        flagged, of = dict.fromkeys(facts.build.languages, 0), dict(facts.basis.rows)
        # A stage may have several reasons in a language. Each is a fact over the same pairs.
        for fact in facts.duplicates:
            if fact.stage == stage:
                flagged[fact.lang] += fact.flagged
                of[fact.lang] = fact.of
        # These figures have no errors: duplicates and leaks are counted over all pairs.
        values |= {f"{name}.{lang}": _share(flagged[lang], of[lang]) for lang in flagged}
        values[name] = _share(sum(flagged.values()), sum(of.values()))


def _put(values: dict[str, float], lang: str, **figures: float) -> None:
    values |= {f"{name}.{lang}": value for name, value in figures.items()}


def _share(part: float, whole: float) -> float:
    # A share of nothing is 0, so that checks in CI have a number to compare.
    return part / whole if whole else 0.0

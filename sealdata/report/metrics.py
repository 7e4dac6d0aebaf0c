"""An audit's headline figures under flat names, and checks of them for CI."""

import difflib
import operator
import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

from sealdata.build_manifest import FunnelRow
from sealdata.errors import CheckError, ConfigError
from sealdata.filter_stages import STAGE_NAMES
from sealdata.report.audit_rows import share_error
from sealdata.report.schema import AuditFacts

_CHECK = re.compile(r"\s*([A-Za-z_][\w.-]*)\s*(<=|>=|==|!=|<|>)\s*([-+]?[\d.]+(?:e[-+]?\d+)?)\s*")
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}


def metrics_of(facts: AuditFacts) -> tuple[dict[str, float], dict[str, float]]:
    """(value by name, error by name of those that are estimated).

    ``records``, ``kept``, ``kept_share`` and ``lost_share.STAGE`` (of the records), ``tokens``;
    ``any_share.REASON`` (of the pairs compared); ``duplicate_share``, ``leak_share``. Each also for
    one language, as ``kept_share.jav_Latn``. Errors are half widths of the interval at
    ``basis.confidence``.
    """
    values: dict[str, float] = {}
    errors: dict[str, float] = {}
    build, basis = facts.build, facts.basis
    shares: dict[str, Callable[[FunnelRow], int]] = {"kept_share": lambda row: row.kept}
    shares |= {f"lost_share.{stage}": partial(FunnelRow.lost, stage=stage) for stage in STAGE_NAMES}
    total = sum(row.records for row in build.funnel)
    values |= {"records": total, "kept": sum(row.kept for row in build.funnel)}
    for lang in build.languages:
        rows = [row for row in build.funnel if row.lang == lang]
        _put(values, lang, records=sum(r.records for r in rows), kept=sum(r.kept for r in rows))
    always = {"kept_share", *(f"lost_share.{stage}" for stage in _stages(facts))}
    for name, count in shares.items():
        found = sum(map(count, build.funnel))
        if not found and name not in always:
            continue
        values[name] = _share(found, total)
        counted = basis.exact or name == "lost_share.ingest"  # as unreadable records are
        variance = 0.0
        for lang in build.languages:
            rows = [row for row in build.funnel if row.lang == lang]
            records, own = values[f"records.{lang}"], sum(map(count, rows))
            values[f"{name}.{lang}"] = _share(own, records)
            if counted:
                continue
            error = facts_error(facts, lang, _share(own, basis.rows[lang]))
            errors[f"{name}.{lang}"] = error * _share(basis.rows[lang], records)
            variance += (errors[f"{name}.{lang}"] * records) ** 2
        if not counted and total:
            errors[name] = variance**0.5 / total
    _reason_shares(facts, values, errors)
    _flag_shares(facts, values)
    if build.streams:
        values["tokens"] = sum(stream.num_tokens for stream in build.streams)
    return values, errors


def facts_error(facts: AuditFacts, lang: str, share: float) -> float:
    """The error of a share of the pairs of ``lang``."""
    basis = facts.basis
    if basis.exact or not basis.rows[lang]:
        return 0.0
    return share_error(share, basis.sampled[lang], basis.rows[lang])


class Check(NamedTuple):
    """What must not be: a figure, a comparison and a number."""

    text: str
    name: str
    sign: str
    limit: float


def read_checks(expressions: Sequence[str]) -> list[Check]:
    """Expressions such as ``kept_share<0.5``.

    Raises:
        ConfigError: one is no comparison of a name with a number.
    """
    found = []
    for text in expressions:
        match = _CHECK.fullmatch(text)
        if not match:
            raise ConfigError(
                f"{text!r} is no check; write a figure, a comparison and a number: kept_share<0.5"
            )
        name, sign, number = match.groups()
        try:
            found.append(Check(text.strip(), name, sign, float(number)))
        except ValueError:
            raise ConfigError(f"{text!r}: {number!r} is no number") from None
    return found


def check(facts: AuditFacts, checks: Sequence[Check]) -> None:
    """Compare the figures of an audit with what they must not be.

    Raises:
        ConfigError: one names no known figure.
        CheckError: one holds; the message names all that do, with their values.
    """
    failed = []
    for text, name, sign, limit in checks:
        if name not in facts.metrics:
            nearest = difflib.get_close_matches(name, facts.metrics, n=1)
            hint = (
                f"did you mean {nearest[0]!r}?" if nearest else f"known: {', '.join(facts.metrics)}"
            )
            raise ConfigError(f"no figure is called {name!r}; {hint}")
        if _COMPARE[sign](facts.metrics[name], limit):
            error = facts.errors.get(name)
            shown = f"{facts.metrics[name]:.6g}" + (f" ± {error:.2g}" if error else "")
            failed.append(f"{name} is {shown} ({text})")
    if failed:
        raise CheckError("; ".join(failed))


def _stages(facts: AuditFacts) -> set[str]:
    """The stages at which nothing may be lost and yet be known: a check in CI needs the 0 too."""
    if facts.basis.exact:
        return set(STAGE_NAMES)
    return {rule.stage for rule in facts.rules} | {stage for stage, _ in _compared(facts)}


def _compared(facts: AuditFacts) -> list[tuple[str, str]]:
    """Stages that compare pairs, if the recipe has them do so, and what their shares are called."""
    recipe = facts.build.recipe
    on = {
        ("dedup", "duplicate_share"): not recipe.get("dedup", {}).get("off", False),
        ("decontaminate", "leak_share"): bool(recipe.get("decontaminate", {}).get("refs")),
    }
    known = {fact.stage for fact in facts.duplicates}
    return [names for names, is_set in on.items() if is_set or names[0] in known]


def _reason_shares(facts: AuditFacts, values: dict[str, float], errors: dict[str, float]) -> None:
    """Of every reason of a rule and every other that was found; 0 where no pair has it."""
    rows = facts.basis.rows
    pairs = sum(rows.values())
    found = [fact for fact in facts.reasons if fact.stage != "ingest"]
    for reason in dict.fromkeys((*(r.reason for r in facts.rules), *(f.reason for f in found))):
        own = {fact.lang: fact for fact in found if fact.reason == reason}
        values[f"any_share.{reason}"] = _share(sum(fact.any for fact in own.values()), pairs)
        spread = 0.0
        for lang, count in rows.items():
            name = f"any_share.{reason}.{lang}"
            values[name] = _share(own[lang].any if lang in own else 0, count)
            if not facts.basis.exact:
                error = own[lang].error if lang in own else facts_error(facts, lang, 0.0)
                errors[name] = error
                spread += (error * count) ** 2
        if not facts.basis.exact and pairs:
            errors[f"any_share.{reason}"] = spread**0.5 / pairs


def _flag_shares(facts: AuditFacts, values: dict[str, float]) -> None:
    for stage, name in _compared(facts):
        flagged, of = dict.fromkeys(facts.build.languages, 0), dict(facts.basis.rows)
        for fact in facts.duplicates:
            if fact.stage == stage:
                flagged[fact.lang] += fact.flagged
                of[fact.lang] = fact.of
        values |= {f"{name}.{lang}": _share(flagged[lang], of[lang]) for lang in flagged}
        values[name] = _share(sum(flagged.values()), sum(of.values()))


def _put(values: dict[str, float], lang: str, **found: float) -> None:
    values |= {f"{name}.{lang}": value for name, value in found.items()}


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0

"""An audit's headline figures under flat names, and checks of them for CI."""

import difflib
import operator
import re
from collections.abc import Callable, Sequence
from functools import partial

from sealdata.build_manifest import STAGES, FunnelRow
from sealdata.errors import CheckError, ConfigError
from sealdata.report.evidence import share_error
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
    shares |= {f"lost_share.{stage}": partial(FunnelRow.lost, stage=stage) for stage in STAGES}
    total = sum(row.records for row in build.funnel)
    values |= {"records": total, "kept": sum(row.kept for row in build.funnel)}
    for lang in build.languages:
        rows = [row for row in build.funnel if row.lang == lang]
        _put(values, lang, records=sum(r.records for r in rows), kept=sum(r.kept for r in rows))
    for name, count in shares.items():
        found = sum(map(count, build.funnel))
        if not found and name != "kept_share":
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


def check(facts: AuditFacts, expressions: Sequence[str]) -> None:
    """Evaluate expressions such as ``kept_share<0.5``, each of which says what must not be.

    Raises:
        ConfigError: one is no comparison of a known figure with a number.
        CheckError: one holds; the message names all that do, with their values.
    """
    failed = []
    for text in expressions:
        match = _CHECK.fullmatch(text)
        if not match:
            raise ConfigError(
                f"{text!r} is no check; write a figure, a comparison and a number: kept_share<0.5"
            )
        name, sign, number = match.groups()
        if name not in facts.metrics:
            nearest = difflib.get_close_matches(name, facts.metrics, n=1)
            hint = (
                f"did you mean {nearest[0]!r}?" if nearest else f"known: {', '.join(facts.metrics)}"
            )
            raise ConfigError(f"no figure is called {name!r}; {hint}")
        try:
            limit = float(number)
        except ValueError:
            raise ConfigError(f"{text!r}: {number!r} is no number") from None
        if _COMPARE[sign](facts.metrics[name], limit):
            error = facts.errors.get(name)
            shown = f"{facts.metrics[name]:.6g}" + (f" ± {error:.2g}" if error else "")
            failed.append(f"{name} is {shown} ({text.strip()})")
    if failed:
        raise CheckError("; ".join(failed))


def _reason_shares(facts: AuditFacts, values: dict[str, float], errors: dict[str, float]) -> None:
    rows = facts.basis.rows
    pairs = sum(rows.values())
    for reason in dict.fromkeys(fact.reason for fact in facts.reasons if fact.stage != "ingest"):
        own = [fact for fact in facts.reasons if fact.reason == reason]
        values[f"any_share.{reason}"] = _share(sum(fact.any for fact in own), pairs)
        for fact in own:
            name = f"any_share.{reason}.{fact.lang}"
            values[name] = _share(fact.any, rows[fact.lang])
            if not facts.basis.exact:
                errors[name] = fact.error
        if not facts.basis.exact and pairs:
            seen = {fact.lang: fact.error for fact in own}
            error = {lang: seen.get(lang, facts_error(facts, lang, 0.0)) for lang in rows}
            spread = sum((error[lang] * count) ** 2 for lang, count in rows.items())
            errors[f"any_share.{reason}"] = spread**0.5 / pairs


def _flag_shares(facts: AuditFacts, values: dict[str, float]) -> None:
    for stage, name in (("dedup", "duplicate_share"), ("decontaminate", "leak_share")):
        own = [fact for fact in facts.duplicates if fact.stage == stage]
        for lang in dict.fromkeys(fact.lang for fact in own):
            here = [fact for fact in own if fact.lang == lang]
            values[f"{name}.{lang}"] = _share(sum(f.flagged for f in here), here[0].of)
        of = {fact.lang: fact.of for fact in own}
        values[name] = _share(sum(fact.flagged for fact in own), sum(of.values()))


def _put(values: dict[str, float], lang: str, **found: float) -> None:
    values |= {f"{name}.{lang}": value for name, value in found.items()}


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0

"""Why pairs were lost: by first reason, by any, by one alone; and which reasons meet."""

from collections import Counter
from collections.abc import Sequence

from sealdata.build_manifest import BuildManifest
from sealdata.filter_stages import STAGE_NAMES
from sealdata.report.audit_rows import Evidence
from sealdata.report.bound_rules import manifest_rules, stage_of
from sealdata.report.schema import ReasonFacts
from sealdata.report.tally import Combination, overlap


def reason_facts(
    manifest: BuildManifest, evidence: Evidence, counts: dict[str, Counter[Combination]]
) -> list[ReasonFacts]:
    """First failures from the funnel, all and sole ones from the rows; in gate and rule order.

    A record that could not be read fails for that one reason.
    """
    first: dict[tuple[str, str, str], int] = {}
    for row in manifest.funnel:
        for stage, reasons in row.dropped.items():
            for reason, count in reasons.items():
                key = (row.lang, stage, reason)
                first[key] = first.get(key, 0) + count
    stages: dict[str, str] = {r.reason: stage_of(r.score) for r in manifest_rules(manifest)}
    stages |= {reason: stage for _, stage, reason in first}
    for lang, own in counts.items():  # never the first reason in its language
        for reason in {reason for _, found in own for reason in found}:
            if reason in stages:
                first.setdefault((lang, stages[reason], reason), 0)
    facts = []
    for (lang, stage, reason), count in first.items():
        every = sum(n for (_, found), n in counts[lang].items() if reason in found)
        only = sum(n for (_, found), n in counts[lang].items() if found == (reason,))
        height, population = max(1, evidence.heights[lang]), max(1, evidence.population(lang))
        unreadable = stage == "ingest"  # counted in full, of which the ledger holds only so many
        facts.append(
            ReasonFacts(
                lang=lang,
                stage=stage,
                reason=reason,
                first=count,
                any=count if unreadable else evidence.estimate(lang, every),
                only=count if unreadable else evidence.estimate(lang, only),
                first_error=0.0 if unreadable else evidence.error(lang, count / population),
                error=0.0 if unreadable else evidence.error(lang, every / height),
                only_error=0.0 if unreadable else evidence.error(lang, only / height),
            )
        )
    order = {rule.reason: number for number, rule in enumerate(manifest_rules(manifest))}
    languages = manifest.languages
    return sorted(
        facts,
        key=lambda fact: (
            STAGE_NAMES.index(fact.stage),
            order.get(fact.reason, len(order)),
            fact.reason,
            languages.index(fact.lang),
        ),
    )


def overlap_facts(
    evidence: Evidence, counts: dict[str, Counter[Combination]], reasons: Sequence[ReasonFacts]
) -> dict[str, dict[str, dict[str, int]]]:
    names = list(dict.fromkeys(fact.reason for fact in reasons if fact.stage != "ingest"))
    every = {one: dict.fromkeys(names, 0) for one in names}
    tables = {"all": every}
    for lang, own in counts.items():
        known = Counter({key: n for key, n in own.items() if set(key[1]) <= set(names)})
        table = overlap(known, names)
        tables[lang] = {
            one: {other: evidence.estimate(lang, n) for other, n in row.items()}
            for one, row in table.items()
        }
        for one in names:
            for other in names:
                every[one][other] += tables[lang][one][other]
    return tables

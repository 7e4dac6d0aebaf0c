"""Why pairs were lost: by first reason, by any reason, by one reason only; and the overlaps."""

from collections import Counter
from collections.abc import Sequence

from sealdata.build_manifest import BuildManifest
from sealdata.filter_stages import STAGE_NAMES
from sealdata.report.audit_rows import AuditRows
from sealdata.report.bound_rules import manifest_rules, stage_of
from sealdata.report.reason_counts import Combination, overlap
from sealdata.report.schema import ReasonFacts


def reason_facts(
    manifest: BuildManifest, audit_rows: AuditRows, counts: dict[str, Counter[Combination]]
) -> list[ReasonFacts]:
    """First reasons from the funnel, any and only reasons from the rows.

    They are in the order of filter stages and rules. An unreadable record has this reason only.
    """
    first: dict[tuple[str, str, str], int] = {}
    for row in manifest.funnel:
        for stage, reasons in row.dropped.items():
            for reason, count in reasons.items():
                key = (row.lang, stage, reason)
                first[key] = first.get(key, 0) + count
    stages: dict[str, str] = {
        r.reason: stage_of(r.score, manifest) for r in manifest_rules(manifest)
    }
    # Readers and later stages share some reasons (empty_side, too_long). Rows that were read count
    # for the later stage; unreadable ones are the reader's.
    stages |= {reason: stage for _, stage, reason in first if stage != "ingest"}
    for lang, lang_counts in counts.items():  # a reason may never be the first in its language
        for reason in {reason for _, row_reasons in lang_counts for reason in row_reasons}:
            if reason in stages:
                first.setdefault((lang, stages[reason], reason), 0)
    facts = []
    for (lang, stage, reason), count in first.items():
        read = [(reasons, n) for (by, reasons), n in counts[lang].items() if by != "ingest"]
        every = sum(n for row_reasons, n in read if reason in row_reasons)
        only = sum(n for row_reasons, n in read if row_reasons == (reason,))
        height, population = max(1, audit_rows.heights[lang]), max(1, audit_rows.population(lang))
        unreadable = stage == "ingest"  # the funnel counts all, the ledger holds a limited number
        facts.append(
            ReasonFacts(
                lang=lang,
                stage=stage,
                reason=reason,
                first=count,
                any=count if unreadable else audit_rows.estimate(lang, every),
                only=count if unreadable else audit_rows.estimate(lang, only),
                first_error=0.0 if unreadable else audit_rows.error(lang, count / population),
                error=0.0 if unreadable else audit_rows.error(lang, every / height),
                only_error=0.0 if unreadable else audit_rows.error(lang, only / height),
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
    audit_rows: AuditRows, counts: dict[str, Counter[Combination]], reasons: Sequence[ReasonFacts]
) -> dict[str, dict[str, dict[str, int]]]:
    names = list(dict.fromkeys(fact.reason for fact in reasons if fact.stage != "ingest"))
    every = {reason: dict.fromkeys(names, 0) for reason in names}
    tables = {"all": every}
    for lang, lang_counts in counts.items():
        named = Counter(
            {
                (stage, row_reasons): n
                for (stage, row_reasons), n in lang_counts.items()
                if stage != "ingest" and set(row_reasons) <= set(names)
            }
        )
        table = overlap(named, names)
        tables[lang] = {
            reason: {other: audit_rows.estimate(lang, n) for other, n in row.items()}
            for reason, row in table.items()
        }
        for reason in names:
            for other in names:
                every[reason][other] += tables[lang][reason][other]
    return tables

"""Facts about language ID, the domains of pairs, and matches with evaluation text."""

from collections.abc import Sequence
from pathlib import Path

import polars as pl
import polars_hash as plh

from sealdata.report.audit_rows import AuditRows
from sealdata.report.ledger import batches
from sealdata.report.religion import has_words, of_hosts
from sealdata.report.samples import MAX_TEXT
from sealdata.report.schema import (
    ConfusionFacts,
    DomainFacts,
    MatchFacts,
    PartFacts,
)

TOP = 10  # domains, labels and matches in the facts
OTHER_HOSTS = "no domain"  # IP addresses, and hosts without a dot
_HOST = r"^[a-zA-Z][a-zA-Z0-9+.-]*://(?:[^/@]*@)?(?:www\.)?([^/:?#]+)"


def domain(columns: Sequence[str]) -> pl.Expr:
    """The host of the other side's URL, or else of the English side's; null if there is none."""
    hosts = [
        pl.col(name).str.extract(_HOST).str.to_lowercase()
        for name in ("tgt_url", "src_url")
        if name in columns
    ]
    return pl.coalesce(*hosts, pl.lit(None, pl.String)).alias("domain")


def domain_facts(audit_rows: AuditRows, lang: str) -> DomainFacts:
    """Rows by domain, with the names of the most frequent ones; and religious text."""
    groups: list[pl.DataFrame] = []
    total = 0
    religious = [0, 0]
    for frame in audit_rows.frames(lang, ["src_url", "tgt_url", "src"]):
        total += frame.height
        words = frame.filter(has_words(pl.col("src")))
        religious[0] += words.height
        religious[1] += words["stage"].null_count()
        hosts = frame.select(domain(frame.columns), kept=pl.col("stage").is_null())
        groups.append(hosts.drop_nulls("domain").group_by("domain").agg(pl.len(), pl.sum("kept")))
        if len(groups) > 16:
            groups = [_merged(groups)]
    merged = (
        _merged(groups)
        if groups
        else pl.DataFrame(schema={"domain": pl.String, "len": pl.UInt32, "kept": pl.UInt32})
    )
    top = _most_frequent(merged)
    suffixes = _most_frequent(merged.with_columns(top_level(pl.col("domain"))))
    holy = merged.filter(of_hosts(pl.col("domain")))

    addressed = audit_rows.estimate(lang, int(merged["len"].sum() or 0))
    of = audit_rows.estimate(lang, total)

    def part(rows: int, kept: int, whole: int) -> PartFacts:
        rows, kept = audit_rows.estimate(lang, rows), audit_rows.estimate(lang, kept)
        return PartFacts(
            rows=rows,
            kept=kept,
            error=audit_rows.part_error(lang, rows, whole),
            kept_error=audit_rows.part_error(lang, kept, rows),
        )

    def parts(groups: pl.DataFrame) -> dict[str, PartFacts]:
        return {name: part(rows, kept, addressed) for name, rows, kept in groups.rows()}

    return DomainFacts(
        lang=lang,
        rows=addressed,
        of=of,
        error=audit_rows.part_error(lang, addressed, of),
        top=parts(top),
        top_level=parts(suffixes),
        scripture=part(int(holy["len"].sum()), int(holy["kept"].sum()), addressed),
        religious=part(religious[0], religious[1], of),
    )


def top_level(host: pl.Expr) -> pl.Expr:
    """The last label of a host name (``th``, ``com``), or OTHER_HOSTS where it has none."""
    # Labels of more than one part, such as co.uk, would need a list that ages: the last is enough.
    label = host.str.strip_suffix(".").str.extract(r"\.([^.0-9\s][^.\s]*)$")
    return label.fill_null(OTHER_HOSTS).alias("domain")


def _most_frequent(groups: pl.DataFrame) -> pl.DataFrame:
    """The TOP names with most rows."""
    merged = _merged([groups])
    return merged.sort(["len", "domain"], descending=[True, False]).head(TOP)


def _merged(groups: list[pl.DataFrame]) -> pl.DataFrame:
    return pl.concat(groups).group_by("domain").agg(pl.sum("len"), pl.sum("kept"))


def confusion_facts(
    audit_rows: AuditRows, lang: str, columns: Sequence[str]
) -> list[ConfusionFacts]:
    """The likeliest language of each side, over all rows that language ID saw."""
    facts = []
    for side in ("src", "tgt"):
        name = f"lid.{side}_top"
        if name not in columns:
            continue
        counts: dict[str, int] = {}
        for frame in audit_rows.frames(lang, [name]):
            if name in frame.columns:
                for label, rows in frame[name].drop_nulls().value_counts().rows():
                    counts[label] = counts.get(label, 0) + rows
        ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        whole = audit_rows.estimate(lang, sum(counts.values()))
        taken = [(label, audit_rows.estimate(lang, rows)) for label, rows in ordered[:TOP]]
        facts.append(
            ConfusionFacts(
                lang=lang,
                side=side,
                rows=whole,
                taken_for=[
                    (x, rows, audit_rows.part_error(lang, rows, whole)) for x, rows in taken
                ],
            )
        )
    return facts


def match_facts(files: list[Path], lang: str, with_text: bool = True) -> list[MatchFacts]:
    """A few matches with evaluation text in ``files``, those with the lowest hashes."""
    best: list[pl.DataFrame] = []
    for frame in batches(files):
        key = plh.concat_str(pl.col("source"), pl.lit("/"), pl.col("row").cast(pl.String), "side")
        ranked = frame.with_columns(hash=key.nchash.xxh3_64())
        best = [pl.concat([*best, ranked]).bottom_k(TOP, by="hash")]
    rows = best[0].sort("hash").to_dicts() if best else []
    return [
        MatchFacts(
            lang=lang,
            **{
                name: row[name] for name in ("source", "row", "set", "side", "kind", "file", "line")
            },
            score=float(f"{row['score']:.4g}"),
            reference=row["reference"][:MAX_TEXT] if with_text and row["reference"] else None,
            text=row[row["side"]][:MAX_TEXT] if with_text else None,
        )
        for row in rows
    ]

"""Reading, cleaning, scoring and judging text, and the keys of dedup."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
import polars_hash as plh

from sealdata.component import available, load
from sealdata.files.frames import read_frame, write_frame
from sealdata.pipeline.plan import Plan, load_plan
from sealdata.readers import Reader, Source
from sealdata.stages.clean import Clean
from sealdata.stages.ingest import Ingest
from sealdata.stages.rules import Rule, RuleEvaluator, ScoreStore
from sealdata.stages.score import Score
from sealdata.text.hashing import key_hashes
from sealdata.workflow.stage import OutputRef

from .corpus import ENGLISH, THAI, pairs_of, write_nllb
from .race import Race, race

PART_ROWS = 500_000  # the default of recipes


def ingest(num_pairs: int, repeats: int, folder: Path) -> Iterator[Race]:
    """An NLLB file, against decompressing it and counting its lines."""
    path = folder / "eng_Latn-tha_Thai.gz"
    write_nllb(pairs_of(THAI, num_pairs), path)
    reader, source = load("readers", "tsv"), Source("nllb", path, ENGLISH, THAI)
    yield race(
        "ingest of an NLLB gzip",
        num_pairs,
        "pairs",
        {
            "read, check, write parquet": lambda: _ingested(reader, source, folder),
            "read and check": lambda: [len(b.good) for b in reader.batches(source, PART_ROWS)],
            "`zcat \\| wc -l`": lambda: subprocess.run(
                ["sh", "-c", 'zcat "$1" | wc -l', "sh", path], check=True, capture_output=True
            ),
        },
        repeats,
    )


def _ingested(reader: Reader, source: Source, folder: Path) -> None:
    with TemporaryDirectory(dir=folder) as out:
        Ingest(reader, source, PART_ROWS)("nllb", Path(out))


def cleaners(pairs: pl.DataFrame, repeats: int) -> Iterator[Race]:
    """Each cleaner on both sides. The text is clean, as most of a corpus is."""
    # A program or a pattern of a recipe takes the time that it takes.
    for name in sorted(set(available("cleaners")) - {"program", "regex"}):
        clean = load("cleaners", name).clean
        ways = {name: lambda clean=clean: [clean(pairs[side]) for side in ("src", "tgt")]}
        yield race("cleaner", pairs.height, "pairs", ways, repeats)


def scorers(pairs: pl.DataFrame, repeats: int) -> Iterator[Race]:
    """Each scorer of the quickstart recipe that looks at the text alone."""
    for name, scorer in load_plan("quickstart").stage_scorers("rules").items():
        ways = {name: lambda scorer=scorer: scorer.score(pairs)}
        yield race("scorer", pairs.height, "pairs", ways, repeats)


def rule_chain(num_pairs: int, repeats: int, folder: Path) -> Iterator[Race]:
    """All text rules of the quickstart recipe, file to file; the gzip is that of ``ingest``."""
    reader = load("readers", "tsv")
    source = Source("nllb", folder / "eng_Latn-tha_Thai.gz", ENGLISH, THAI)
    plan = load_plan("quickstart")
    way = (
        f"ingest, {len(plan.cleaners)} cleaners, {len(plan.stage_scorers('rules'))} scorers, "
        f"{len(plan.rules('rules'))} rules"
    )
    ways = {way: lambda: chain(reader, source, plan, folder)}
    yield race("NLLB gzip to judged parquet", num_pairs, "pairs", ways, repeats)


def chain(reader: Reader, source: Source, plan: Plan, folder: Path) -> int:
    """Ingest, clean, score and judge one source and write the survivors; how many there are."""
    scorers = plan.stage_scorers("rules")
    rules = tuple(rule for rule in plan.bound_rules() if _scorer(rule) in scorers)
    with TemporaryDirectory(dir=folder) as out:
        raw, cleaned, scored, kept = (
            Path(out) / name for name in ("raw", "clean", "score", "kept")
        )
        stores = {name: ScoreStore("rules", scored / name, {}) for name in scorers}
        for path in (raw, cleaned, scored, kept, *(store.folder for store in stores.values())):
            path.mkdir()
        parts = Ingest(reader, source, PART_ROWS)("nllb", raw).facts["parts"]
        ref = OutputRef("clean", cleaned)
        evaluator = RuleEvaluator(rules, stores, (), source.tgt_lang or "", ref)
        survivors = 0
        for part in parts:
            Clean(plan.cleaners, raw)(part, cleaned)
            Score("rules", scorers, evaluator)(part, scored)
            pairs = read_frame(cleaned / f"{part}.parquet")
            pairs = pairs.filter(evaluator.evaluate(part).surviving)
            write_frame(pairs, kept / f"{part}.parquet")
            survivors += pairs.height
        return survivors


def _scorer(rule: Rule) -> str:
    return rule.score.partition(".")[0]


def dedup_keys(pairs: pl.DataFrame, repeats: int) -> Iterator[Race]:
    """Hashes of both sides, against the same normal form in plain expressions.

    Vietnamese is left out: the keys also unify where its tone marks stand, the expressions do not.
    """
    columns = ["src", "tgt"]
    pairs = pairs.filter(pl.col("tgt_lang") != "vie_Latn")
    assert _plain_keys(pairs, columns).equals(key_hashes(pairs, columns))
    ways = {
        "`key_hashes`": lambda: key_hashes(pairs, columns),
        "polars expressions": lambda: _plain_keys(pairs, columns),
    }
    yield race("dedup keys", pairs.height, "pairs", ways, repeats)


def _plain_keys(pairs: pl.DataFrame, columns: list[str]) -> pl.DataFrame:
    """The definition of ``sealdata.text.hashing`` in plain expressions, to compare speed with."""
    folded = pl.col(columns).str.normalize("NFKC").str.to_lowercase()
    bare = folded.str.replace_all(r"[\s\p{P}\p{S}\p{C}]+", "")
    keys = pairs.select(pl.when(bare.str.len_bytes() > 0).then(bare).otherwise(folded))
    return keys.select(plh.col(column).nchash.xxh3_64() for column in columns)

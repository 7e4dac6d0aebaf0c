"""Seven rules on two text files, against OpusFilter 3.3.1 in an environment of its own."""

import subprocess
import sys
import venv
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from sealdata.files.digests import Digests
from sealdata.pipeline.plan import Plan, load_plan
from sealdata.pipeline.run import curate as curate_plan
from sealdata.pipeline.source_state import RunContext
from sealdata.stages.score import score_slices
from sealdata.workflow.engines.local import LocalEngine
from sealdata.workflow.protocols import NoProgress

from .corpus import THAI, pairs_of
from .race import Race, cpu_seconds, peak_memory, race

RELEASE = "opusfilter==3.3.1"
RECIPE = Path(__file__).with_name("seven_rules.toml")
NOTE = """\
OpusFilter runs LengthFilter, LengthRatioFilter (both in characters: by words it drops Thai at the
second rule and looks no further), AlphabetRatio, CharacterScore, TerminalPunctuation,
NonZeroNumerals and Similarity at their defaults, from two text files to two text files. Ours are
the seven rules of `seven_rules.toml`: from a frame of pairs to the verdict of each pair, in memory;
from the same two files to two files, which is what OpusFilter's chain does and no more; and from
the same two files through all of the pipeline up to `select`, which writes the raw pairs, every
score, the keys of dedup and the kept pairs, and drops duplicates. The start of either program,
measured on one pair, is taken off. Thai has no closing mark, so the rule on sentences
apart has no score of it, and the scorer reads the English side alone.
"""
_CONFIG = """
common: {{output_directory: {folder}}}
steps:
  - type: filter
    parameters:
      inputs: [{name}.en, {name}.th]
      outputs: [kept.en, kept.th]
      filters:
        - LengthFilter: {{unit: char, max_length: 2000}}
        - LengthRatioFilter: {{unit: char}}
        - AlphabetRatioFilter: {{}}
        - CharacterScoreFilter: {{scripts: [Latin, Thai]}}
        - TerminalPunctuationFilter: {{}}
        - NonZeroNumeralsFilter: {{}}
        - SimilarityFilter: {{}}
"""


def install(folder: Path) -> Path:
    """Path of the program, installed into ``folder`` unless it is there."""
    program = folder / "bin" / "opusfilter"
    if not program.exists():
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run([folder / "bin" / "pip", "install", "--quiet", RELEASE], check=True)
    return program


def seven_rules(program: Path, num_pairs: int, repeats: int, folder: Path) -> Iterator[Race]:
    """The two ways of ours against OpusFilter's one, on ``num_pairs`` distinct pairs."""
    pairs = pairs_of(THAI, num_pairs)
    for name, some in (("many", pairs), ("one", pairs.head(1))):
        _write(some, folder / name)
        (folder / f"{name}.yaml").write_text(_CONFIG.format(folder=folder, name=name), "utf-8")
        recipe = RECIPE.read_text("utf-8").replace("FILES", str(folder / name))
        (folder / f"{name}.toml").write_text(recipe, "utf-8")
    plan = load_plan(str(folder / "many.toml"))
    judge(plan, pairs.head(1))  # makes the tables of code points: the start of this way
    peaks: list[float] = []

    def ours(name: str, way: Callable[[Path], None]) -> None:
        command = [sys.executable, "-m", __name__, way.__name__, str(folder / f"{name}.toml")]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
        if way is curate:
            peaks.append(float(done.stdout))

    def theirs(name: str) -> None:
        command = [str(program), "--overwrite", str(folder / f"{name}.yaml")]
        subprocess.run(command, check=True, capture_output=True)

    memory, pipes, files, rival = (
        "rules in memory",
        "two files to two files",
        "two files through the pipeline to kept pairs",
        f"{RELEASE}, two files to two files",
    )
    ways = {
        memory: lambda: judge(plan, pairs),
        pipes: lambda: ours("many", filter_files),
        files: lambda: ours("many", curate),
        rival: lambda: theirs("many"),
    }
    result = race(f"seven rules, {num_pairs:,} pairs", num_pairs, "pairs", ways, repeats)
    peak = max(peaks)
    for way, start in (
        (pipes, cpu_seconds(lambda: ours("one", filter_files))),
        (files, cpu_seconds(lambda: ours("one", curate))),
        (rival, cpu_seconds(lambda: theirs("one"))),
    ):
        result.seconds[way][:] = [seconds - start for seconds in result.seconds[way]]
    seconds = {
        f"{way} (peak {peak:,.0f} MiB)" if way == files else way: runs
        for way, runs in result.seconds.items()
    }
    yield Race(result.title, result.amount, result.unit, seconds)


def judge(plan: Plan, pairs: pl.DataFrame) -> pl.Series:
    """Whether each pair passes the rules of a plan."""
    found = score_slices(plan.scorers, pairs)
    scores = pl.concat(
        (frame.select(pl.all().name.prefix(f"{name}.")) for name, frame in found.items()),
        how="horizontal",
    )
    failed = [rule.failed(scores, THAI) for rule in plan.bound_rules()]
    return pl.select(~pl.any_horizontal(failed)).to_series()


def filter_files(recipe: Path) -> None:
    """The pairs that pass the rules of a recipe, from two files to two files."""
    plan = load_plan(str(recipe))
    reader, source = plan.reader(plan.recipe.source[0])
    with (
        recipe.with_suffix(".kept.en").open("wb") as src,
        recipe.with_suffix(".kept.th").open("wb") as tgt,
    ):
        for batch in reader.batches(source, plan.recipe.part_rows):
            kept = batch.good.filter(judge(plan, batch.good))
            for side, file in (("src", src), ("tgt", tgt)):
                kept.select(side).write_csv(file, include_header=False, quote_style="never")


def curate(recipe: Path) -> None:
    """All stages from ingest to select, in one process."""
    with TemporaryDirectory(dir=recipe.parent) as folder, LocalEngine(1) as engine:
        digests = Digests(Path(folder) / "digests.json")
        plan = load_plan(str(recipe))
        curate_plan(RunContext(plan, Path(folder), digests, engine, NoProgress(), takedowns=None))


def _write(pairs: pl.DataFrame, path: Path) -> None:
    for side, suffix in (("src", "en"), ("tgt", "th")):
        pairs.select(side).write_csv(
            path.with_suffix(f".{suffix}"), include_header=False, quote_style="never"
        )


if __name__ == "__main__":
    {"filter_files": filter_files, "curate": curate}[sys.argv[1]](Path(sys.argv[2]))
    print(peak_memory())

"""Language identification: the scorer in the pipeline against bare calls of fastText."""

import statistics
import subprocess
import sys
import venv
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from sealdata.component import load
from sealdata.fetch.models.store import find_model
from sealdata.files.frames import write_frame
from sealdata.lid.model import MIN_PROB, TOP_K
from sealdata.stages.rules import RuleEvaluator, ScoreStore
from sealdata.stages.score import Score
from sealdata.workflow.engines.local import LocalEngine
from sealdata.workflow.stage import OutputRef, Task

from .corpus import pairs_of
from .race import Race, race

LATIN = "ind_Latn", "vie_Latn", "tgl_Latn", "jav_Latn"  # letters decide nothing: each text is asked
PROCESSES = 2
PEERS = "opusfilter==3.3.1", "datatrove[processing,io]==0.10.1", "fasttext-numpy2-wheel==0.9.2"
_BARE = """
import sys, fasttext, polars as pl
predict = (model := fasttext.load_model(sys.argv[1])).f.predict
for path in sys.argv[4:]:
    pairs = pl.read_parquet(path)
    for texts in (pairs["src"], pairs["tgt"]):
        for text in texts.to_list():
            predict(text + "\\n", int(sys.argv[2]), float(sys.argv[3]), "strict")
"""
_DATATROVE = """
import sys
from datatrove.data import Document
from datatrove.pipeline.filters import LanguageFilter
from datatrove.utils import lid
lid.FT176LID.MODEL_URL = sys.argv[1]
for path, language in zip(sys.argv[2:], ("en", "id")):
    judge = LanguageFilter(languages=[language], language_threshold=0.1)
    for number, line in enumerate(open(path, encoding="utf-8")):
        judge.filter(Document(text=line, id=str(number)))
"""
_OPUSFILTER = """
common: {{output_directory: {folder}}}
steps:
  - type: filter
    parameters:
      inputs: [{name}.en, {name}.id]
      outputs: [kept.en, kept.id]
      filters:
        - FastTextFilter: {{languages: [en, id], thresholds: [0.1, 0.1], model_path: {model}}}
"""


def language_id(num_pairs: int, repeats: int, folder: Path) -> Iterator[Race]:
    """The stage in worker processes, against bare loops in as many, over texts that all differ.

    Starting the processes, measured on one pair, is taken off on both sides.
    """
    parts, few = _parts(num_pairs, folder), _parts(len(LATIN), folder / "few")
    model = find_model("lid176-ftz")
    ways = {
        "stage `score-language`": partial(_stage, model),
        f"`model.f.predict` loops, {TOP_K} labels": partial(
            _bare, model, top_k=TOP_K, min_prob=MIN_PROB
        ),
        "`model.f.predict` loops, 1 label": partial(_bare, model, top_k=1, min_prob=0.0),
    }
    title = f"language ID, {PROCESSES} processes at once, Latin scripts"
    yield without_start(
        race(title, 2 * num_pairs, "texts", _bound(ways, parts), repeats),
        race(title, 1, "texts", _bound(ways, few), repeats),
    )


def _bound(
    ways: Mapping[str, Callable[[list[Path]], None]], files: list[Path]
) -> dict[str, Callable[[], None]]:
    return {name: partial(way, files) for name, way in ways.items()}


def without_start(full: Race, start: Race) -> Race:
    """The seconds of ``full`` less the median of those that each way takes for next to nothing."""
    for way, seconds in full.seconds.items():
        off = statistics.median(start.seconds[way])
        seconds[:] = [second - off for second in seconds]
    return full


def against_peers(environment: Path, num_pairs: int, repeats: int, folder: Path) -> Iterator[Race]:
    """Both sides of distinct pairs, by the same model, with the filters of two other programs.

    Their start, measured on one pair, is taken off.
    """
    python, opusfilter = install(environment)
    model, pairs = find_model("lid176-ftz"), pairs_of("ind_Latn", num_pairs)
    for name, some in (("many", pairs), ("one", pairs.head(1))):
        for side, suffix in (("src", "en"), ("tgt", "id")):
            (folder / f"{name}.{suffix}").write_text("\n".join(some[side]) + "\n", "utf-8")
        config = _OPUSFILTER.format(folder=folder, name=name, model=model)
        (folder / f"{name}.yaml").write_text(config, "utf-8")

    def datatrove(name: str) -> None:
        files = [str(folder / f"{name}.{suffix}") for suffix in ("en", "id")]
        _quiet([str(python), "-c", _DATATROVE, str(model), *files])

    def opus(name: str) -> None:
        _quiet([str(opusfilter), "--overwrite", str(folder / f"{name}.yaml")])

    scorer = load("scorers", "lid")
    ways = {
        "scorer lid": lambda: scorer.score(pairs),
        "datatrove, LanguageFilter": lambda: datatrove("many"),
        "OpusFilter, FastTextFilter": lambda: opus("many"),
    }
    starts = {
        "datatrove, LanguageFilter": lambda: datatrove("one"),
        "OpusFilter, FastTextFilter": lambda: opus("one"),
    }
    result = race("language ID of both sides", num_pairs, "pairs", ways, repeats)
    start = race("start", 1, "pairs", starts, repeats)
    start.seconds["scorer lid"] = [0.0]
    yield without_start(result, start)


def install(environment: Path) -> tuple[Path, Path]:
    """Python and `opusfilter` of an environment with both programs, made unless it is there."""
    python, program = environment / "bin" / "python", environment / "bin" / "opusfilter"
    if not program.exists():
        venv.create(environment, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *PEERS], check=True)
    return python, program


def _parts(num_pairs: int, folder: Path) -> list[Path]:
    """A file of distinct pairs for each language."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for number, lang in enumerate(LATIN):
        # an English side of its own for every language, so that nothing is there twice
        pairs = pairs_of(lang, num_pairs // len(LATIN)).with_columns(pl.col("src") + f" {number}")
        files.append(folder / f"part-{number:05d}.parquet")
        write_frame(pairs, files[-1])
    return files


def _stage(model: Path, files: list[Path]) -> None:
    with TemporaryDirectory() as temporary, LocalEngine(PROCESSES) as engine:
        scores = Path(temporary)
        stores = {"lid": ScoreStore("lid", scores, {})}
        cleaned = OutputRef("clean", files[0].parent)
        evaluator = RuleEvaluator((), stores, (), "ind_Latn", cleaned)
        job = Score("lid", {"lid": load("scorers", "lid", {"model": str(model)})}, evaluator)
        folder = scores / "records"
        tasks = [Task(job, file.stem, folder, (0, number)) for number, file in enumerate(files)]
        feed = iter([tasks])
        for _ in engine.run(lambda: next(feed, [])):
            pass


def _bare(model: Path, files: list[Path], top_k: int, min_prob: float) -> None:
    commands = [
        [
            sys.executable,
            "-c",
            _BARE,
            str(model),
            str(top_k),
            str(min_prob),
            *map(str, files[n::PROCESSES]),
        ]
        for n in range(PROCESSES)
    ]
    with ThreadPoolExecutor(PROCESSES) as pool:
        list(pool.map(_quiet, commands))


def _quiet(command: list[str]) -> None:
    subprocess.run(command, check=True, capture_output=True)

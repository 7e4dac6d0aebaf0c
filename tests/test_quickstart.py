"""The bundled corpus, end to end: every planted defect is caught, nothing clean is lost, and a
build that is repeated, killed or spread over other workers gives the same bytes."""

import csv
import hashlib
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import polars as pl
import pytest
from filelock import FileLock

from sealdata.build_manifest import read_build_manifest
from sealdata.dataset.trace import trace
from sealdata.errors import DataError
from sealdata.files.places import sample_dir
from sealdata.report.dataset_card import render_card
from sealdata.report.dataset_card_merge import merged, unwritten
from sealdata.shards.reader import view_sequence
from sealtrain.data import open_stream

pytestmark = pytest.mark.slow

SEALDATA = str(Path(sys.executable).with_name("sealdata"))
RESULTS = ("pairs", "dropped", "shards", "report", "README.md", "manifest.json")


def run(*args: str, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([SEALDATA, *args], capture_output=True, text=True, check=False, **options)


def digest(out: Path) -> dict[str, str]:
    """SHA-256 of every result file."""
    files = [out / name for name in RESULTS]
    every = [path for file in files for path in ([file] if file.is_file() else file.rglob("*"))]
    return {
        path.relative_to(out).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(every)
        if path.is_file()
    }


@pytest.fixture(scope="session")
def built(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("quickstart") / "out"
    done = run("build", "quickstart", "--out", str(out), "--workers", "2")
    assert done.returncode == 0, done.stderr
    return out


def rows(out: Path, folder: str) -> pl.DataFrame:
    files = sorted((out / folder).rglob("*.parquet"))
    return pl.concat([pl.read_parquet(file) for file in files], how="diagonal")


def test_the_sample_card_is_that_of_the_build(built):
    """Stale? `sealdata build quickstart && sealdata card builds/quickstart --out FILE`."""
    path = Path(__file__).parents[1] / "data_cards" / "sealdata-sample.md"
    fresh = render_card(read_build_manifest(built))
    # The key and the libraries change with every release; all else must be as the build says.
    volatile = r"`[0-9a-f]{16}`|Made with sealdata .*"
    merged_anew = merged(fresh, path.read_text("utf-8"), path.name)
    assert re.sub(volatile, "", path.read_text("utf-8")) == re.sub(volatile, "", merged_anew)
    assert unwritten(merged_anew) == []


def key() -> dict[tuple[str, int], tuple[str, str]]:
    """(source, row) -> (defect, reason) of everything planted."""
    with (sample_dir() / "corpus" / "defects.tsv").open(encoding="utf-8", newline="") as handle:
        return {
            (line["source"], int(line["row"])): (line["defect"], line["reason"])
            for line in csv.DictReader(handle, delimiter="\t")
        }


def test_every_planted_defect_is_dropped_for_its_reason(built):
    dropped = rows(built, "dropped")
    found = {
        (source, row): reason
        for source, row, reason in dropped.select("source", "row", "reason").iter_rows()
    }
    missed = {
        place: (defect, reason, found.get(place, "kept"))
        for place, (defect, reason) in key().items()
        if found.get(place) != reason
    }
    assert missed == {}


def test_no_clean_pair_is_lost(built):
    planted = key()
    dropped = rows(built, "dropped").filter(pl.col("reason") != "held_out")
    lost = [
        row
        for row in dropped.select("source", "row", "reason", "src", "tgt").iter_rows()
        if row[:2] not in planted
    ]
    assert lost == []


def test_every_reason_of_the_recipe_occurs(built):
    manifest = read_build_manifest(built)
    reasons = {rule["reason"] for rule in manifest.recipe["rule"]} | {"duplicate", "eval_leak"}
    assert reasons - set(rows(built, "dropped")["reason"]) == set()


def test_a_second_run_does_nothing_and_says_so(built):
    before = {path: path.stat().st_mtime_ns for path in built.rglob("*") if path.is_file()}
    done = run("build", "quickstart", "--out", str(built))
    assert done.returncode == 0, done.stderr
    assert "nothing to do" in done.stderr
    lock = built / ".lock"
    after = {path: path.stat().st_mtime_ns for path in built.rglob("*") if path.is_file()}
    assert {path for path in before if before[path] != after.get(path)} <= {lock}


def test_verify_finds_it_intact_and_then_damaged(built, tmp_path):
    assert run("verify", str(built)).returncode == 0
    copy = tmp_path / "copy"
    shutil.copytree(built, copy, ignore=shutil.ignore_patterns("work"))
    victim = copy / "pairs" / "eng_Latn-tha_Thai" / "train-00000.parquet"
    data = bytearray(victim.read_bytes())
    data[len(data) // 2] ^= 1
    victim.write_bytes(data)
    done = run("verify", str(copy))
    assert done.returncode == 3
    assert "pairs/eng_Latn-tha_Thai/train-00000.parquet: its bytes have changed" in done.stderr


def test_killed_at_any_instant_it_ends_with_the_same_bytes(built, tmp_path):
    """By one worker or two, in turn: how many there are changes nothing either."""
    out = tmp_path / "killed"
    command = ["build", "quickstart", "--out", str(out), "--workers"]
    instants = random.Random(os.environ.get("SEALDATA_KILL_SEED", "7"))
    kills = 0
    for workers in ("2", "1", "2", "1"):
        process = subprocess.Popen(
            [SEALDATA, *command, workers],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        time.sleep(instants.uniform(0.8, 4.0))
        if process.poll() is not None:
            break
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        kills += 1
    assert kills >= 2, "the build ended before it was killed twice; shorten the waits"
    done = run(*command, "1")
    assert done.returncode == 0, done.stderr
    assert digest(out) == digest(built)


def workers_of(process: subprocess.Popen[str]) -> list[int]:
    """Process ids of the build's workers, once they are all there."""
    for _ in range(300):
        found = subprocess.run(
            ["pgrep", "-P", str(process.pid), "-f", "spawn_main"],
            capture_output=True,
            text=True,
            check=False,
        )
        if len(found.stdout.split()) == 2:
            return [int(pid) for pid in found.stdout.split()]
        time.sleep(0.1)
    raise AssertionError("no workers appeared")


def start(out: Path) -> subprocess.Popen[str]:
    """A build of its own; Ctrl-C reaches it where the tests themselves ignore it, too."""
    command = [SEALDATA, "build", "quickstart", "--out", str(out), "--workers", "2"]
    return subprocess.Popen(
        command,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )


def test_a_killed_worker_is_one_line(tmp_path):
    process = start(tmp_path / "out")
    os.kill(workers_of(process)[0], signal.SIGKILL)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "sealdata: a worker process died in ingest-" in stderr
    assert "Traceback" not in stderr


@pytest.mark.parametrize(
    ("number", "code", "word"),
    [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")],
)
def test_a_stopped_build_is_one_line_and_leaves_no_worker(tmp_path, number, code, word):
    """SIGINT goes to all processes, as Ctrl-C does; SIGTERM to the first, as schedulers do it."""
    process = start(tmp_path / "out")
    workers = workers_of(process)
    (os.killpg if number == signal.SIGINT else os.kill)(process.pid, number)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == code
    assert stderr.splitlines()[-1] == f"sealdata: {word}; run the same command again to continue"
    assert "Traceback" not in stderr
    assert not any(Path(f"/proc/{pid}").exists() for pid in workers)


def test_two_builds_in_one_folder_are_refused(built):
    with FileLock(built / ".lock"):
        done = run("build", "quickstart", "--out", str(built))
    assert done.returncode == 1
    assert done.stderr.startswith("sealdata: another build is running in")


def test_datasets_loads_every_configuration_offline(built, tmp_path):
    import datasets

    manifest = read_build_manifest(built)
    for row in manifest.funnel:
        name = f"eng_Latn-{row.lang}"
        loaded = datasets.load_dataset(str(built), name, cache_dir=str(tmp_path))
        assert {split: len(part) for split, part in loaded.items()} == {
            "train": row.train,
            "validation": row.validation,
        }
    thai = datasets.load_dataset(str(built), "eng_Latn-tha_Thai", cache_dir=str(tmp_path))
    assert set(thai["train"][0]) >= {"src", "tgt", "laser.cosine", "lid.tgt_prob"}


def test_no_english_sentence_is_in_both_splits(built):
    pairs = rows(built, "pairs")
    english = pairs.select(key=pl.col("src").str.to_lowercase(), split="split").unique()
    assert english["key"].is_duplicated().sum() == 0


def test_pairs_and_tokens_are_those_of_the_readme(built):
    """Of the 163 clean sentences, the validation share of 0.05 holds out 11 in every language."""
    manifest = read_build_manifest(built)
    assert len(manifest.languages) == 12
    for lang in manifest.languages:
        kept = [row for row in manifest.funnel if row.lang == lang]
        counts = (sum(row.train for row in kept), sum(row.validation for row in kept))
        assert counts == (152, 11), lang
    assert rows(built, "pairs").group_by("split").len().sort("split").rows() == [
        ("train", 12 * 152),
        ("validation", 12 * 11),
    ]
    totals = {
        kind: (sum(s.num_tokens for s in streams), sum(s.num_sequences for s in streams))
        for kind in ("parallel", "replay", "monolingual")
        for streams in [[s for s in manifest.streams if (s.split, s.kind) == ("train", kind)]]
    }
    assert totals == {
        "parallel": (231_826, 932),
        "replay": (12_483, 49),
        "monolingual": (5_118, 23),
    }
    readme = (Path(__file__).parents[1] / "README.md").read_text("utf-8")
    for kind, (tokens, sequences) in totals.items():
        line = rf"^{kind}: +{tokens:,} training tokens in {sequences} sequences$"
        assert re.search(line, readme, re.MULTILINE), kind


def test_tokens_tie_from_pairs_to_shards(built):
    """Every kept pair is two documents, one a direction."""
    manifest = read_build_manifest(built)
    for row in manifest.funnel:
        for split, kept in (("train", row.train), ("validation", row.validation)):
            documents = [
                stream.num_documents
                for stream in manifest.streams
                if stream.split == split
                and stream.kind == "parallel"
                and row.lang in stream.languages
            ]
            assert documents == [kept, kept]


@pytest.mark.parametrize("name", ["eng_Latn-tha_Thai", "mya_Mymr-eng_Latn"])
def test_every_token_traces_to_its_pair(built, name):
    """Of tokens at even distances: the pair found is the one whose text the document shows."""
    path = built / "shards" / "train" / "parallel" / name / "part-00000.npy"
    traced = 0
    for token in range(0, path.stat().st_size // 2, 701):
        view = view_sequence(path, token // 256)
        if not any(document.start <= token % 256 < document.stop for document in view.documents):
            with pytest.raises(DataError, match="is padding"):
                trace(path, token)
            continue
        found = trace(path, token)
        traced += 1
        pair = found.pair
        sides = {pair["src_lang"]: pair["src"], pair["tgt_lang"]: pair["tgt"]}
        first, second = (sides[code] for code in found.stream.languages)
        names = [found.stream.language_names[code] for code in found.stream.languages]
        assert found.document.text == f"{names[0]}: {first}\n{names[1]}: {second}"
        assert found.facts.name == pair["source"] == found.document.source
    assert traced > 10


def test_the_trainer_learns_what_follows_the_prompt(built):
    """sealtrain's labels of the target side, against the documents as sealdata takes them apart."""
    stream = open_stream(
        built / "shards/train/parallel/eng_Latn-tha_Thai/manifest.json",
    )
    for number in range(0, len(stream), 7):
        view = view_sequence(stream.folder, number)
        ids, labels = stream.labelled(number, target_only=True)
        learnt = {
            place
            for document in view.documents
            if document.begins
            for place in range(document.start + document.prompt, document.stop)
        }
        assert all(document.begins for document in view.documents)  # best fit splits none
        kept = {place + 1 for place, label in enumerate(labels) if label >= 0}
        assert kept == learnt - {0}
        assert [labels[place - 1] for place in kept] == [ids[place] for place in kept]


def test_trace_says_what_is_no_token_of_a_build(built, tmp_path):
    done = run("trace", str(tmp_path / "part-00000.npy:3"))
    assert done.returncode == 2
    done = run("trace", str(built / "shards/train/parallel/eng_Latn-tha_Thai/part-00000.npy"))
    assert done.returncode == 2
    assert "give a part file, a colon and the index of a token" in done.stderr

"""Damage that no size shows: seen by verify, repaired by a build, and never in a result."""

import json
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from sealdata.files.placed import RECORD

from .test_foreign import results
from .tiny import build, recipe, sealdata

SHARD = "shards/train/parallel/eng_Latn-ind_Latn/part-00000.npy"
KEPT_PAIRS = "pairs/eng_Latn-ind_Latn/train-00000.parquet"


@pytest.fixture
def out(tmp_path: Path) -> Path:
    done = build(recipe(tmp_path), tmp_path / "out")
    assert done.exit_code == 0, done.output
    return tmp_path / "out"


def again(out: Path, *more: object) -> str:
    done = build(out.parent / "tiny.toml", out, *more)
    assert done.exit_code == 0, done.output
    return done.output


def flip(path: Path) -> None:
    """Another byte at the same size and time of change, as a bad disk does it."""
    times = path.stat()
    with path.open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        last = file.read(1)[0]
        file.seek(-1, os.SEEK_END)
        file.write(bytes([last ^ 1]))
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def change(path: Path, pattern: str, new: str) -> None:
    text = path.read_text("utf-8")
    changed = re.sub(pattern, new, text, count=1)
    assert changed != text, path
    path.write_text(changed, "utf-8")


RECORDS: dict[str, tuple[str, str, str]] = {
    "count of a split": ("select-*/part-00000.json", r'"train": \d+', '"train": 9'),
    "tokens": ("pack-*/*.json", r'"num_tokens": \d+', '"num_tokens": 7'),
    "name of a part": ("ingest-*/s.json", r'"part-00000"', '"part-00001"'),
    "not JSON": ("clean-*/part-00000.json", r"\{", "["),
    "manifest of a stage": ("keys-*/manifest.json", r'"key": "\w', '"key": "x'),
}


@pytest.mark.parametrize("name", RECORDS)
def test_a_damaged_record_is_made_again(out: Path, name: str) -> None:
    pattern, old, new = RECORDS[name]
    expected = results(out)
    paths = [p for p in out.glob(f"work/{pattern}") if re.search(old, p.read_text("utf-8"))]
    assert paths
    change(paths[0], old, new)
    (out / "manifest.json").unlink()
    again(out)
    assert results(out) == expected


@pytest.mark.parametrize("name", [SHARD, KEPT_PAIRS, "report/audit.json", "recipe.toml"])
def test_what_verify_rejects_is_repaired_by_check(out: Path, name: str) -> None:
    expected = results(out)
    flip(out / name)
    assert sealdata("verify", out).exit_code == 3
    assert "nothing to do" in build(out.parent / "tiny.toml", out, "--progress", "lines").output
    again(out, "--check")
    assert {n: b for n, b in results(out).items() if not n.startswith("set-aside")} == expected
    assert sealdata("verify", out).exit_code == 0


def test_a_damaged_cache_of_digests_is_not_believed(out: Path) -> None:
    expected = results(out)
    cache = out / "work/digests.json"
    change(cache, r'"[0-9a-f]{63}[0-9a-f]"', f'"{"0" * 64}"')
    (out / "manifest.json").unlink()
    again(out)
    assert results(out) == expected


def test_a_wrong_digest_in_the_manifest_is_repaired_by_check(out: Path) -> None:
    expected = results(out)
    change(out / "manifest.json", r'("sha256": ")[0-9a-f]{64}', rf"\g<1>{'0' * 64}")
    assert sealdata("verify", out).exit_code == 3
    again(out, "--check")
    assert results(out) == expected


def test_an_input_of_equal_size_and_time_is_seen_when_asked(out: Path) -> None:
    corpus = out.parent / "s.tsv"
    times, text = corpus.stat(), corpus.read_text("utf-8")
    corpus.write_text(text.replace("one", "two"), "utf-8")
    os.utime(corpus, ns=(times.st_atime_ns, times.st_mtime_ns))
    before = results(out)
    again(out)
    assert results(out) == before
    done = sealdata("verify", out)
    assert (done.exit_code, "s.tsv: its bytes have changed" in done.output) == (3, True)
    again(out, "--check-inputs")
    assert sealdata("verify", out).exit_code == 0
    assert results(out)[KEPT_PAIRS] != before[KEPT_PAIRS]


SPOILED: dict[str, Callable[[Path], object]] = {
    "README.md": lambda out: (out / "README.md").unlink(),
    "croissant.json": lambda out: (out / "croissant.json").unlink(),
    "TRAINING_SUMMARY.md": lambda out: (out / "TRAINING_SUMMARY.md").unlink(),
}


@pytest.mark.parametrize("name", SPOILED)
def test_a_lost_card_is_written_again(out: Path, name: str) -> None:
    expected = results(out)
    SPOILED[name](out)
    done = sealdata("verify", out)
    assert (done.exit_code, f"{name}: missing" in done.output) == (3, True)
    again(out)
    assert results(out) == expected
    assert set(json.loads(expected[RECORD])["placed"]) >= set(SPOILED)


def test_what_a_person_wrote_is_no_damage(out: Path) -> None:
    with (out / "README.md").open("a") as card:
        card.write("\n## By hand\n\nMine.\n")
    (out / "croissant.json").write_text('{"by": "hand"}\n')
    assert sealdata("verify", out).exit_code == 0
    (out / "croissant.json").write_text("{")
    assert "croissant.json: not JSON" in sealdata("verify", out).output

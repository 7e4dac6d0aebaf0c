"""Stages: content keys, resume by part, and nothing done twice."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from sealdata.errors import DataError
from sealdata.files.records import PartRecord, read_json
from sealdata.workflow.protocols import NoProgress
from sealdata.workflow.run_stages import run_stages
from sealdata.workflow.stage import Stage


class Backwards:
    """Runs the tasks last to first: order of completion must not matter."""

    def run(self, feed):
        while tasks := feed():
            for task in reversed(tasks):
                yield task, task()


class Shout:
    """Upper-cases the part's name into a file; fails on the part named in ``broken``."""

    def __init__(self, broken=""):
        self.broken = broken
        self.ran = []

    def __call__(self, part: str, folder: Path) -> PartRecord:
        if part == self.broken:
            raise DataError(f"{part} is broken")
        self.ran.append(part)
        (folder / f"{part}.txt").write_text(part.upper())
        return PartRecord(part=part, rows_in=2, rows_out=1, dropped={"why": 1})


def stage(job, params=1, inputs=("k",), parts=("a", "b", "c"), version=1):
    return Stage("shout", params, tuple(inputs), tuple(parts), job, version)


def test_runs_every_part_once_and_keeps_order(tmp_path):
    job = Shout()
    [done] = run_stages([stage(job)], tmp_path, Backwards(), NoProgress())
    assert done.parts == ("a", "b", "c")
    assert job.ran == ["c", "b", "a"]
    again = Shout()
    [same] = run_stages([stage(again)], tmp_path, Backwards(), NoProgress())
    assert again.ran == []
    assert same == done


def test_a_failed_part_keeps_the_finished_ones(tmp_path):
    first = Shout(broken="a")
    with pytest.raises(DataError, match="a is broken"):
        run_stages([stage(first)], tmp_path, Backwards(), NoProgress())
    folder = tmp_path / f"shout-{stage(first).key}"
    assert not (folder / "manifest.json").exists()
    second = Shout()
    run_stages([stage(second)], tmp_path, Backwards(), NoProgress())
    assert second.ran == ["a"]
    assert read_json(folder / "manifest.json")["parts"][0]["dropped"] == {"why": 1}


@pytest.mark.parametrize(
    "changed", [{"params": 2}, {"inputs": ("other",)}, {"parts": ("a", "b")}, {"version": 2}]
)
def test_whatever_can_change_the_output_changes_the_key(changed):
    assert stage(Shout()).key == stage(Shout()).key
    assert stage(Shout()).key != stage(Shout(), **changed).key


def test_rows_that_vanish_are_a_bug():
    with pytest.raises(ValidationError, match="2 rows unaccounted"):
        PartRecord(part="a", rows_in=3, rows_out=1, dropped={"why": 1})


def test_a_damaged_record_names_its_file(tmp_path):
    made = stage(Shout())
    folder = tmp_path / f"shout-{made.key}"
    folder.mkdir()
    (folder / "a.json").write_text("{")
    with pytest.raises(DataError, match=r"a\.json is not valid JSON"):
        run_stages([made], tmp_path, Backwards(), NoProgress())

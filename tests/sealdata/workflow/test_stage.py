"""Stages: content keys, resume by part, and nothing done twice."""

from dataclasses import replace
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


@pytest.mark.parametrize("text", ["{", "[]", '{"part": "a", "rows_in": 2, "rows_out": 1}'])
def test_a_part_with_a_damaged_record_is_made_again(tmp_path, text, caplog):
    made = stage(Shout())
    [output] = run_stages([made], tmp_path, Backwards(), NoProgress())
    (output.folder / "a.json").write_text(text)
    assert run_stages([made], tmp_path, Backwards(), NoProgress()) == [output]
    assert "a.json is damaged: it is made again" in caplog.text


class Expected(NoProgress):
    """Records how much work is expected."""

    def __init__(self) -> None:
        self.expected: list[tuple[str, int, int]] = []

    def expect(self, stage: str, parts: int, rows: int) -> None:
        self.expected.append((stage, parts, rows))


@pytest.mark.parametrize(
    ("rows", "expected"),
    [({"a": 5, "b": 7, "c": 9}, 21), ({"a": 5, "b": 7}, 0), ({}, 0), ({"a": 0, "b": 0, "c": 0}, 0)],
)
def test_rows_are_expected_where_those_of_all_parts_are_known(tmp_path, rows, expected):
    shown = Expected()
    made = replace(stage(Shout()), rows=rows)
    run_stages([made], tmp_path, Backwards(), shown)
    run_stages([made], tmp_path, Backwards(), shown)
    assert shown.expected == [("shout", 3, expected)]


def test_files_in_the_folder_of_a_part_belong_to_it(tmp_path):
    def job(part: str, folder: Path) -> PartRecord:
        (folder / part / "inner").mkdir(parents=True, exist_ok=True)
        (folder / part / "inner" / "deep.txt").write_text("deep")
        (folder / f"{part}.txt").write_text("flat")
        return PartRecord(part=part, rows_in=0, rows_out=0)

    made = stage(job, parts=("a",))
    for _ in range(2):
        [done] = run_stages([made], tmp_path, Backwards(), NoProgress())
        assert list(done.records[0].files) == ["a.txt", "a/inner/deep.txt"]
        (done.folder / "a" / "inner" / "deep.txt").write_text("lost")
    run_stages([made], tmp_path, Backwards(), NoProgress())
    assert (done.folder / "a" / "inner" / "deep.txt").read_text() == "deep"

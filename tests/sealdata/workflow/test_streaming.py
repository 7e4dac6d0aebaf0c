"""Chains: parts go on while their source is being read; what is lost on disk is made again."""

import itertools
import time
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import polars as pl
import pytest

from sealdata.errors import DataError
from sealdata.files import frames
from sealdata.files.frames import write_frame
from sealdata.files.records import PartRecord, checksum, write_json
from sealdata.workflow import task_progress
from sealdata.workflow.engines.local import LocalEngine
from sealdata.workflow.part_files import write_checksum, written
from sealdata.workflow.protocols import NoProgress
from sealdata.workflow.run_stages import run_stages
from sealdata.workflow.stage import Stage
from sealdata.workflow.streaming import StreamingStages, _SourceProgress, part_name, run_streaming

WAIT = 30.0


class Read:
    """Leaves three parts; before the last it waits until the first has gone through the links."""

    def __init__(self, seen: Path):
        self.seen = seen

    def __call__(self, part: str, folder: Path) -> PartRecord:
        import time

        for number in range(3):
            deadline = time.monotonic() + WAIT
            while number == 2 and not self.seen.exists():
                assert time.monotonic() < deadline, "the first part waits for the last to be read"
                time.sleep(0.05)
            name = part_name(number)
            (folder / f"{name}.txt").write_text(f"{number}")
            record = PartRecord(part=name, rows_in=1, rows_out=1, files=written(name, folder))
            write_json(folder / f"{name}.json", record.model_dump(mode="json"))
        parts = {part_name(number): 1 for number in range(3)}
        files = {file.name: checksum(file) for file in folder.glob("part-*")}
        return PartRecord(part=part, rows_in=3, rows_out=3, facts={"parts": parts}, files=files)


class Copy:
    """Copies a part; touches ``seen``."""

    def __init__(self, before: Path, seen: Path):
        self.before = before
        self.seen = seen

    def __call__(self, part: str, folder: Path) -> PartRecord:
        (folder / f"{part}.txt").write_text((self.before / f"{part}.txt").read_text() + "+")
        self.seen.touch()
        return PartRecord(part=part, rows_in=1, rows_out=1)


def stages_of(work: Path, seen: Path) -> StreamingStages:
    producer = Stage("read", None, (), ("source",), Read(seen))
    folder = producer.output(work).folder
    first = Stage("first", None, (producer.key,), (), Copy(folder, work / "unseen"))
    second = Stage("second", None, (first.key,), (), Copy(first.output(work).folder, seen))
    return StreamingStages(producer, (first, second))


def texts(work: Path) -> dict[str, str]:
    return {p.name: p.read_text() for p in sorted(work.glob("second-*/*.txt"))}


COPIES = {f"part-0000{number}.txt": f"{number}++" for number in range(3)}


def test_parts_go_on_while_the_source_is_being_read(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parents[3])  # workers import this file
    with LocalEngine(2) as engine:
        [[producer, first, second]] = run_streaming(
            [stages_of(tmp_path, tmp_path / "seen")], tmp_path, engine, NoProgress()
        )
    assert producer.records[0].rows_in == 3
    assert first.parts == second.parts == ("part-00000", "part-00001", "part-00002")
    assert texts(tmp_path) == COPIES


@pytest.fixture
def made(tmp_path) -> Path:
    (tmp_path / "seen").touch()
    rerun(tmp_path)
    return tmp_path


def rerun(work: Path) -> set[str]:
    """Run the stages; the files that it wrote, by the stage and name."""
    before = {path: path.stat().st_mtime_ns for path in work.rglob("*.txt")}
    with LocalEngine(1) as engine:
        run_streaming([stages_of(work, work / "seen")], work, engine, NoProgress())
    return {
        f"{path.parent.name.partition('-')[0]}/{path.name}"
        for path in work.rglob("*.txt")
        if before.get(path) != path.stat().st_mtime_ns
    }


def test_finished_stages_do_nothing(made):
    assert rerun(made) == set()
    assert texts(made) == COPIES


@pytest.mark.parametrize(
    ("lost", "again"),
    [
        ("first-*/part-00001.txt", {"first/part-00001.txt"}),
        ("second-*/part-00002.json", {"second/part-00002.txt"}),
        ("read-*/part-00000.txt", {f"read/part-0000{number}.txt" for number in range(3)}),
    ],
)
def test_what_is_deleted_in_the_work_folder_is_made_again(made, lost, again):
    [path] = made.glob(lost)
    path.unlink()
    assert rerun(made) == again
    assert texts(made) == COPIES


@pytest.mark.parametrize(
    "damage", [lambda old: old + b"x", lambda old: bytes([old[0] ^ 1]) + old[1:]]
)
def test_a_damaged_file_is_made_again(made, damage, caplog):
    """Of another size, or with one bit flipped."""
    [path] = made.glob("second-*/part-00001.txt")
    path.write_bytes(damage(path.read_bytes()))
    assert rerun(made) == {"second/part-00001.txt"}
    assert texts(made) == COPIES
    assert [record.getMessage().partition(" (")[0] for record in caplog.records] == [
        f"{path} is damaged"
    ]


def test_a_lost_store_is_made_again(tmp_path):
    """A job that writes beside its stage's folder, as scorers do, is asked again for it."""
    store = tmp_path / "store"

    def fill(part: str, folder: Path) -> PartRecord:
        store.mkdir(exist_ok=True)
        (store / f"{part}.parquet").touch()
        write_checksum(store / f"{part}.parquet")
        return PartRecord(part=part, rows_in=0, rows_out=0)

    stage = Stage("score", None, (), ("part-00000",), fill, stores=(store,))
    for _ in range(2):
        with LocalEngine(1) as engine:
            run_stages([stage], tmp_path, engine, NoProgress())
        assert (store / "part-00000.parquet").exists()
        (store / "part-00000.parquet").unlink()


def test_an_error_in_a_consumer_ends_the_run(made):
    [path] = made.glob("first-*/part-00001.txt")
    path.unlink()
    whole = stages_of(made, made / "seen")

    def broken(part: str, folder: Path) -> PartRecord:
        raise DataError(f"{part} is broken")

    first = Stage("first", None, (whole.producer.key,), (), broken)
    with pytest.raises(DataError, match="part-00001 is broken"), LocalEngine(1) as engine:
        run_streaming(
            [StreamingStages(whole.producer, (first, whole.consumers[1]))],
            made,
            engine,
            NoProgress(),
        )


def test_a_part_in_memory_is_read_once_by_any_name_and_not_kept_longer(tmp_path, monkeypatch):
    one, other, more = (tmp_path / name for name in ("one", "other", "more"))
    write_frame(pl.DataFrame({"src": ["a"]}), one)
    other.hardlink_to(one)
    write_frame(pl.DataFrame({"src": ["b"]}), more)
    reads = []
    read = frames.read_frame
    monkeypatch.setattr(frames, "read_frame", lambda path: (reads.append(path.name), read(path))[1])
    with frames.parts_in_memory():
        assert frames.read_part(one).equals(frames.read_part(other))
        assert frames.read_part(more)["src"].to_list() == ["b"]
        assert frames.read_part(one)["src"].to_list() == ["a"]
    frames.read_part(one)
    assert reads == ["one", "more", "one", "one"]


class Seen(NoProgress):
    """Records the progress of the producer while it runs."""

    def __init__(self) -> None:
        self.events: list[str | float] = []

    def headway(self, stage: str, task: int, share: float) -> None:
        self.events.append(share)

    def part_done(self, stage: str, record: PartRecord) -> None:
        self.events.append(record.part)


class Reporting(Read):
    """Reports before each part how much is read, as Ingest does."""

    def __call__(self, part: str, folder: Path) -> PartRecord:
        task_progress.poll()
        task_progress.report(folder, 0.5)
        task_progress.poll()
        record = super().__call__(part, folder)
        task_progress.remove(folder)
        return record


def test_one_process_shows_how_far_a_source_is_while_it_reads(tmp_path):
    (tmp_path / "seen").touch()
    producer = Stage("read", None, (), ("source",), Reporting(tmp_path / "seen"), weight=10)
    folder = producer.output(tmp_path).folder
    folder.mkdir()
    task_progress.report(folder, 0.9)  # of a killed run: not to be shown
    seen = Seen()
    run_streaming([StreamingStages(producer, ())], tmp_path, LocalEngine(1), seen)
    assert seen.events == [0.5, 1.0, "part-00000", "part-00001", "part-00002"]
    assert task_progress.read(folder) is None


def test_parts_of_an_earlier_run_took_no_time_of_this_one(made):
    (made / "seen").touch()
    shown = Seen()
    run_streaming([stages_of(made, made / "seen")], made, LocalEngine(1), shown)
    assert shown.events == []


def test_a_part_that_never_appears_is_an_error(made, monkeypatch):
    """The producer has recorded it; on a folder that is not shared it is nowhere to be seen."""
    monkeypatch.setattr("sealdata.workflow.streaming.PATIENCE", 0.0)
    monkeypatch.setattr("sealdata.workflow.streaming.finished_part", lambda part, folder: None)
    with pytest.raises(DataError, match=r"part-00000\.json does not appear; is the folder shared"):
        run_streaming([stages_of(made, made / "seen")], made, LocalEngine(1), NoProgress())


def test_of_many_sources_only_those_with_new_results_are_asked(tmp_path, monkeypatch):
    seconds = itertools.count()  # every look at the clock comes a second after the one before
    clock = SimpleNamespace(monotonic=lambda: next(seconds), sleep=time.sleep)
    monkeypatch.setattr("sealdata.workflow.streaming.time", clock)
    asked = []
    ready_tasks = _SourceProgress.ready_tasks
    monkeypatch.setattr(
        _SourceProgress,
        "ready_tasks",
        lambda state, shown: asked.append(state.index) or ready_tasks(state, shown),
    )
    producers = [
        Stage("read", number, (), ("source",), Reporting(tmp_path / f"seen-{number}"))
        for number in range(20)
    ]
    for number in range(20):
        (tmp_path / f"seen-{number}").touch()
    done = run_streaming(
        [StreamingStages(producer, ()) for producer in producers],
        tmp_path,
        LocalEngine(1),
        NoProgress(),
    )
    assert all(len(one[0].records[0].facts["parts"]) == 3 for one in done)
    # All 20 at each full look; in between only those with new results, and not none.
    assert len(asked) == 217


class Resumed(NoProgress):
    """Counts what an earlier run left."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def part_kept(self, stage: str, record: PartRecord) -> None:
        self.counts[f"{stage} kept"] += record.rows_in

    def part_damaged(self, stage: str) -> None:
        self.counts[f"{stage} damaged"] += 1

    def part_done(self, stage: str, record: PartRecord) -> None:
        self.counts[f"{stage} done"] += record.rows_in


@pytest.mark.parametrize(
    ("lost", "expected"),
    [
        ((), {"read kept": 3, "first kept": 3, "second kept": 3}),
        # One part of one consumer, damaged or interrupted.
        (
            ("second-*/part-00001.txt",),
            {"read kept": 3, "first kept": 3, "second kept": 2, "second done": 1}
            | {"second damaged": 1},
        ),
        (
            ("second-*/part-00001.json",),
            {"read kept": 3, "first kept": 3, "second kept": 2, "second done": 1},
        ),
        # The source is read again; parts that are intact stay.
        (
            ("read-*/part-00002.txt",),
            {"read kept": 2, "read done": 1, "read damaged": 1, "first kept": 3, "second kept": 3},
        ),
    ],
)
def test_progress_hears_what_is_kept_and_what_is_made_again(
    made: Path, lost: tuple[str, ...], expected: dict[str, int]
) -> None:
    for pattern in lost:
        [path] = made.glob(pattern)
        path.unlink()
    shown = Resumed()
    run_streaming([stages_of(made, made / "seen")], made, LocalEngine(1), shown)
    assert shown.counts == expected
    assert texts(made) == COPIES

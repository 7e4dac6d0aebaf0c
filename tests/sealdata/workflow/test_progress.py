"""Progress: exact lines, exact records, the time left as a table, and what a resume says."""

import io
import json
import logging
import re
from pathlib import Path

import pytest

from sealdata.files.records import PartRecord
from sealdata.workflow import meter
from sealdata.workflow.progress import MODES, ProgressOptions, counted
from sealdata.workflow.progress_records import Records
from sealdata.workflow.progress_views import Bars, Lines, duration
from sealdata.workflow.run_stages import run_stages
from sealdata.workflow.stage import Stage
from sealdata.workflow.step_progress import StepProgress
from sealdata.workflow.steps import Step, Work, WorkState, share_done, single, time_left

DONE = WorkState(2, True, 1.0, 10, 0)  # 10 s for a cost of 2: 5 s for each
WAITS = WorkState(3, False, None)


@pytest.mark.parametrize(
    ("works", "seconds"),
    [
        ([], 0),
        ([DONE], 0),
        ([DONE, WAITS], 15),
        ([DONE, WAITS, WorkState(1, False, None)], 20),
        # Running work takes its own time; its speed counts too: 20 s for a cost of 2 + 4 / 2.
        ([DONE, WorkState(4, True, 0.5, 10, 10)], 10),
        ([DONE, WorkState(4, True, 0.5, 10, 10), WAITS], 10 + 3 * 5),
        # Begun work runs side by side.
        ([WorkState(1, True, 0.5, 4, 4), WorkState(1, True, 0.5, 9, 9)], 9),
        # Nothing is known before the first report, of a stream without end, or of no cost.
        ([WorkState(1, True, 0.0, 0, None)], None),
        ([DONE, WorkState(1, True, None, 5, None), WAITS], None),
        ([WAITS], None),
        ([WorkState(0, True, 1.0, 1, 0), WAITS], None),
        ([WorkState(0, True, 1.0, 1, 0)], 0),
        ([DONE, WorkState(0, True, 1.0, 90, 0), WAITS], 15),
    ],
)
def test_time_left(works: list[WorkState], seconds: float | None) -> None:
    assert time_left(works) == seconds


@pytest.mark.parametrize(
    ("works", "share"),
    [
        ([DONE], 1),
        ([DONE, WAITS], 2 / 5),
        ([DONE, WorkState(2, True, 0.5, 1, 1)], 3 / 4),
        ([DONE, WorkState(2, True, None, 1, None)], None),
        ([], None),
    ],
)
def test_share_done(works: list[WorkState], share: float | None) -> None:
    assert share_done(works) == share


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        *[(0.4, "under 1 s"), (1, "1 s"), (119, "119 s")],
        *[(120, "2 min"), (7199, "120 min"), (7200, "2.0 h")],
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


STEPS = (
    Step("read", "read and clean", (Work(("ingest", "clean"), 10),), "records", ("ingest",)),
    Step("dedup", "find duplicates", (Work(("d",), 1), Work(("m",), 1)), losses=("m",)),
    Step("select", "apply the rules", (Work(("select",), 8),), keeps="select"),
)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr(meter.time, "monotonic", lambda: now[0])
    return now


def record(rows: int, dropped: int = 0) -> PartRecord:
    reasons = {"why": dropped} if dropped else {}
    return PartRecord(part="p", rows_in=rows, rows_out=rows - dropped, dropped=reasons)


def run(progress: StepProgress, clock: list[float]) -> None:
    """Three steps of 20, 10 and 8 seconds."""
    progress.note("it compiles")
    progress.begin("ingest")
    progress.begin("clean", after="ingest")
    progress.expect_task("ingest", 0, 1000)
    for share in (0.5, 1.0):
        clock[0] += 10
        progress.headway("ingest", 0, share)
        progress.expect("clean", 1, 490)
        progress.part_done("ingest", record(500, 10))
        progress.part_done("clean", record(490))
    progress.end("ingest")
    progress.end("clean")
    for stage in ("d", "m"):
        progress.begin(stage)
        progress.expect(stage, 1, 980)
        clock[0] += 5
        progress.part_done(stage, record(980, 20))
        progress.end(stage)
    progress.begin("select")
    progress.expect("select", 2, 980)
    for rows in (490, 490):
        clock[0] += 6
        progress.part_done("select", record(rows, 90))
    progress.end("select")
    progress.close()


def test_plain_lines(clock: list[float]) -> None:
    stream = io.StringIO()
    run(StepProgress([Lines(stream)], STEPS), clock)
    assert stream.getvalue().splitlines() == [
        "it compiles",
        "step 1 of 3, read and clean",
        # Half of the cost of 10 took 10 s, so that the cost of 10 that follows takes 20 s.
        "step 1 of 3, read and clean: 50%, ETA 10 s, all steps 30 s",
        "step 1 of 3, read and clean: done in 20 s, 1,000 records, 20 lost (2.0%)",
        "step 2 of 3, find duplicates",
        # A cost of 11 took 25 s; a cost of 1 is left in the step, and 8 after it.
        "step 2 of 3, find duplicates: 50%, 980 pairs, 196 pairs/s, ETA 2 s, all steps 20 s",
        "step 2 of 3, find duplicates: done in 10 s, 980 pairs, 20 lost (2.0%)",
        "step 3 of 3, apply the rules",
        "step 3 of 3, apply the rules: 50%, 490 pairs, 400 kept (81.6%), 82 pairs/s, ETA 6 s",
        "step 3 of 3, apply the rules: done in 12 s, 980 pairs, 800 kept (81.6%)",
    ]


def test_bars(clock: list[float]) -> None:
    stream = io.StringIO()
    view = Bars(stream)
    view._console.width = 160
    run(StepProgress([view], STEPS), clock)
    view.close("done")
    text = stream.getvalue()
    assert "it compiles" in text
    last = [line for line in text.splitlines() if "find duplicates" in line][-1]
    assert "done in 10 s, 980 pairs, 20 lost (2.0%)" in last


def fields(text: str) -> list[dict[str, object]]:
    """Records without their time, whose form is checked."""
    table = [json.loads(line) for line in text.splitlines()]
    for row in table:
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", row.pop("time"))
        assert row.pop("format") == 1
    return table


def test_records(clock: list[float]) -> None:
    stream = io.StringIO()
    view = Records(stream)
    view.open("build", STEPS)
    run(StepProgress([view], STEPS), clock)
    view.close("done")
    actual = fields(stream.getvalue())
    assert actual[0] == {
        "event": "start",
        "command": "build",
        "steps": [
            {"name": "read", "title": "read and clean"},
            {"name": "dedup", "title": "find duplicates"},
            {"name": "select", "title": "apply the rules"},
        ],
    }
    assert actual[1] == {"event": "note", "text": "it compiles"}
    assert actual[-1] == {"event": "end", "status": "done", "seconds": 42.0}
    assert [row["event"] for row in actual[2:-1]].count("step_begin") == 3
    assert actual[-3] == {
        "event": "progress",
        "step": 3,
        "steps": 3,
        "name": "select",
        "title": "apply the rules",
        "unit": "pairs",
        "done": 1.0,
        "parts": 2,
        "expected_parts": 2,
        "rows": 980,
        "rows_per_second": 81.667,
        "rows_lost": None,
        "rows_kept": 800,
        "parts_kept": 0,
        "parts_damaged": 0,
        "step_seconds": 12.0,
        "has_no_end": False,
        "step_seconds_left": 0.0,
        "seconds_left": 0.0,
    }
    assert actual[-2] == {**actual[-3], "event": "step_end"}


def test_the_page_lists_the_fields_of_a_record(clock: list[float]) -> None:
    page = Path(__file__).parents[3] / "docs" / "how-to" / "watch-a-build.md"
    listed = set(re.findall(r"^\| `(\w+)` \|", page.read_text("utf-8"), re.MULTILINE))
    stream = io.StringIO()
    view = Records(stream)
    view.open("build", STEPS)
    run(StepProgress([view], STEPS), clock)
    view.warn("x")
    view.fetched("a", 1, 2, 1.0)
    view.close("done")
    written = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert listed == {name for row in written for name in row}


def test_a_stream_of_unknown_length_has_no_eta(clock: list[float]) -> None:
    stream = io.StringIO()
    progress = StepProgress([Lines(stream)], STEPS)
    progress.begin("ingest")
    progress.expect_task("ingest", 0, 1000)
    progress.expect_task("ingest", 1, None)
    clock[0] += 10
    progress.headway("ingest", 0, 0.5)
    assert stream.getvalue().splitlines()[-1] == (
        "step 1 of 3, read and clean: no ETA: a stream does not say how long it is"
    )


def test_what_follows_a_reader_is_not_done_before_it(clock: list[float]) -> None:
    stream = io.StringIO()
    progress = StepProgress([Lines(stream)], STEPS)
    progress.begin("ingest")
    progress.begin("clean", after="ingest")
    progress.expect_task("ingest", 0, 1000)
    clock[0] += 4
    progress.headway("ingest", 0, 0.1)
    progress.expect("clean", 1, 500)
    clock[0] += 2
    progress.part_done("clean", record(500))
    # All parts that exist are clean, but a tenth of the source is read: 4 s of 40 s.
    assert "10%" in stream.getvalue().splitlines()[-1]
    assert "ETA 36 s" in stream.getvalue().splitlines()[-1]


def test_a_stage_that_no_step_names_belongs_to_the_running_one(clock: list[float]) -> None:
    stream = io.StringIO()
    progress = StepProgress([Lines(stream)], STEPS)
    for stage in ("d", "other", "m"):
        progress.begin(stage)
        progress.expect(stage, 1, 10)
        progress.part_done(stage, record(10))
        progress.end(stage)
    progress.close()
    assert stream.getvalue().splitlines() == [
        "step 1 of 3 was finished by an earlier run",
        "step 2 of 3, find duplicates",
        "step 2 of 3, find duplicates: done in under 1 s, 10 pairs",
    ]


def test_rows_that_are_no_pairs_are_not_counted(clock: list[float]) -> None:
    """Such as the sentences of evaluation sets, whose work has no cost."""
    stream = io.StringIO()
    works = (Work(("references",), 0), Work(("decontaminate",), 4))
    progress = StepProgress([Lines(stream)], [Step("x", "find", works), STEPS[0]])
    for stage, rows in (("references", 390), ("decontaminate", 20)):
        progress.begin(stage)
        progress.expect(stage, 2, 2 * rows)
        clock[0] += 6
        progress.part_done(stage, record(rows))
        progress.end(stage)
    progress.close()
    assert stream.getvalue().splitlines() == [
        "step 1 of 2, find",
        "step 1 of 2, find: 0%",
        "step 1 of 2, find: 50%, 20 pairs, 3 pairs/s, ETA 6 s, all steps 36 s",
        "step 1 of 2, find: done in 12 s, 20 pairs",
    ]


def test_work_that_is_passed_over_is_neither_done_nor_left(clock: list[float]) -> None:
    """An earlier run did the first half of the step: half of the second is half of the rest."""
    stream = io.StringIO()
    progress = StepProgress([Lines(stream)], STEPS)
    progress.begin("m")
    progress.expect("m", 2, 980)
    clock[0] += 6
    progress.part_done("m", record(490))
    line = "step 2 of 3, find duplicates: 50%, 490 pairs, 82 pairs/s, ETA 6 s, all steps 102 s"
    assert stream.getvalue().splitlines()[-1] == line


def test_a_run_without_work_says_nothing(clock: list[float]) -> None:
    stream = io.StringIO()
    progress = StepProgress([Lines(stream)], STEPS)
    progress.note("it compiles")
    progress.begin("ingest")
    progress.end("ingest")
    progress.close()
    assert stream.getvalue() == ""


def test_a_short_command_of_one_step_says_nothing_and_a_long_one_how_far_it_is(
    clock: list[float],
) -> None:
    for seconds, lines in (
        (1, []),
        (3, ["check: 67%, 2 of 3 parts, ETA 3 s", "check: done in 9 s"]),
    ):
        stream = io.StringIO()
        progress = StepProgress([Lines(stream)], [single("check", "check")])
        for _ in counted(progress, "check", ["a", "b", "c"]):
            clock[0] += seconds
        progress.close()
        assert stream.getvalue().splitlines() == lines


def keep(part: str, folder: Path) -> PartRecord:
    (folder / f"{part}.txt").write_text(part)
    return PartRecord(part=part, rows_in=100, rows_out=90, dropped={"why": 10})


class Here:
    """Runs tasks in this process."""

    def run(self, source):
        while tasks := source():
            for task in tasks:
                yield task, task()


def resumed(work: Path, steps: tuple[Step, ...] = STEPS) -> list[str]:
    stream = io.StringIO()
    progress = StepProgress([Lines(stream)], steps)
    stages = [Stage(name, None, (), ("a", "b", "c"), keep) for name in ("d", "m")]
    for stage in stages:
        run_stages([stage], work, Here(), progress)
    progress.close()
    return stream.getvalue().splitlines()


def test_a_resume_says_what_is_made_again_and_nothing_more(tmp_path, clock, caplog) -> None:
    first = resumed(tmp_path)
    assert first[-1].endswith("done in under 1 s, 300 pairs, 30 lost (10.0%)")
    assert resumed(tmp_path) == []
    [folder] = tmp_path.glob("m-*")
    (folder / "a.txt").write_text("damaged")
    (folder / "b.txt").unlink()
    # The losses are those of all parts, not of the two that are made again.
    assert resumed(tmp_path) == [
        "step 1 of 3 was finished by an earlier run",
        "step 2 of 3, find duplicates: 1 part of an earlier run kept, "
        "2 damaged or missing parts made again",
        "step 2 of 3, find duplicates: done in under 1 s, 300 pairs, 30 lost (10.0%)",
    ]
    assert [line for line in caplog.messages if "a.txt is damaged" in line] == caplog.messages
    # A run that was killed before it wrote a record has nothing damaged.
    (folder / "c.json").unlink()
    assert resumed(tmp_path)[-2].endswith("find duplicates: 2 parts of an earlier run kept")


def test_what_is_kept_is_said_at_the_end_where_it_shows_late(clock: list[float]) -> None:
    stream = io.StringIO()
    progress = StepProgress([Lines(stream)], STEPS)
    progress.begin("clean")
    progress.expect("clean", 1, 10)
    progress.part_kept("clean", record(90))
    progress.part_done("clean", record(10))
    progress.close()
    last = (
        "step 1 of 3, read and clean: done in under 1 s, 100 records, 1 part of an earlier run kept"
    )
    assert stream.getvalue().splitlines()[-1] == last


@pytest.mark.parametrize("mode", MODES)
def test_warnings_are_shown_in_every_mode(mode, tmp_path, capsys, monkeypatch) -> None:
    """Once each; in records as an event."""
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    file = tmp_path / "progress.jsonl"
    for options in (ProgressOptions(mode), ProgressOptions(mode, file)):
        with options.open("build", STEPS):
            logging.getLogger("sealdata.x").warning("a file is damaged")
        assert capsys.readouterr().err.count("a file is damaged") == 1
    assert [row["event"] for row in fields(file.read_text())] == ["start", "warning", "end"]


@pytest.mark.parametrize(
    ("error", "status"), [(ValueError, "failed"), (KeyboardInterrupt, "interrupted")]
)
def test_the_last_record_says_how_the_run_ended(tmp_path, error, status) -> None:
    file = tmp_path / "progress.jsonl"
    with pytest.raises(error), ProgressOptions("off", file).open("build", STEPS):
        raise error
    assert fields(file.read_text())[-1]["status"] == status
    with ProgressOptions("off", file).open("build", STEPS):
        pass
    assert [row["event"] for row in fields(file.read_text())] == ["start", "end"] * 2


def test_no_terminal_gets_plain_lines_and_off_gets_nothing() -> None:
    for mode, shows in (("auto", True), ("off", False)):
        stream = io.StringIO()
        with ProgressOptions(mode).open("build", STEPS, stream) as progress:
            progress.begin("d")
            progress.expect("d", 1, 1)
        assert ("step 2 of 3, find duplicates" in stream.getvalue()) == shows

"""Progress where stderr is no terminal: plain lines with rates, drops and the time left by rows."""

import io

import pytest

from sealdata.files.records import PartRecord
from sealdata.workflow import progress as module
from sealdata.workflow.progress import BarProgress, PlainProgress, make_progress


@pytest.fixture
def clock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    return now


def record(rows: int, dropped: int = 0) -> PartRecord:
    reasons = {"why": dropped} if dropped else {}
    return PartRecord(part="p", rows_in=rows, rows_out=rows - dropped, dropped=reasons)


def test_plain_lines_say_rate_drops_and_time_left(clock):
    stream = io.StringIO()
    shown = PlainProgress(stream)
    shown.begin("clean")
    shown.expect("clean", 3, 1000)
    for rows, seconds in ((400, 8.0), (400, 8.0), (200, 4.0)):
        clock[0] += seconds
        shown.part_done("clean", record(rows, rows // 10))
    shown.end("clean")
    assert stream.getvalue().splitlines() == [
        "clean: 1/3 parts, 400 rows, 50 rows/s, 10.0% dropped, ETA 12 s",  # by rows: 600 at 50 / s
        "clean: 2/3 parts, 800 rows, 50 rows/s, 10.0% dropped, ETA 4 s",
        "clean: 3/3 parts, 1,000 rows, 50 rows/s, 10.0% dropped",
    ]


def test_stages_overlap_and_the_time_of_a_reader_runs_from_its_start(clock):
    stream = io.StringIO()
    shown = PlainProgress(stream)
    shown.begin("ingest")
    shown.begin("clean")
    shown.expect("ingest", 0, 0)
    clock[0] += 10
    shown.part_done("ingest", record(500))
    shown.expect("clean", 1, 500)
    clock[0] += 5
    shown.part_done("clean", record(500))
    shown.end("ingest")
    shown.end("clean")
    assert stream.getvalue().splitlines() == [
        "ingest: 1 parts, 500 rows, 50 rows/s, 0.0% dropped",
        "ingest: 1 parts, 500 rows, 50 rows/s, 0.0% dropped",
        "clean: 1/1 parts, 500 rows, 100 rows/s, 0.0% dropped",
    ]


def test_the_time_left_of_tasks_is_told_by_weight_and_never_ends_before_the_slowest(clock):
    stream = io.StringIO()
    shown = PlainProgress(stream)
    shown.begin("ingest")
    shown.expect_task("ingest", 0, 3000)
    shown.expect_task("ingest", 1, 1000)
    for share, done in ((0.25, 0), (0.5, 1)):
        clock[0] += 10
        shown.headway("ingest", 0, share)
        shown.headway("ingest", 1, done)
        shown.part_done("ingest", record(500))
    assert stream.getvalue().splitlines() == [
        # 750 of 4,000 bytes in 10 s; the first has begun just now, as far as is known
        "ingest: 1 parts, 500 rows, 50 rows/s, 0.0% dropped, ETA 43 s",
        # 2,500 in 20 s would leave 12 s; the first alone needs what it needed: half in 10 s
        "ingest: 2 parts, 1,000 rows, 50 rows/s, 0.0% dropped, ETA 12 s",
    ]
    clock[0] += 100
    shown.headway("ingest", 0, 0.75)
    shown.part_done("ingest", record(500))
    assert stream.getvalue().endswith("ETA 37 s\n")  # three quarters in 110 s; by bytes 28 s


def test_what_follows_a_reader_is_not_done_before_it(clock):
    stream = io.StringIO()
    shown = PlainProgress(stream)
    shown.begin("ingest")
    shown.begin("clean", after="ingest")
    shown.expect_task("ingest", 0, 1000)
    clock[0] += 10
    shown.headway("ingest", 0, 0.1)
    shown.part_done("ingest", record(500))
    shown.expect("clean", 1, 500)
    clock[0] += 10
    shown.part_done("clean", record(500))
    assert stream.getvalue().splitlines()[1:] == [
        "clean: 1/1 parts, 500 rows, 50 rows/s, 0.0% dropped, ETA 90 s"
    ]


def test_a_stream_of_unknown_length_is_said_to_be_one(clock):
    stream = io.StringIO()
    shown = PlainProgress(stream)
    shown.begin("ingest")
    shown.expect_task("ingest", 0, 1000)
    shown.expect_task("ingest", 1, None)
    clock[0] += 10
    shown.headway("ingest", 0, 0.5)
    shown.part_done("ingest", record(500))
    assert stream.getvalue().splitlines() == [
        "ingest: 1 parts, 500 rows, 50 rows/s, 0.0% dropped, "
        "no ETA: a stream does not say how long it is"
    ]


def test_a_stage_without_work_says_nothing(clock):
    stream = io.StringIO()
    shown = PlainProgress(stream)
    shown.begin("clean")
    shown.end("clean")
    shown.begin("keys")
    shown.expect("keys", 1, 500)  # and then the source failed
    shown.end("keys")
    assert stream.getvalue() == ""


def test_bars_show_overlapping_stages():
    stream = io.StringIO()
    shown = BarProgress(stream)
    for stage in ("ingest", "clean"):
        shown.begin(stage)
    shown.expect_task("ingest", 0, 10)
    shown.headway("ingest", 0, 0.5)
    shown.expect("clean", 2, 1000)
    shown.part_done("ingest", record(1000))
    shown.part_done("clean", record(600))
    shown.part_done("clean", record(400, 4))
    for stage in ("ingest", "clean"):
        shown.end(stage)
    last = [line for line in stream.getvalue().splitlines() if "clean" in line][-1]
    assert "2/2" in last
    assert "1,000 rows" in last
    assert "0.4% dropped" in last


def test_no_terminal_gets_plain_lines():
    assert isinstance(make_progress(io.StringIO()), PlainProgress)

"""`sealdata score`: a line in, a line out, whatever is in it."""

import contextlib
import subprocess
import sys
import threading

import polars as pl
import pytest
from click.testing import CliRunner

from sealcli.sealdata import main
from sealdata.component import load
from sealdata.dataset import filter as filtering
from sealdata.dataset.filter import LineScorer, Tally
from sealdata.errors import ConfigError


def scorer(src="eng_Latn", tgt="ind_Latn"):
    return LineScorer({"length": load("scorers", "length")}, src, tgt)


LINES = [
    b"Hello.\tHalo semua.\n",
    b"no tab\n",
    b"a\tb\tmore\t0.5\r\n",
    b"\xff\tb\n",
    b"\t\n",
    b"\n",
    "Water\tน้ำ".encode(),
    b"Halo \xed\xa0\xbd dunia.\tx\n",  # half of a surrogate pair, as some encoders write it
    b"x\tHalo \xed\xb8\x80\r\n",
]


def test_every_line_comes_out_in_its_place():
    tally = Tally()
    out = b"".join(scorer().blocks(LINES, tally)).splitlines(keepends=True)
    expected = [
        b"Hello.\tHalo semua.\t6\t11\n",
        b"no tab\t\t\n",
        b"a\tb\tmore\t0.5\t1\t1\n",
        b"\xff\tb\t\t\n",
        b"\t\t0\t0\n",
        b"\t\t\n",
        "Water\tน้ำ\t5\t3\n".encode(),
        b"Halo \xed\xa0\xbd dunia.\tx\t\t\n",
        b"x\tHalo \xed\xb8\x80\t\t\n",
    ]
    assert out == expected
    assert (tally.lines, tally.bad, tally.first_bad) == (9, 5, 2)
    assert scorer().columns == ["length.src_chars", "length.tgt_chars"]


def test_src_means_english_whichever_column_it_is():
    assert list(scorer("id", "en").blocks([b"Halo semua.\tHello.\n"], Tally())) == [
        b"Halo semua.\tHello.\t6\t11\n"
    ]
    with pytest.raises(ConfigError, match="one of the two languages must be English"):
        scorer("id", "th")


def test_only_a_part_of_the_input_is_in_memory(monkeypatch):
    monkeypatch.setattr(filtering, "_LINES", 3)
    read = []

    def lines():
        for number in range(10):
            read.append(number)
            yield b"a\t%d\n" % number

    out = scorer().blocks(lines(), Tally())
    assert next(out) == b"a\t0\t1\t1\na\t1\t1\t1\na\t2\t1\t1\n"
    assert len(read) == 3
    assert list(out)[-1] == b"a\t9\t1\t1\n"
    monkeypatch.setattr(filtering, "_BYTES", 8)
    assert [len(chunk) for chunk in filtering._chunks([b"long line", b"a", b"b", b"c"])] == [1, 3]


def test_a_line_too_long_to_be_scored_comes_through(monkeypatch):
    monkeypatch.setattr(filtering, "LONGEST", 6)
    tally = Tally()
    out = b"".join(scorer().blocks([b"a\tb\n", b"abc\tdef\n", b"ab\tcd\te\n", b"ab\tcde"], tally))
    assert out == b"a\tb\t1\t1\nabc\tdef\t\t\nab\tcd\te\t\t\nab\tcde\t2\t3\n"
    assert (tally.bad, tally.first_bad) == (2, 2)


def test_what_is_scored_is_written_while_more_is_to_come():
    """The writer waits until it has read the first block, before it writes another line."""
    program = "from sealcli.sealdata import main; main()"
    command = [sys.executable, "-c", program, "score", "--tgt-lang", "id", "--scorer", "length"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as running:
        running.stdin.write(b"One.\tSatu.\n" * filtering._LINES)
        running.stdin.flush()
        first = [running.stdout.readline() for _ in range(filtering._LINES)]
        assert set(first) == {b"One.\tSatu.\t4\t5\n"}
        rest, _ = running.communicate(b"Two.\tDua.")
    assert rest == b"Two.\tDua.\t4\t4\n"


def test_nothing_in_nothing_out():
    args = ["score", "--tgt-lang", "id", "--scorer", "length"]
    for options in ([], ["--header"]):
        run = CliRunner().invoke(main, [*args, *options], input="")
        assert (run.exit_code, run.stdout) == (0, "")


def test_the_command():
    text = "My father is a teacher.\tAyah saya guru.\nbroken\n"
    run = CliRunner().invoke(main, ["score", "--tgt-lang", "id", "--encoder", "sample"], input=text)
    assert run.exit_code == 0, run.output
    first, second = run.stdout.splitlines()
    names = run.stderr.splitlines()[0].removeprefix("columns added: ").split(", ")
    scores = dict(zip(names, first.split("\t")[2:], strict=True))
    assert float(scores["laser.cosine"]) > 0.3
    assert scores["lid.tgt_top"] == "ind_Latn"
    assert second == "broken" + "\t" * len(names)
    assert "1 of 2 lines have no scores" in run.stderr
    assert "(the first is line 2)" in run.stderr
    options = ["score", "--tgt-lang", "id", "--scorer", "length", "--header"]
    run = CliRunner().invoke(main, options, input="en\tid\n" + text)
    assert "1 of 2 lines have no scores" in run.stderr
    assert "(the first is line 3)" in run.stderr


def test_a_header_gets_the_names_and_a_recipe_its_scorers():
    args = ["score", "--tgt-lang", "id", "--recipe", "quickstart", "--scorer", "length", "--header"]
    run = CliRunner().invoke(main, args, input="en\tid\nHi\tHai\n")
    assert run.stdout == "en\tid\tlength.src_chars\tlength.tgt_chars\nHi\tHai\t2\t3\n"
    run = CliRunner().invoke(main, [*args[:-2], "nothing"], input="")
    assert run.exit_code == 2
    assert "quickstart has no [score.nothing]" in run.stderr


def test_scores_are_those_of_a_build():
    rows = [("Hello there.", "Halo semua."), ("Two.", "Dua.")]
    lines = [f"{src}\t{tgt}\n".encode() for src, tgt in rows]
    lid = LineScorer({"lid": load("scorers", "lid")}, "eng_Latn", "ind_Latn")
    from sealdata.pairs import make_pairs

    scores = load("scorers", "lid").score(make_pairs(rows))
    for line, row in zip(
        b"".join(lid.blocks(lines, Tally())).splitlines(), scores.rows(), strict=True
    ):
        for written, value in zip(line.decode().rstrip("\n").split("\t")[2:], row, strict=True):
            if isinstance(value, float):
                assert float(written) == pytest.approx(value, rel=1e-5)
            else:
                assert written == ("" if value is None else str(value))
    assert isinstance(scores, pl.DataFrame)


def test_a_reader_that_goes_away_ends_the_command_quietly():
    """`sealdata score | head`: no message, and the exit code that a shell knows."""
    program = "from sealcli.sealdata import main; main()"
    command = [sys.executable, "-c", program, "score", "--tgt-lang", "id"]
    lines = b"Good morning.\tSelamat pagi.\n" * 40_000
    with subprocess.Popen(
        [*command, "--scorer", "length"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as running:
        feeder = threading.Thread(target=_feed, args=(running.stdin, lines))
        feeder.start()
        assert running.stdout.readline().startswith(b"Good morning.\tSelamat pagi.\t")
        running.stdout.close()
        said = running.stderr.read().decode()
        feeder.join()
    assert running.returncode == 141
    assert said.startswith("columns added: ")
    assert said.count("\n") == 1


def _feed(pipe, lines):
    with contextlib.suppress(BrokenPipeError):
        pipe.write(lines)
        pipe.close()

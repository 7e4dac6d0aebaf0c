"""Bad input through a whole build: one line that names the file, or a counted rejection."""

import gzip
import subprocess
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner

from sealcli.sealdata import main
from sealdata.dataset.build import build
from sealdata.errors import ConfigError, DataError, SealError
from sealdata.pipeline.plan import load_plan
from sealdata.workflow.engines.local import LocalEngine
from sealdata.workflow.protocols import NoProgress

RECIPE = """
name = "bad"
{source}
[clean.unicode]
[clean.whitespace]
[score.length]
[[rule]]
reason = "too_short"
score = "length.src_chars"
min = 2
[tokenizer]
path = "sample:tokenizers/bpe"
[pack]
sequence_length = 256
block_length = 16384
"""
TSV = """
[[source]]
name = "s"
reader = "tsv"
path = "{name}"
src_lang = "eng_Latn"
tgt_lang = "tha_Thai"
options = {{ layout = "pairs" }}
"""
MOSES = TSV.replace('"tsv"', '"moses"').replace('options = {{ layout = "pairs" }}\n', "")


def run(folder: Path, source: str, limit: int | None = None, allow: tuple[str, ...] = ()):
    recipe = folder / "bad.toml"
    recipe.write_text(RECIPE.format(source=source), encoding="utf-8")
    with LocalEngine(1) as engine:
        plan, out = load_plan(str(recipe)), folder / "out"
        return build(plan, out, engine, NoProgress(), limit, allow=allow).manifest


def tsv(folder: Path, data: bytes, name: str = "s.tsv", limit: int | None = None):
    (folder / name).write_bytes(data)
    return run(folder, TSV.format(name=name), limit)


@pytest.mark.parametrize(
    ("data", "kept", "dropped"),
    [
        (b"Hello\t\xe0\xb8\xaa\xe0\xb8\xa7\n", 1, {}),
        ("\ufeffHello\tสวัสดี\r\nBye\tลาก่อน\r\n".encode(), 2, {}),  # BOM, CRLF
        ('He said "no.\tเขาพูดว่า "ไม่\nYes.\tใช่\n'.encode(), 2, {}),  # unbalanced quotes
        ("a\u2028b\tก\u0085ข\n".encode(), 1, {}),  # line separators that end no line
        ("No newline at the end\tไม่มี".encode(), 1, {}),
        (b"ok go\t\xe0\xb8\x81\nbad\t\xff\n", 1, {"ingest": {"invalid_utf8": 1}}),
        (b"ok go\tk\nn\0ul\tk\n", 1, {"ingest": {"nul_byte": 1}}),
        (b"ok go\tk\nthree\tb\tc\none\n\n", 1, {"ingest": {"wrong_column_count": 3}}),
        (b"ok go\tk\n\tk\nk\t\n", 1, {"ingest": {"empty_side": 2}}),
        (b"ok go\tk\nx\tk\n", 1, {"rules": {"too_short": 1}}),
    ],
)
def test_rows_are_kept_or_counted(tmp_path, data, kept, dropped):
    [row] = tsv(tmp_path, data).funnel
    assert row.kept == kept
    assert row.dropped == dropped
    assert row.records == kept + row.num_dropped


SILENT = {  # contents of a source -> what is said of it
    "half": ("Good day\tสวัสดี\na\tb\tc\n", "1 of 2", "1 as wrong_column_count; first row 1: a b c"),
    "layout": ("a\tb\tc\na\tb\nc\n", "0 of 3", "2 as wrong_column_count; first row 0: a b c"),
    "short": ("x\tb\ny\tc\n", "0 of 2", "2 as too_short"),
    "again": ("Hello there\tสวัสดี\n", "0 of 1", "1 as duplicate"),
    "good": ("Hello there\tสวัสดี\nBye now\tลาก่อน\na\tb\tc\n", None, None),
}


def test_sources_and_streams_that_yield_little_or_nothing_are_named(tmp_path):
    names = sorted(SILENT, key=["good", "again", "half", "layout", "short"].index)
    for name in names:
        (tmp_path / f"{name}.tsv").write_text(SILENT[name][0], encoding="utf-8")
    sources = [TSV.format(name=f"{name}.tsv").replace('"s"', f'"{name}"') for name in names]
    (tmp_path / "docs.jsonl").write_text('{"content": "One."}\n{"text": ["Two."]}\n[]\n')
    stream = '[[stream]]\nname = "english"\nkind = "replay"\npath = "docs.jsonl"\n'
    manifest = run(tmp_path, "".join(sources) + stream, allow=("unreadable",))
    said = [row.with_example for row in manifest.silent]
    stages = {"again": "dedup", "half": "ingest", "layout": "ingest", "short": "rules"}
    assert said == [
        f"source {name!r}: {SILENT[name][1]} records kept; {stage} dropped {SILENT[name][2]}"
        for name, stage in stages.items()
    ] + ["stream 'english': 0 of 3 records kept; ingest dropped 2 as no_such_field"]


def test_a_build_without_a_pair_fails(tmp_path):
    (tmp_path / "s.tsv").write_text("en: Hello\tth: สวัสดี\tx\n", encoding="utf-8")
    (tmp_path / "bad.toml").write_text(RECIPE.format(source=TSV.format(name="s.tsv")), "utf-8")
    command = ["build", str(tmp_path / "bad.toml"), "--out", str(tmp_path / "out")]
    command += ["--allow", "unreadable", "--allow", "nothing-kept"]
    for _ in range(2):  # also where there is nothing left to do
        done = CliRunner().invoke(main, [*command, "--workers", "1"])
        assert done.exit_code == 1
        assert "bad: none of 1 records is kept, so nothing can be used; source 's'" in done.stderr
        assert "source 's': 0 of 1 records kept; ingest dropped 1 as wrong" in done.stdout
    card = (tmp_path / "out/README.md").read_text("utf-8")
    assert "**Little or nothing of a source.**" in card
    assert "Hello" not in card  # the card is published, the record may not be
    assert "Little or nothing" in (tmp_path / "out/report/index.html").read_text("utf-8")


def test_line_separators_become_spaces(tmp_path):
    import polars as pl

    tsv(tmp_path, "a\u2028b\tก\u0085ข\n".encode())
    pairs = pl.read_parquet(tmp_path / "out/pairs/eng_Latn-tha_Thai/train-00000.parquet")
    assert pairs.select("src", "tgt").rows() == [("a b", "ก ข")]


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("s.tsv", b"", "s.tsv holds no records"),
        ("s.tsv.gz", gzip.compress(b"", mtime=0), "s.tsv.gz holds no records"),
        (
            "s.tsv.gz",
            gzip.compress(b"a\tb\n" * 9999, mtime=0)[:40],
            "s.tsv.gz is cut short at byte",
        ),
        ("s.tsv.gz", b"\x1f\x8b but no gzip at all", "s.tsv.gz"),
    ],
)
def test_a_file_that_is_unusable_as_a_whole(tmp_path, name, data, says):
    with pytest.raises(DataError, match=says.replace(".", r"\.")) as caught:
        tsv(tmp_path, data, name)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(DataError, match=r"source 's': no file .*s\.tsv$"):
        run(tmp_path, TSV.format(name="s.tsv"))


def test_a_dry_run_prints_the_plan_and_what_is_missing(tmp_path):
    text = RECIPE.format(source=TSV.format(name="s.tsv"))
    (tmp_path / "bad.toml").write_text(text, encoding="utf-8")
    command = ["build", str(tmp_path / "bad.toml"), "--dry-run"]
    done = CliRunner().invoke(main, command)
    assert done.exit_code == 1
    assert done.stderr == f"sealdata: [missing] source 's': no file {tmp_path / 's.tsv'}\n"
    (tmp_path / "s.tsv").write_bytes(b"Hello\tk\n")
    done = CliRunner().invoke(main, command)
    assert done.exit_code == 0
    assert "rule    too_short: length.src_chars >= 2" in done.stdout
    assert not (tmp_path / "builds").exists()


def test_unequal_line_counts_are_refused_with_both(tmp_path):
    with zipfile.ZipFile(tmp_path / "en-th.txt.zip", "w") as archive:
        archive.writestr("X.en-th.en", "one\ntwo\nthree\n")
        archive.writestr("X.en-th.th", "หนึ่ง\nสอง\n")
    with pytest.raises(DataError, match=r"3.*2"):
        run(tmp_path, MOSES.format(name="en-th.txt.zip"))


def test_a_failed_source_leaves_the_others_parts(tmp_path, monkeypatch):
    monkeypatch.setattr("sealdata.readers._sampling.MAX_WHOLE", 0)  # the sample is of the head
    (tmp_path / "good.tsv").write_bytes(b"Hello\tk\n")
    rows = b"".join(b"%d\t%0300d\n" % (i, i) for i in range(90_000))
    (tmp_path / "cut.tsv.gz").write_bytes(gzip.compress(rows, 1)[:-40])
    both = TSV.format(name="good.tsv") + TSV.format(name="cut.tsv.gz").replace('"s"', '"t"')
    with pytest.raises(DataError, match="cut short"):
        run(tmp_path, both)
    assert len(list((tmp_path / "out/work").glob("ingest-*/part-00000.parquet"))) == 1
    assert not (tmp_path / "out/manifest.json").exists()


def test_limit_reads_the_head_and_says_partial(tmp_path):
    manifest = tsv(tmp_path, b"first one\tk\nthird\tk\tx\nfourth one\tk\n", limit=2)
    assert manifest.limit == 2
    [row] = manifest.funnel
    assert (row.records, row.kept) == (2, 1)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("min = 2", "minimum = 2"), "[[rule]] number 1: unknown key 'minimum'"),
        (('reader = "tsv"', 'raeder = "tsv"'), "unknown key 'raeder'; did you mean 'reader'?"),
        (('name = "bad"', ""), "'name' is required"),
        (("min = 2", ""), "sets neither min nor max"),
        (
            ('"length.src_chars"', '"length.chars"'),
            "did you mean 'length.tgt_chars'? known",
        ),
        (('"length.src_chars"', '"ratio.chars"'), "there is no [score.ratio]"),
        (("[score.length]", "[score.lenght]"), "Did you mean 'length'?"),
        (('"tsv"', '"text"'), "unknown key 'layout'; known keys: field"),
        (('"tsv"', '"tmz"'), "'s': no reader named 'tmz'. Did you mean"),
        (
            ('"tha_Thai"', '"tha_Thia"'),
            "number 1: 'tgt_lang': unknown language 'tha_Thia'; nearest",
        ),
        (('"tha_Thai"', '"en"'), "both sides are eng_Latn"),
        (('name = "bad"', 'name = "bad'), "not valid TOML"),
        (("block_length = 16384", "block_length = 1000"), "multiple of sequence_length"),
        (("[pack]", '[card]\nlicense = "CC BY 4.0"\n[pack]'), "has no licence 'CC BY 4.0'"),
    ],
)
def test_a_bad_recipe_says_where(tmp_path, change, says):
    text = RECIPE.format(source=TSV.format(name="s.tsv"))
    assert change[0] in text
    (tmp_path / "bad.toml").write_text(text.replace(*change), encoding="utf-8")
    (tmp_path / "s.tsv").write_bytes(b"Hello\tk\n")
    with pytest.raises(ConfigError) as caught, LocalEngine(1) as engine:
        build(load_plan(str(tmp_path / "bad.toml")), tmp_path / "out", engine, NoProgress())
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_moved_threshold_scores_nothing_again(tmp_path):
    """The second build reads the stored scores; only what the rule decides is new."""
    (tmp_path / "s.tsv").write_bytes(b"ab\tk\nabcd\tk\nabcdef\tk\n")
    source = TSV.format(name="s.tsv")
    assert run(tmp_path, source).funnel[0].kept == 3
    scores = {p: p.stat().st_mtime_ns for p in (tmp_path / "out/work").glob("scores-*/*")}
    recipe = tmp_path / "bad.toml"
    recipe.write_text(recipe.read_text().replace("min = 2", "min = 5"))
    with LocalEngine(1) as engine:
        manifest = build(load_plan(str(recipe)), tmp_path / "out", engine, NoProgress()).manifest
    assert manifest.funnel[0].kept == 1
    assert scores == {p: p.stat().st_mtime_ns for p in (tmp_path / "out/work").glob("scores-*/*")}


def test_a_full_disk_is_one_line(tmp_path):
    """On a file system of 300 KiB, where the system lets us make one."""
    small = tmp_path / "small"
    small.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", str(small)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("needs the right to mount a small file system")
    try:
        rows = "".join(f"Sentence {i} {hash((i, 7))}\tก{i}\n" for i in range(9000))
        with pytest.raises(SealError, match="No space left on device"):
            tsv(small, rows.encode()[:200_000].rsplit(b"\n", 1)[0])
    finally:
        subprocess.run(["umount", str(small)], check=True)

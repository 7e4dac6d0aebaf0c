"""The catalogue, fetching from it by name and pair, unpacking, and the recipe that relies on it."""

import bz2
import gzip
import hashlib
import io
import json
import lzma
import shutil
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner

from sealcli.sealdata import main
from sealdata.errors import ConfigError, DataError
from sealdata.fetch import corpora, unpack
from sealdata.fetch.corpora import choose, corpus_path, fetch
from sealdata.fetch.corpus_cards import Download, parse_corpus_card, read_corpus_card
from sealdata.pipeline.plan import load_plan

TEXT = b"Selamat pagi, dunia.\n" * 100

# --- the catalogue -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pairs", "keys"),
    [
        (["eng_Latn-jav_Latn"], ["eng_Latn-jav_Latn"]),
        (["en-jv"], ["eng_Latn-jav_Latn"]),
        (["fil-eng", "jv-en", "tgl_Latn-en"], ["eng_Latn-tgl_Latn", "eng_Latn-jav_Latn"]),
    ],
)
def test_pairs_in_any_code_and_order(pairs: list[str], keys: list[str]) -> None:
    assert list(choose("nllb-opus", pairs)) == keys


def test_all_pairs_by_default() -> None:
    assert len(choose("nllb-opus")) == 11


@pytest.mark.parametrize(
    ("name", "pairs", "message"),
    [
        ("nllb", [], "no data card named 'nllb'; known: alt, flores-200"),
        ("ntrex-128", [], "ntrex-128 has nothing to fetch; see data_cards/ntrex-128.md"),
        ("nllb-opus", ["en-th"], "nllb-opus has no download 'en-th'; known: eng_Latn-ind_Latn"),
        ("nllb-opus", ["en-xx-yy"], "no download 'en-xx-yy'"),
    ],
)
def test_what_there_is_not(name: str, pairs: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        choose(name, pairs)


CARD = (
    "---\ntitle: T\nlicence: cc0-1.0\nlanguages: [en]\norigin: o\nproducers: p\n"
    "personal_data: n\ndownloads:\n  a: {download}\n---\n"
)


@pytest.mark.parametrize(
    ("download", "message"),
    [
        ("{url: 'file:///etc/passwd'}", "should match pattern"),
        ("{url: 'http://x.org/a', sha256: abc}", "should match pattern"),
        ("{url: 'http://x.org/'}", "'' is not a plain file name; set 'file'"),
        ("{url: 'http://x.org/a/..'}", "'..' is not a plain file name"),
        ("{url: 'http://x.org/%2e%2e%2fa'}", "'../a' is not a plain file name"),
        ("{url: 'http://x.org/a', file: ../a}", "'../a' is not a plain file name"),
        ("{url: 'http://x.org/a', file: .a}", "'.a' is not a plain file name"),
        ("{url: 'http://x.org/a', sha: a}", "did you mean 'sha256'"),
    ],
)
def test_downloads_that_no_card_may_name(download: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        parse_corpus_card(CARD.replace("{download}", download), "data_cards/x.md")


def test_file_names() -> None:
    assert Download(url="https://x.org/a/en-id.txt.zip?v=1").name == "en-id.txt.zip"
    assert Download(url="https://x.org/a/en-id.txt.zip", file="b.zip").name == "b.zip"


# --- fetching ------------------------------------------------------------------------------------


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Path, str]]:
    """A folder and the address that it is served at."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    folder = tmp_path / "site"
    folder.mkdir()
    handler = partial(Quiet, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield folder, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def digest_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_first_use_is_noted_and_held_to(site: tuple[Path, str], tmp_path: Path) -> None:
    folder, address = site
    (folder / "a.txt").write_bytes(TEXT)
    item, out = Download(url=f"{address}/a.txt"), tmp_path / "out"
    first = fetch("x", item, out)
    assert (first.path, first.sha256, first.fresh) == (out / "x/a.txt", digest_of(TEXT), True)
    note = out / "x/a.txt.sha256.json"
    assert json.loads(note.read_text()) == {
        "url": item.url,
        "size": len(TEXT),
        "sha256": digest_of(TEXT),
        "published": False,
    }
    assert not fetch("x", item, out).fresh
    first.path.unlink()
    assert fetch("x", item, out).fresh
    first.path.unlink()
    (folder / "a.txt").write_bytes(TEXT + b"!")
    with pytest.raises(DataError, match=r"the published file has changed.*a\.txt\.sha256\.json"):
        fetch("x", item, out)
    assert not first.path.exists()
    note.unlink()
    assert fetch("x", item, out).sha256 == digest_of(TEXT + b"!")


def test_published_digest(site: tuple[Path, str], tmp_path: Path) -> None:
    folder, address = site
    (folder / "a.txt").write_bytes(TEXT)
    good = Download(url=f"{address}/a.txt", sha256=digest_of(TEXT), size=len(TEXT))
    actual = fetch("x", good, tmp_path)
    assert json.loads((tmp_path / "x/a.txt.sha256.json").read_text())["published"] is True
    actual.path.write_bytes(b"changed here")
    with pytest.raises(DataError, match=r"a\.txt has sha256 .*, not .*; delete it to fetch"):
        fetch("x", good, tmp_path)


def test_a_note_without_a_digest(site: tuple[Path, str], tmp_path: Path) -> None:
    _, address = site
    (tmp_path / "x").mkdir()
    (tmp_path / "x/a.txt.sha256.json").write_text("[]")
    with pytest.raises(DataError, match="has no sha256; delete it"):
        fetch("x", Download(url=f"{address}/a.txt"), tmp_path)


@pytest.fixture
def corpus(site: tuple[Path, str], monkeypatch: pytest.MonkeyPatch) -> Path:
    """A card ``flores-200`` whose archive is served here; the folder that is served."""
    folder, address = site
    item = Download(url=f"{address}/flores.zip")
    card = read_corpus_card("flores-200").model_copy(update={"downloads": {"dataset": item}})
    monkeypatch.setattr(corpora, "read_corpus_card", lambda name: card)
    with zipfile.ZipFile(folder / "flores.zip", "w") as archive:
        archive.writestr("top/dev/tha_Thai.dev", "สวัสดี\n")
        archive.writestr("top/readme", "r")
    return folder


def test_command_fetches_and_unpacks(corpus: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    arguments = ["sources", "fetch", "flores-200", "--out", str(out)]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 0, done.output
    digest = digest_of((corpus / "flores.zip").read_bytes())
    archive = out / "flores-200/flores.zip"
    assert done.stdout == f"{archive}  sha256 {digest}\n"
    assert done.stderr.startswith("flores.zip: 0.0 of 0.0 MB")
    assert not (out / "flores-200/flores").exists()
    done = CliRunner().invoke(main, [*arguments, "--unpack"])
    assert done.stdout == f"{archive}  sha256 {digest}  (was there)\n{archive.with_suffix('')}/\n"
    unpacked = out / "flores-200/flores/dev/tha_Thai.dev"
    assert unpacked.read_text(encoding="utf-8") == "สวัสดี\n"


def test_path_of_what_was_fetched(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEALDATA_DATA", str(tmp_path / "out"))
    archive = tmp_path / "out/flores-200/flores.zip"
    missing = CliRunner().invoke(main, ["sources", "path", "flores-200"])
    assert missing.exit_code == 1
    assert missing.stderr == (
        f"sealdata: {archive} is absent: run `sealdata sources fetch flores-200 --out "
        f"{tmp_path}/out`\n"
    )
    fetched = CliRunner().invoke(main, ["sources", "fetch", "flores-200"])
    assert fetched.exit_code == 0, fetched.output
    there = CliRunner().invoke(main, ["sources", "path", "flores-200", "--pair", "dataset"])
    assert (there.exit_code, there.stdout) == (0, f"{archive}\n")


def test_command_stops_at_what_is_not_there(corpus: Path, tmp_path: Path) -> None:
    (corpus / "flores.zip").unlink()
    done = CliRunner().invoke(main, ["sources", "fetch", "flores-200", "--out", str(tmp_path)])
    assert done.exit_code == 1
    assert "the server answers 404" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_dry_run_touches_nothing(tmp_path: Path) -> None:
    arguments = ["sources", "fetch", "nllb-opus", "--pair", "en-jv", "--dry-run"]
    done = CliRunner().invoke(main, [*arguments, "--out", str(tmp_path / "out")])
    assert done.exit_code == 0
    assert done.stdout == (
        "https://object.pouta.csc.fi/OPUS-NLLB/v1/moses/en-jv.txt.zip\n"
        f"  -> {tmp_path}/out/nllb-opus/en-jv.txt.zip\n"
    )
    assert not (tmp_path / "out").exists()


def test_list_shows_every_card() -> None:
    done = CliRunner().invoke(main, ["sources", "list"])
    assert done.exit_code == 0
    assert "403,799,833" in done.stdout
    assert all(name in done.stdout for name in corpora.catalogue())


def test_list_one() -> None:
    done = CliRunner().invoke(main, ["sources", "list", "scb-mt-en-th-2020"])
    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    assert "pairs      tha_Thai                1,001,752" in lines
    assert any(line.startswith("fetch      eng_Latn-tha_Thai: https://github") for line in lines)
    as_json = CliRunner().invoke(main, ["sources", "list", "scb-mt-en-th-2020", "--json"])
    assert json.loads(as_json.stdout)["scb-mt-en-th-2020"]["parts"]["apdf"] == 13_503


# --- unpacking -----------------------------------------------------------------------------------


def make_zip(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def make_tar(path: Path, members: list[tarfile.TarInfo]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for member in members:
            archive.addfile(member, io.BytesIO(bytes(member.size)))
    return path


def member(name: str, size: int = 0, kind: bytes = tarfile.REGTYPE) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size, info.type, info.linkname = size, kind, "/etc/passwd"
    return info


def tree(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


@pytest.mark.parametrize("top", ["", "corpus/"])
def test_a_lone_top_folder_is_left_out(tmp_path: Path, top: str) -> None:
    files = {f"{top}a.csv": b"1", f"{top}b/c.csv": b"2", "__MACOSX/._a.csv": b"3"}
    folder = unpack.unpack(make_zip(tmp_path / "scb.zip", files))
    assert folder == tmp_path / "scb"
    assert tree(tmp_path) == ["scb.zip", "scb/a.csv", "scb/b/c.csv"]


def test_tar(tmp_path: Path) -> None:
    members = [member("d", kind=tarfile.DIRTYPE), member("d/dev/a.dev", 10), member("d/b", 5)]
    folder = unpack.unpack(make_tar(tmp_path / "flores.tar.gz", members))
    assert folder == tmp_path / "flores"
    assert tree(folder) == ["b", "dev/a.dev"]


ESCAPES = ["../a", "/etc/a", "a/../../b", "..\\a"]


@pytest.mark.parametrize("name", ESCAPES)
def test_paths_that_lead_out_of_a_zip(tmp_path: Path, name: str) -> None:
    archive = make_zip(tmp_path / "x.zip", {"good": b"1", name: b"2"})
    with pytest.raises(DataError, match="holds a path that leads out of its folder"):
        unpack.unpack(archive)
    assert tree(tmp_path) == ["x.zip"]


@pytest.mark.parametrize("name", ESCAPES)
def test_paths_that_lead_out_of_a_tar(tmp_path: Path, name: str) -> None:
    archive = make_tar(tmp_path / "x.tar.gz", [member("good"), member(name)])
    with pytest.raises(DataError, match="holds a path that leads out of its folder"):
        unpack.unpack(archive)
    assert tree(tmp_path) == ["x.tar.gz"]


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE])
def test_no_links_and_devices(tmp_path: Path, kind: bytes) -> None:
    archive = make_tar(tmp_path / "x.tgz", [member("good"), member("bad", kind=kind)])
    with pytest.raises(DataError, match="holds a link or device, 'bad'"):
        unpack.unpack(archive)
    assert tree(tmp_path) == ["x.tgz"]


def test_bombs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpack, "MAX_FREE", 0)
    archive = make_zip(tmp_path / "x.zip", {"zeros": bytes(10_000_000)})
    with pytest.raises(DataError, match="unpacks to more than 50 times its size"):
        unpack.unpack(archive)
    assert tree(tmp_path) == ["x.zip"]


def test_too_many_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpack, "MAX_FILES", 2)
    with pytest.raises(DataError, match="more than 2 files"):
        unpack.unpack(make_zip(tmp_path / "x.zip", dict.fromkeys("abc", b"")))


@pytest.mark.parametrize("name", ["x.zip", "x.tar.gz"])
def test_damaged_archives(tmp_path: Path, name: str) -> None:
    archive = tmp_path / name
    if name.endswith("zip"):
        make_zip(archive, {"a": TEXT * 50})
    else:
        make_tar(archive, [member("a", 100_000)])
    archive.write_bytes(archive.read_bytes()[:-30])
    with pytest.raises(DataError, match=r"is damaged \(.*; delete it and fetch it again") as caught:
        unpack.unpack(archive)
    assert "\n" not in str(caught.value)
    assert tree(tmp_path) == [name]


@pytest.mark.parametrize("pack", [bytes, gzip.compress, lzma.compress, bz2.compress])
@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            lambda tar: tar[:1536] + b"?" + tar[1537:],
            "a header is damaged or missing: bad checksum",
        ),
        (lambda tar: tar[:3072], "a header is damaged or missing: empty header"),
        (lambda tar: tar[:2500], "unexpected end of data"),
        (lambda tar: tar + tar, "bytes behind the end of the archive"),
    ],
    ids=["bad header", "no end", "cut", "joined"],
)
def test_a_damaged_tar_loses_no_member(tmp_path: Path, pack, change, says: str) -> None:
    """The second of two members of 600 bytes begins at byte 1536, and ends at 3072."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as archive:
        for name in "ab":
            archive.addfile(member(name, 600), io.BytesIO(b"x" * 600))
    path = tmp_path / "x.tar.gz"
    path.write_bytes(pack(plain.getvalue()))
    assert sorted(file.name for file in unpack.unpack(path).iterdir()) == ["a", "b"]
    shutil.rmtree(tmp_path / "x")
    path.write_bytes(pack(change(plain.getvalue())))
    with pytest.raises(DataError, match=says):
        unpack.unpack(path)
    assert tree(tmp_path) == ["x.tar.gz"]


@pytest.mark.parametrize("name", ["x.zip", "x.tar.gz"])
def test_a_page_in_place_of_an_archive(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("<!DOCTYPE html><title>Sign in</title>")
    with pytest.raises(DataError, match=rf"{name} is a web page, not an archive"):
        unpack.unpack(tmp_path / name)


@pytest.mark.parametrize(
    "kind", [tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK, tarfile.XHDTYPE, tarfile.XGLTYPE]
)
def test_a_header_of_megabytes_is_not_read(tmp_path: Path, kind: bytes) -> None:
    """gzip holds a gigabyte of zeros in a megabyte, and tarfile reads such a header whole."""
    header = member("x", unpack.MAX_HEADER + 1, kind).tobuf(tarfile.GNU_FORMAT)
    archive = tmp_path / "x.tar.gz"
    archive.write_bytes(gzip.compress(header + b"\0" * (unpack.MAX_HEADER + 4096)))
    with pytest.raises(DataError, match="a header says that it has 1,048,577 bytes"):
        unpack.unpack(archive)
    # A long name of the usual kind is one.
    folder = unpack.unpack(make_tar(tmp_path / "y.tar.gz", [member("a" * 150 + "/b", 5)]))
    assert [path.name for path in folder.rglob("b")] == ["b"]


def test_what_is_unpacked_stays(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "x.zip", {"a": b"1"})
    (unpack.unpack(archive) / "a").write_bytes(b"mine")
    assert (unpack.unpack(archive) / "a").read_bytes() == b"mine"


# --- the recipe ----------------------------------------------------------------------------------


def test_openseal_reads_what_sources_fetch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEALDATA_DATA", str(tmp_path))
    plan = load_plan("openseal")
    tables = {table.name: table for table in plan.recipe.source}
    nllb = [table for table in tables.values() if table.card == "nllb-opus"]
    pairs = [f"{table.src_lang}-{table.tgt_lang}" for table in nllb]
    assert len(pairs) == 9
    fetched = {corpus_path("nllb-opus", i, tmp_path) for i in choose("nllb-opus", pairs).values()}
    assert {plan.reader(table)[1].path for table in nllb} == fetched
    counts = read_corpus_card("nllb-opus").counts
    assert sum(counts[table.tgt_lang] for table in nllb) == 375_071_267  # that of the paper
    thai = [table for table in tables.values() if table.tgt_lang == "tha_Thai"]
    fetched = {corpus_path("opus-thai", item, tmp_path) for item in choose("opus-thai").values()}
    assert {plan.reader(table)[1].path for table in thai} == fetched
    assert len(thai) + len(nllb) == len(tables)
    (replay,) = plan.recipe.stream
    item = choose("olmo-mix-1124", ["dclm-sample"])["dclm-sample"]
    assert plan.reader(replay)[1].path == corpus_path("olmo-mix-1124", item, tmp_path)


def test_openseal_plus_adds_what_the_paper_lacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEALDATA_DATA", str(tmp_path))
    plan, plain = load_plan("openseal-plus"), load_plan("openseal")
    assert plan.recipe.source[: len(plain.recipe.source)] == plain.recipe.source
    added = plan.recipe.source[len(plain.recipe.source) :]
    nllb = [table for table in plan.recipe.source if table.card == "nllb-opus"]
    assert sorted(f"{t.src_lang}-{t.tgt_lang}" for t in nllb) == sorted(choose("nllb-opus"))
    scb = [table for table in added if table.card == "scb-mt-en-th-2020"]
    card = read_corpus_card("scb-mt-en-th-2020")
    assert {plan.reader(table)[1].path.stem for table in scb} == set(card.parts)
    assert len(added) == len(scb) + 2
    langs = {"name", "source", "card"}
    assert plan.recipe.model_dump(exclude=langs) == plain.recipe.model_dump(exclude=langs)


def test_openseal_is_the_paper_where_the_paper_speaks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEALDATA_DATA", "/data")
    recipe = load_plan("openseal").recipe
    assert recipe.format.templates == ["{first_name}: {first}\n{second_name}: {second}"]
    assert recipe.format.directions == "random"
    assert {table.tgt_lang for table in recipe.source} == {
        *("ind_Latn", "khm_Khmr", "lao_Laoo", "zsm_Latn", "mya_Mymr"),
        *("tam_Taml", "tha_Thai", "tgl_Latn", "vie_Latn", "zho_Hans"),
    }
    assert recipe.pack.sequence_length == 4096
    assert recipe.pack.block_length == 262_144


def test_openseal_binds_its_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEALDATA_DATA", "/data")
    ours = {(r.reason, r.score): r for r in load_plan("openseal").bound_rules()}
    theirs = {(r.reason, r.score): r for r in load_plan("quickstart").bound_rules()}
    margin = ours.pop(("low_margin", "stored.margin"))
    assert margin.bounds == (1.06, None)
    assert not margin.missing_drops
    assert ours.pop(("too_similar", "stored.margin")).bounds == (None, 1.25)
    assert theirs.keys() - ours.keys() == {
        ("low_similarity", "laser.cosine"),  # the margin that NLLB stores does its work
        ("length_ratio", "ratio.chars"),  # and these are asked for in a finer way
    }
    shared = theirs.keys() & ours.keys()
    assert len(shared) > 5
    script = ours[("wrong_script", "script.tgt_share")]  # Latin names are quoted
    assert script.bounds == (0.4, None)
    # Sundanese has another limit on the bundled sentences.
    same = shared - {("wrong_script", "script.tgt_share"), ("wrong_language", "lid.tgt_odds")}
    assert {key: ours[key] for key in same} == {key: theirs[key] for key in same}
    assert {reason for reason, _ in ours.keys() - shared} == {
        "few_letters", "length_ratio", "misaligned", "partial", "sentences", "url_mismatch"
    }  # fmt: skip


def test_openseal_without_a_folder_of_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SEALDATA_DATA", raising=False)
    plan = load_plan("openseal")
    with pytest.raises(ConfigError, match=r"environment variable \$\{SEALDATA_DATA\} is not set"):
        plan.reader(plan.recipe.source[0])


def test_openseal_urls_differs_in_its_sources_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEALDATA_DATA", str(tmp_path))
    plan, plain = load_plan("openseal-urls"), load_plan("openseal")
    lang_row = {"name", "source", "card"}
    assert plan.recipe.model_dump(exclude=lang_row) == plain.recipe.model_dump(exclude=lang_row)
    langs = [(table.name, table.src_lang, table.tgt_lang) for table in plan.recipe.source]
    assert langs == [(t.name, t.src_lang, t.tgt_lang) for t in plain.recipe.source]
    assert plan.bound_rules() == plain.bound_rules()
    with_urls = [table for table in plan.recipe.source if table.card == "nllb-allenai"]
    assert len(with_urls) == 6
    for table in with_urls:
        (item,) = choose("nllb-allenai", [f"{table.src_lang}-{table.tgt_lang}"]).values()
        assert plan.reader(table)[1].path == corpus_path("nllb-allenai", item, tmp_path)

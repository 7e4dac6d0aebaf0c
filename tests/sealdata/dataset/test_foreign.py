"""Files that no build wrote are never removed: they are named, before any work."""

import json
import socket
from pathlib import Path

import pytest

from sealdata.files.placed import RECORD, read_placed

from .tiny import PAIRS, build, recipe, sealdata

FOREIGN = {
    "report/thesis.txt": "Mine.\n",
    "pairs/mine/all.tsv": "a\tb\n",
    "manifest.json": '{"my": "own"}\n',
    "recipe.toml": 'name = "soup"\n',
    "README.md": "# My notes\n",
    "croissant.json": '{"butter": 1}\n',
    "TRAINING_SUMMARY.md": "# Ran 5 km\n",
    "shards/a.npy": "x",
    "dropped/b": "x",
    "matches/c": "x",
}


def put(out: Path, name: str, text: str) -> None:
    (out / name).parent.mkdir(parents=True, exist_ok=True)
    (out / name).write_text(text, "utf-8")


def results(out: Path) -> dict[str, bytes]:
    """All that a build leaves but ``work``, by name."""
    return {
        path.relative_to(out).as_posix(): path.read_bytes()
        for path in sorted(out.rglob("*"))
        if path.is_file() and path.relative_to(out).parts[0] not in ("work", ".lock")
    }


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a recipe and its build."""
    folder = tmp_path_factory.mktemp("base")
    done = build(recipe(folder), folder / "out")
    assert done.exit_code == 0, done.output
    return folder


@pytest.mark.parametrize("name", FOREIGN)
@pytest.mark.parametrize("work", [False, True])
def test_a_folder_of_others_is_refused_before_any_work(
    tmp_path: Path, name: str, work: bool
) -> None:
    path = recipe(tmp_path / "r")
    put(tmp_path, name, FOREIGN[name])
    if work:  # a person may have a folder of this name too
        put(tmp_path, "work/todo.txt", "Wash up.\n")
    done = build(path, tmp_path, "--allow", "other-recipe")
    assert (done.exit_code, f"none wrote there: {name}; move" in done.output) == (1, True)
    assert (tmp_path / name).read_text("utf-8") == FOREIGN[name]
    assert not list(tmp_path.glob("work/*-*"))


def test_all_of_them_are_named(tmp_path: Path) -> None:
    path = recipe(tmp_path / "r")
    for name, text in FOREIGN.items():
        put(tmp_path, name, text)
    done = build(path, tmp_path)
    assert "pairs/mine/all.tsv, dropped/b, matches/c, shards/a.npy, report/thesis.txt and 5" in (
        done.output
    )
    dry = sealdata("build", path, "--out", tmp_path, "--dry-run")
    assert (dry.exit_code, "pairs/mine/all.tsv" in dry.output) == (1, True)


def test_notes_in_a_finished_build_outlive_the_next_one(tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert build(recipe(tmp_path), out).exit_code == 0
    put(out, "report/notes.txt", "Look at row 3.\n")
    recipe(tmp_path, PAIRS[:6])
    done = build(tmp_path / "tiny.toml", out)
    assert (done.exit_code, "report/notes.txt; move them" in done.output) == (1, True)
    assert (out / "report/notes.txt").read_text() == "Look at row 3.\n"
    (out / "report/notes.txt").unlink()
    assert build(tmp_path / "tiny.toml", out).exit_code == 0


def test_what_a_build_wrote_is_replaced_by_the_next(tmp_path: Path) -> None:
    """The recorded names of an earlier recipe go; the bytes are those of a fresh folder."""
    path, out = recipe(tmp_path), tmp_path / "out"
    validation = "[validation]\nshare = 0.5\nmax_pairs = 4\n"
    path.write_text(path.read_text().replace("[validation]\nshare = 0.0\n", validation))
    assert build(path, out).exit_code == 0
    old = set(results(out))
    recipe(tmp_path)
    assert build(path, out).exit_code == 0
    assert build(path, tmp_path / "fresh").exit_code == 0
    assert results(out) == results(tmp_path / "fresh")
    assert any("validation" in name for name in old - set(results(out)))


@pytest.mark.parametrize("lost", [(RECORD,), (RECORD, "manifest.json"), ("manifest.json",)])
def test_a_build_without_a_record_is_continued(
    base: Path, tmp_path: Path, lost: tuple[str, ...]
) -> None:
    """As earlier versions left it: finished, or killed while it placed its results."""
    out = tmp_path / "out"
    expected = results(base / "out")
    assert build(base / "tiny.toml", out).exit_code == 0
    for name in lost:
        (out / name).unlink()
    done = build(base / "tiny.toml", out)
    assert done.exit_code == 0, done.output
    assert {n: b for n, b in results(out).items() if n != RECORD} == {
        n: b for n, b in expected.items() if n != RECORD
    }


def test_a_changed_copy_of_the_recipe_is_kept_aside(tmp_path: Path) -> None:
    path, out = recipe(tmp_path), tmp_path / "out"
    assert build(path, out).exit_code == 0
    (out / "recipe.toml").write_text("# mine\n")
    (out / "croissant.json").write_text('{"by": "hand"}\n')
    recipe(tmp_path, PAIRS[:6])
    assert build(path, out).exit_code == 0
    assert (out / "set-aside/1-recipe.toml").read_text() == "# mine\n"
    assert (out / "set-aside/1-croissant.json").read_text() == '{"by": "hand"}\n'


def test_an_audit_replaces_only_audits(base: Path, tmp_path: Path) -> None:
    path, out = base / "tiny.toml", tmp_path / "out"
    put(out, "audit/index.html", "<p>of my taxes</p>\n")
    done = sealdata("audit", path, "--out", out, "--workers", 1)
    assert (done.exit_code, "none wrote there: audit/index.html" in done.output) == (1, True)
    (out / "audit/index.html").unlink()
    put(out, "audit/notes.txt", "x")
    for _ in range(2):
        done = sealdata("audit", path, "--out", out, "--workers", 1)
        assert done.exit_code == 0, done.output
    assert (out / "audit/notes.txt").read_text() == "x"
    assert set(read_placed(out)) == {
        *("audit/audit.json", "audit/index.html", "audit/sample-ind_Latn.parquet"),
    }


@pytest.mark.parametrize("command", ["card", "publish"])
@pytest.mark.parametrize("name", ["README.md", "TRAINING_SUMMARY.md"])
def test_card_and_publish_leave_a_text_of_others(tmp_path: Path, command: str, name: str) -> None:
    out = tmp_path / "out"
    assert build(recipe(tmp_path), out).exit_code == 0
    text = "---\ntitle: Diary\n---\nDear diary.\n"
    (out / name).write_text(text)
    more = () if command == "card" else ("--repo", "me/x", "--unfinished")
    done = sealdata(command, out, *more)
    assert done.exit_code != 0
    assert (out / name).read_text() == text


def test_a_card_is_not_written_over_a_note(base: Path, tmp_path: Path) -> None:
    note = tmp_path / "note.md"
    note.write_text("---\ntitle: Diary\n---\nDear diary.\n")
    done = sealdata("card", base / "out", "--out", note)
    assert (done.exit_code, "note.md is not a card of a build" in done.output) == (1, True)
    assert note.read_text().endswith("Dear diary.\n")


def test_a_damaged_record_removes_nothing(tmp_path: Path) -> None:
    out = tmp_path / "out"
    for text in ("[", "[]", '{"placed": []}', json.dumps({"placed": None})):
        put(out, RECORD, text)
        assert read_placed(out) == {}


def test_a_lock_is_not_written_through_a_link(tmp_path: Path) -> None:
    path = recipe(tmp_path)
    put(tmp_path, "precious.txt", "Mine.\n")
    (tmp_path / "out").mkdir()
    (tmp_path / "out/.lock").symlink_to(tmp_path / "precious.txt")
    done = build(path, tmp_path / "out")
    assert (done.exit_code, "/.lock is a link" in done.output) == (1, True)
    assert (tmp_path / "precious.txt").read_text() == "Mine.\n"


def test_half_written_files_of_a_killed_run_go(tmp_path: Path) -> None:
    path, out = recipe(tmp_path), tmp_path / "out"
    name = f".x.{socket.gethostname()}-4999999.tmp"
    names = [name, f"work/a-b/{name}", f"pairs/{name}"]
    for name in names:
        put(out, name, "half")
    assert build(path, out).exit_code == 0
    assert [name for name in names if (out / name).exists()] == []

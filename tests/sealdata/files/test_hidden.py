import zipfile

import pytest
from click.testing import CliRunner

from sealcli.sealdata import main
from sealdata.contamination.sets import evaluation_files
from sealdata.files.hidden import hidden_in, is_hidden
from sealdata.gold.references import read_references

HIDDEN = [
    *(".DS_Store", "._tha_Thai.dev", ".~lock.eng_Latn.dev#", "tha_Thai.dev~", "~$tha_Thai.dev"),
    *("tha_Thai.dev.tmp", "tha_Thai.dev.part", "tha_Thai.dev.crdownload", ".tha_Thai.dev.swp"),
    *("Thumbs.db", "desktop.ini", "__MACOSX/tha_Thai.dev", ".cache/tha_Thai.dev"),
    *("tha_Thai.dev.incomplete", ".ipynb_checkpoints/tha_Thai.dev", "@eaDir/tha_Thai.dev"),
]
DATA = ["tha_Thai.dev", "tmp/tha_Thai.dev", "x.bak", "part-00000.parquet", "a.tmp.tsv", "_SUCCESS"]


@pytest.mark.parametrize("name", HIDDEN)
def test_hidden(name):
    assert is_hidden(name)
    assert is_hidden("data/" + name)


@pytest.mark.parametrize("name", [*DATA, "../tha_Thai.dev", "..\\a"])
def test_data(name):
    assert not is_hidden(name)


def test_a_folder_or_archive_full_of_them(tmp_path):
    folder = tmp_path / "flores"
    for name in (*HIDDEN, "eng_Latn.dev", "tha_Thai.dev"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"\0\5\x16\7" if name in HIDDEN else "ไป\n".encode())
    assert [path.name for path in evaluation_files(folder)] == ["eng_Latn.dev", "tha_Thai.dev"]
    assert read_references(folder).height == 1
    assert hidden_in(folder) == sorted(HIDDEN)
    done = CliRunner().invoke(main, ["lengths", "--refs", str(folder), "--json"])
    assert f"{folder}: hidden or temporary, not read: .DS_Store" in done.stderr
    archive = tmp_path / "en-th.txt.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("X.en-th.en", "Go.\n")
        packed.writestr("X.en-th.th", "ไป\n")
        for name in HIDDEN[:4]:
            packed.writestr(name, b"\0\5")
    recipe = tmp_path / "r.toml"
    recipe.write_text(
        'name = "r"\n[[source]]\nname = "opus"\nreader = "moses"\npath = "en-th.txt.zip"\n'
        'src_lang = "en"\ntgt_lang = "th-TH"\n[decontaminate]\nrefs = ["flores"]\n'
        '[tokenizer]\npath = "sample:tokenizers/bpe"\n'
    )
    done = CliRunner().invoke(main, ["build", str(recipe), "--dry-run"])
    assert done.exit_code == 0
    assert "opus: hidden or temporary, not read: .DS_Store, ._tha_Thai.dev" in done.stderr
    assert "and 1 more" in done.stderr
    assert "flores: hidden or temporary, not read" in done.stderr

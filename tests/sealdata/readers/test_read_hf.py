from pathlib import Path

import datasets
import pytest

from sealdata.component import load
from sealdata.errors import ConfigError, DataError

THAI = ("eng_Latn", "tha_Thai")
COMMIT = "0123456789abcdef0123456789abcdef01234567"
ROWS = [{"en": f"Word {i}.", "th": f"คำ {i}"} for i in range(7)]


def make(rows):
    scores = [1 + i / 8 for i in range(len(rows))]
    return datasets.Dataset.from_dict({"translation": rows, "sco": scores})


def hf(read, path, **options):
    return read("hf", path, **{"langs": THAI, "batch_rows": 3, **options})


@pytest.fixture(autouse=True)
def _quiet():
    datasets.disable_progress_bars()
    yield
    datasets.enable_progress_bars()


def test_a_dataset_on_disk(read, tmp_path):
    make(ROWS).save_to_disk(tmp_path / "one", num_shards=2)
    good, rejected = hf(read, tmp_path / "one", score_column="sco")
    assert rejected.is_empty()
    assert good.select("src", "tgt").rows() == [(row["en"], row["th"]) for row in ROWS]
    assert good["stored_margin"].to_list() == [1 + i / 8 for i in range(7)]


def test_a_selection_on_disk_keeps_its_order(read, tmp_path):
    make(ROWS).select([5, 1]).save_to_disk(tmp_path / "one")
    good, _ = hf(read, tmp_path / "one")
    assert good["src"].to_list() == ["Word 5.", "Word 1."]


def test_its_files_are_those_of_the_split(tmp_path):
    parts = datasets.DatasetDict({"train": make(ROWS), "test": make(ROWS[:2])})
    parts.save_to_disk(tmp_path / "both")
    (tmp_path / "both/test/cache-0123.arrow").write_bytes(b"x")
    files = load("readers", "hf", {"split": "test"}).files(tmp_path / "both")
    folder = tmp_path / "both/test"
    names = ["data-00000-of-00001.arrow", "dataset_info.json", "state.json"]
    assert files == [folder / name for name in names]


def test_a_split(read, tmp_path):
    parts = datasets.DatasetDict({"train": make(ROWS), "test": make(ROWS[:2])})
    parts.save_to_disk(tmp_path / "both")
    assert hf(read, tmp_path / "both").good.height == 7
    assert hf(read, tmp_path / "both", split="test").good.height == 2
    with pytest.raises(DataError, match=r"both: Directory .*absent not found"):
        hf(read, tmp_path / "both", split="absent")


def test_bad_rows(read, tmp_path):
    rows = [ROWS[0], {"en": "a", "th": None}, {"en": "a\nb", "th": "c"}, {"en": "", "th": "c"}]
    make(rows).save_to_disk(tmp_path / "one")
    good, rejected = hf(read, tmp_path / "one")
    assert good["row"].to_list() == [0]
    assert rejected.select("row", "reason").rows() == [
        (1, "missing_language"),
        (2, "embedded_newline"),
        (3, "empty_side"),
    ]


def test_a_damaged_dataset(read, tmp_path):
    make(ROWS).save_to_disk(tmp_path / "one")
    data = tmp_path / "one/data-00000-of-00001.arrow"
    data.write_bytes(data.read_bytes()[:99])
    with pytest.raises(DataError, match=r"^[^\n]*one: [^\n]+$"):
        hf(read, tmp_path / "one")


@pytest.mark.parametrize("revision", [None, "main", "v1.0", COMMIT[:7]])
def test_a_repo_needs_a_commit(revision):
    with pytest.raises(ConfigError, match=r"'revision': a repo needs the commit.*tags move"):
        load("readers", "hf", {"repo": "owner/name", "revision": revision})


@pytest.mark.parametrize("options", [{"revision": COMMIT}, {"subset": "enth"}])
def test_what_only_a_repo_has(options):
    with pytest.raises(ConfigError, match=r"has no effect without a repo"):
        load("readers", "hf", options)


def test_a_repo_is_identified_by_its_commit():
    options = {"repo": "owner/name", "revision": COMMIT}
    reader = load("readers", "hf", options)
    assert reader.files(Path("owner/name")) == []
    assert options.items() <= reader.fingerprint().items()


def test_a_repo_is_streamed(read, monkeypatch):
    def load_dataset(*args, **options):
        assert args == ("owner/name", "enth")
        assert options == {"split": "valid", "revision": COMMIT, "streaming": True}
        return make(ROWS).to_iterable_dataset(num_shards=3)

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    options = {"repo": "owner/name", "revision": COMMIT, "subset": "enth", "split": "valid"}
    good, _ = hf(read, Path("owner/name"), **options)
    assert good["tgt"].to_list() == [row["th"] for row in ROWS]


def test_a_hub_out_of_reach_is_one_line(read, monkeypatch):
    def load_dataset(*_args, **_options):
        raise ConnectionError("Couldn't reach 'owner/name' on the Hub\nTraceback of something")

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    with pytest.raises(DataError, match=r"^owner/name: Couldn't reach 'owner/name' on the Hub$"):
        hf(read, Path("x"), repo="owner/name", revision=COMMIT)


def test_the_library_s_own_shape_of_translations(read, tmp_path):
    """``Translation`` features, as of OPUS-100 and the like: saved to disk, and as Parquet."""
    both = datasets.Features(
        {"id": datasets.Value("string"), "translation": datasets.Translation(["en", "th"])}
    )
    rows = {"id": [str(i) for i in range(7)], "translation": ROWS}
    dataset = datasets.Dataset.from_dict(rows, features=both)
    dataset.save_to_disk(tmp_path / "saved")
    dataset.to_parquet(tmp_path / "rows.parquet")
    dataset.to_json(tmp_path / "rows.jsonl")
    expected = [(row["en"], row["th"]) for row in ROWS]
    assert hf(read, tmp_path / "saved").good.select("src", "tgt").rows() == expected
    for reader, name in (("parquet", "rows.parquet"), ("jsonl", "rows.jsonl")):
        good = read(reader, tmp_path / name, langs=THAI).good
        assert good.select("src", "tgt").rows() == expected


def test_a_shuffled_and_filtered_dataset_on_disk(read, tmp_path):
    """The library keeps such rows as indices into the whole table."""
    chosen = make(ROWS).shuffle(seed=1).filter(lambda row: row["sco"] != 1.25)
    chosen.save_to_disk(tmp_path / "chosen")
    good, _ = hf(read, tmp_path / "chosen")
    assert good["src"].to_list() == [row["translation"]["en"] for row in chosen]
    assert good.height == 6

"""The dataset card: loads in `datasets`, states the manifest's figures, invents nothing."""

import os
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
import yaml

from sealdata.build_manifest import BuildManifest
from sealdata.errors import ConfigError, DataError
from sealdata.fetch.corpus_cards import (
    LICENCES,
    corpus_card_names,
    parse_corpus_card,
    read_corpus_card,
    split_front_matter,
    strictest,
)
from sealdata.report.dataset_card import front_matter, render_card, write_card
from sealdata.report.dataset_card_merge import TO_WRITE
from sealdata.report.markdown import cell
from sealdata.sanity.findings import note, warning

Build = tuple[Path, BuildManifest]

# In a process of its own: offline is decided when huggingface_hub is imported.
LOAD = """
import sys
from datasets import load_dataset
for config in sys.argv[2:]:
    loaded = load_dataset(sys.argv[1], config)
    row = loaded["train"][0]
    print(config, *(f"{split}={len(rows)}" for split, rows in loaded.items()), row["tgt_lang"])
"""


def test_datasets_loads_every_pair_offline(build: Build, tmp_path: Path) -> None:
    out, manifest = build
    write_card(manifest, out / "README.md")
    names = [f"eng_Latn-{lang}" for lang in manifest.languages]
    offline = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "hf"), "PYTHONPATH": ""}
    done = subprocess.run(
        [sys.executable, "-c", LOAD, str(out), *names],
        env=os.environ | offline,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.splitlines() == [
        f"eng_Latn-{row.lang} train={row.train} validation={row.validation} {row.lang}"
        for row in manifest.funnel
    ]


def test_front_matter_passes_the_hub_library(build: Build) -> None:
    hub = pytest.importorskip("huggingface_hub")
    card = hub.DatasetCard(render_card(build[1]))
    assert card.data.language == ["en", "th", "my", "jv"]
    assert card.data.license == "cc0-1.0"
    assert card.data.size_categories == ["n<1K"]
    assert card.data.tags[-1] == "demonstration"
    again = hub.DatasetCardData(**card.data.to_dict())
    assert yaml.safe_load(again.to_yaml()) == front_matter(build[1], "cc0-1.0")


def test_only_splits_that_hold_pairs_are_listed(build: Build) -> None:
    thai, *others = build[1].funnel
    moved = thai.model_copy(update={"train": thai.kept, "validation": 0})
    none = others[0].model_copy(update={"train": 0, "validation": 0})
    manifest = build[1].model_copy(update={"funnel": [moved, none, others[1]]})
    configs = front_matter(manifest, "cc0-1.0")["configs"]
    assert [config["config_name"] for config in configs] == [
        "eng_Latn-tha_Thai",
        "eng_Latn-jav_Latn",
    ]
    assert configs[0]["data_files"] == [
        {"split": "train", "path": "pairs/eng_Latn-tha_Thai/train-*.parquet"}
    ]


@pytest.mark.parametrize(
    ("pairs", "category"), [(999, "n<1K"), (1000, "1K<n<10K"), (403_799_833, "100M<n<1B")]
)
def test_size_category(build: Build, pairs: int, category: str) -> None:
    row = (
        build[1]
        .funnel[0]
        .model_copy(update={"records": pairs, "dropped": {}, "train": pairs, "validation": 0})
    )
    manifest = build[1].model_copy(update={"funnel": [row]})
    assert front_matter(manifest, "cc0-1.0")["size_categories"] == [category]


def test_every_figure_is_the_manifests(build: Build) -> None:
    text = render_card(build[1])
    assert "102 sentence pairs of English with 3 languages, kept from 213 records" in text
    assert "| `eng_Latn-mya_Mymr` | Burmese | 31 | 3 |" in text
    assert "| language | read | ingest | dedup | lid | similarity | kept | kept % |" in text
    assert "| Thai | 71 | 1 | 1 | 20 | 15 | 34 | 47.9 |" in text
    assert (
        "By reason: `wrong_language` 60, `low_similarity` 45, `bad_columns` 3, `duplicate` 3."
        in text
    )
    assert "| `length_ratio` | `ratio.chars` | ≤ 2.5 | pass | Burmese (≤ 3.5), Thai (off) |" in text
    assert "**Demonstration model.**" in text
    assert f"`{'ab' * 32}`" in text
    assert "PARTIAL" not in text
    assert "@misc{sealdata_sample_corpus" in text
    assert TO_WRITE in text
    assert "**PARTIAL.**" in render_card(build[1].model_copy(update={"limit": 10}))


def test_the_recipe_may_state_the_licence(build: Build) -> None:
    stated = {"card": {"license": "cc-by-4.0", "summary": "A summary.", "authors": ["Ann O."]}}
    text = render_card(build[1].model_copy(update={"recipe": stated}))
    front, body = split_front_matter(text, "README.md")
    assert front["license"] == "cc-by-4.0"
    assert "The licences of the sources lead to cc0-1.0" in body
    assert "A summary." in body


def test_a_source_without_a_card(build: Build) -> None:
    sources = [source.model_copy(update={"card": None}) for source in build[1].sources]
    text = render_card(build[1].model_copy(update={"sources": sources}))
    assert split_front_matter(text, "README.md")[0]["license"] == "unknown"
    assert "| no card | not stated |" in text
    unknown = [source.model_copy(update={"card": "nllb-typo"}) for source in build[1].sources]
    with pytest.raises(ConfigError, match=r"no data card named 'nllb-typo'; known: .*sample"):
        render_card(build[1].model_copy(update={"sources": unknown}))


@pytest.mark.parametrize(
    ("licences", "result"),
    [
        (["cc0-1.0"], "cc0-1.0"),
        (["cc0-1.0", "cc-by-4.0"], "cc-by-4.0"),
        (["cc-by-4.0", "cc-by-sa-4.0"], "cc-by-sa-4.0"),
        (["odc-by", "cc-by-nc-4.0"], "cc-by-nc-4.0"),
        (["odc-by", "cc-by-nc-4.0", "cc-by-sa-4.0"], "other"),
        (["odbl", "cc-by-sa-4.0"], "other"),
        (["cc0-1.0", "cc-by-nd-4.0"], "other"),
        (["cc0-1.0", None], "unknown"),
    ],
)
def test_strictest_licence(licences: list[str | None], result: str) -> None:
    actual, reason = strictest({f"s{number}": name for number, name in enumerate(licences)})
    assert actual == result
    assert reason.endswith(".")


@pytest.mark.parametrize("name", corpus_card_names())
def test_bundled_cards(name: str) -> None:
    card = read_corpus_card(name)
    assert card.licence in LICENCES
    assert "eng_Latn" in card.languages


GOOD = (
    "---\ntitle: T\nlicence: cc0-1.0\nlanguages: [en]\norigin: o\nproducers: p\npersonal_data: n\n"
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("# no front matter", "does not begin with YAML front matter"),
        ("---\na: [\n---\n", "not valid YAML"),
        ("---\n- a\n---\n", "is not a mapping"),
        (GOOD + "licens: x\n---\n", "unknown key 'licens'; did you mean 'licence'"),
        (GOOD.replace("cc0-1.0", "free") + "---\n", "unknown licence 'free'"),
        (GOOD.replace("[en]", "[xx_Yyyy]") + "---\n", "unknown language 'xx_Yyyy'"),
        (GOOD.replace("title: T\n", "") + "---\n", "'title' is required"),
    ],
)
def test_bad_cards_are_named(text: str, message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        parse_corpus_card(text, "data_cards/x.md")
    assert str(caught.value).startswith("data_cards/x.md")
    assert "\n" not in str(caught.value)


def test_cells_hold_no_markup() -> None:
    assert cell("a|b\n<i>*c*") == r"a\|b \<i\>\*c\*"


def test_pairs_hold_the_columns_the_card_names(build: Build) -> None:
    frame = pl.read_parquet(build[0] / "pairs" / "eng_Latn-tha_Thai" / "train-00000.parquet")
    assert {"source", "row", "src", "tgt", "split", "laser.cosine"} <= set(frame.columns)


def test_warnings_of_the_check_are_on_the_card_and_notes_and_records_are_not(build: Build) -> None:
    warned = warning("repeated", "source 'a'", "the same pair again and again")
    shown = warned.model_copy(update={"example": "A record of the corpus."})
    about_the_check = note("head-only", "sources", "only the first records were looked at")
    text = render_card(build[1].model_copy(update={"findings": [shown, about_the_check]}))
    assert "the same pair again and again" in text
    assert "A record of the corpus." not in text
    assert "only the first records" not in text

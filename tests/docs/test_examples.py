"""Each example builds, and does what its heading says."""

import re

import pytest
from click.testing import CliRunner

from sealcli.sealdata import main
from sealdata.build_manifest import read_build_manifest
from sealdata.recipe.reading import read_recipe
from tests.docs.style import ROOT

PAGE = (ROOT / "docs" / "examples.md").read_text("utf-8")
RECIPES = {
    name: text for text, name in re.findall(r"```toml\n(# (\S+)\.toml\n.*?)```", PAGE, re.DOTALL)
}
TABLE = re.search(r"```\n(Good.*?)```", PAGE, re.DOTALL)[1]


def test_there_are_ten():
    assert len(RECIPES) == 10


@pytest.fixture(scope="module")
def build(tmp_path_factory):
    """Builds an example, or only some of its sources to save time; the manifest."""
    folder = tmp_path_factory.mktemp("examples")
    (folder / "pairs.tsv").write_text(TABLE, "utf-8")

    def run(name, *sources):
        example = folder / f"{name}.toml"
        example.write_text(RECIPES[name], "utf-8")
        small = folder / f"small-{name}.toml"
        others = [t.name for t in read_recipe(str(example))[0].source if t.name not in sources]
        removed = [f"source.{other}" for other in others] if sources else []
        small.write_text(f"extends = {example.name!r}\nremove = {removed}\n", "utf-8")
        command = ["build", str(small), "--out", str(folder / name)]
        done = CliRunner().invoke(main, [*command, "--workers", "1"])
        assert done.exit_code == 0, done.output
        return read_build_manifest(folder / name)

    return run


def lost(manifest):
    """Pairs lost by (language, reason)."""
    counts = {}
    for row in manifest.funnel:
        for reasons in row.dropped.values():
            for reason, count in reasons.items():
                counts[row.lang, reason] = counts.get((row.lang, reason), 0) + count
    return counts


@pytest.mark.slow
def test_one_pair(build):
    manifest = build("one-pair")
    assert [(row.source, row.records, row.kept) for row in manifest.funnel] == [
        ("scb-tha", 178, 163)
    ]
    assert {stream.kind for stream in manifest.streams} == {"parallel"}


@pytest.mark.slow
def test_limits_and_removed_rules(build):
    stricter, without = (build(name, "opus-vie", "nllb-tam") for name in ("stricter", "without"))
    rules = {(r["reason"], r["score"]): r for r in stricter.recipe["rule"]}
    assert rules["wrong_language", "lid.tgt_set_margin"]["languages"]["vie_Latn"]["min"] == -0.2
    assert rules["wrong_language", "lid.tgt_set_margin"]["languages"]["zho_Hans"]["min"] == -0.95
    total = {
        m.name: sum(n for (_, r), n in lost(m).items() if r == "length_ratio")
        for m in (stricter, without)
    }
    assert total["stricter"] > total["without"] > 0
    assert not [reason for _, reason in lost(without) if reason == "number_mismatch"]
    assert [reason for _, reason in lost(stricter) if reason == "number_mismatch"]
    assert "html" not in {row.step for row in without.cleaning}


@pytest.mark.slow
def test_my_file(build):
    manifest = build("my-file")
    assert [(row.lang, row.records, row.train) for row in manifest.funnel] == [("ind_Latn", 4, 4)]


@pytest.mark.slow
def test_no_repeats(build):
    manifest = build("no-repeats", "nllb-tam")
    [row] = manifest.funnel
    assert row.dropped["caps"] == {"over_src_cap": 3, "over_tgt_cap": 2}
    assert manifest.recipe["near_dedup"]["jaccard"] == 0.8


@pytest.mark.slow
def test_masked(build):
    manifest = build("masked")
    [row] = [row for row in manifest.cleaning if row.step == "mask_pii"]
    assert row.changed == 1
    assert row.examples == []  # the manifest is published: it does not show what was masked


@pytest.mark.slow
def test_own_sides(build):
    streams = {
        (stream.kind, stream.name) for stream in build("own-sides", "scb-tha", "opus-vie").streams
    }
    assert {name for kind, name in streams if kind == "monolingual"} == {"tha_Thai"}


@pytest.mark.slow
def test_into_english(build):
    names = [s.name for s in build("into-english", "scb-tha").streams if s.kind == "parallel"]
    assert names
    assert all(name.endswith("-eng_Latn") for name in names)


@pytest.mark.slow
def test_margin(build):
    manifest = build("margin")
    assert manifest.margins[0].rows > 100
    assert ("ind_Latn", "low_margin") in lost(manifest)


@pytest.mark.slow
def test_other_trainers(build):
    streams = build("other-trainers", "scb-tha").streams
    assert all(set(stream.sidecar_bytes) == {"olmo-core", "megatron"} for stream in streams)
    assert sum(stream.num_padding for stream in streams) < 20_000

"""Auditing a recipe: what a sample says of a corpus is within its stated error of the whole."""

import json
import math
import tomllib
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from sealcli.sealdata import main
from sealdata.dataset.audit import audit_recipe, sample_sizes
from sealdata.errors import CheckError, ConfigError
from sealdata.files.places import sample_dir
from sealdata.pipeline.plan import Plan
from sealdata.recipe.tables import Recipe
from sealdata.report.audit_rows import AuditRows, share_error
from sealdata.report.metrics import check, metrics_of, read_checks
from sealdata.report.reason_counts import overlap_errors, spread
from sealdata.report.schema import AuditFacts
from sealdata.stages.sample import allocate
from sealdata.workflow.engines.local import LocalEngine
from sealdata.workflow.protocols import NoProgress

RECIPE = """
name = "big"
part_rows = 1000
[[source]]
name = "mined"
reader = "tsv"
path = "pairs.tsv"
options = { layout = "pairs" }
src_lang = "eng_Latn"
tgt_lang = "ind_Latn"
[score.length]
[score.copy]
[score.script]
[score.lid]
[[rule]]
reason = "too_short"
score = "length.src_chars"
min = 40
[[rule]]
reason = "copy"
score = "copy.overlap"
max = 0.7
[[rule]]
reason = "wrong_script"
score = "script.tgt_share"
min = 0.8
[[rule]]
reason = "wrong_language"
score = "lid.tgt_margin"
min = 0.0
[tokenizer]
path = "sample:tokenizers/bpe"
"""


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """9,000 pairs, sorted from good to bad as mined corpora are, every tenth one twice."""
    folder = tmp_path_factory.mktemp("corpus")
    english = (sample_dir() / "text" / "eng_Latn.txt").read_text("utf-8").splitlines()
    other = (sample_dir() / "text" / "ind_Latn.txt").read_text("utf-8").splitlines()
    lao = (sample_dir() / "text" / "lao_Laoo.txt").read_text("utf-8").splitlines()
    lines = []
    for i in range(9000):
        number = i - 1 if i % 10 == 9 else i
        at = number % len(english)
        tgt = other[at] if number < 6000 else english[at] if number < 7500 else lao[at]
        lines.append(f"{english[at]} {number}\t{tgt} {number}")
    (folder / "pairs.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "recipe.toml").write_text(RECIPE, encoding="utf-8")
    return folder


def facts_of(corpus: Path, out: Path, rows: int) -> AuditFacts:
    plan = Plan(Recipe.model_validate(tomllib.loads(RECIPE)), corpus)
    with LocalEngine(1) as engine:
        return audit_recipe(plan, out, engine, NoProgress(), rows).facts


@pytest.fixture(scope="module")
def sampled(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> AuditFacts:
    return facts_of(corpus, tmp_path_factory.mktemp("sampled"), rows=1000)


@pytest.fixture(scope="module")
def counted(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> AuditFacts:
    return facts_of(corpus, tmp_path_factory.mktemp("counted"), rows=9000)


def test_every_share_is_within_its_error(sampled: AuditFacts, counted: AuditFacts) -> None:
    assert 990 <= sampled.basis.sampled["ind_Latn"] <= 1010
    assert counted.errors["kept_share"] == 0
    assert len(sampled.errors) > 8
    assert {"kept_share", "lost_share.rules", "lost_share.rules.ind_Latn"} <= sampled.errors.keys()
    for name, error in sampled.errors.items():
        assert 0 < error < 0.05, name
        assert abs(sampled.metrics[name] - counted.metrics[name]) <= error, name


def test_what_a_reason_costs_and_overlaps_is_within_its_error(
    sampled: AuditFacts, counted: AuditFacts
) -> None:
    whole = {fact.reason: fact for fact in counted.reasons}
    for fact in sampled.reasons:
        assert 0 < fact.only_error < 0.05, fact.reason
        assert 0 < fact.first_error < 0.05, fact.reason
        assert abs(fact.first - whole[fact.reason].first) / 9000 <= fact.first_error, fact.reason
        assert whole[fact.reason].only_error == 0
        assert abs(fact.only - whole[fact.reason].only) / 9000 <= fact.only_error, fact.reason
    assert counted.overlap_errors["all"] == {
        one: dict.fromkeys((other for other, n in row.items() if n), 0.0)
        for one, row in counted.overlap["all"].items()
    }
    for lang in ("all", "ind_Latn"):  # of one language alone they are the same
        seen, true = sampled.overlap[lang], counted.overlap[lang]
        for one, row in sampled.overlap_errors[lang].items():
            for other, error in row.items():
                if one == other:
                    assert abs(seen[one][one] - true[one][one]) <= error, one
                else:
                    share = seen[one][other] / seen[one][one]
                    assert abs(share - true[one][other] / true[one][one]) <= error, (one, other)


def test_overlap_of_languages_is_in_error_by_their_shares_and_sizes() -> None:
    """Two languages, 100 of 1,000 rows each; the reason's pairs are few in the second."""
    audit_rows = AuditRows({"a": [], "b": []}, {"a": 1000, "b": 1000})
    audit_rows.__dict__["heights"] = {"a": 100, "b": 100}
    tables = {
        "a": {"x": {"x": 500, "y": 250}, "y": {"x": 250, "y": 250}},
        "b": {"x": {"x": 100, "y": 0}, "y": {"x": 0, "y": 0}},
        "all": {"x": {"x": 600, "y": 250}, "y": {"x": 250, "y": 250}},
    }
    found = overlap_errors(audit_rows, tables)
    a, b = (share_error(share, 100, 1000) * 1000 for share in (0.5, 0.1))
    assert found["a"]["x"] == {"x": a, "y": share_error(0.5, 50, 500)}
    assert found["b"] == {"x": {"x": b}}
    assert found["all"]["x"]["x"] == pytest.approx(math.hypot(a, b))
    total = 250 / 600
    parts = [500 * share_error(0.5, 50, 500), 100 * share_error(0.0, 10, 100)]
    parts += [(0.5 - total) * a, (0 - total) * b]
    assert found["all"]["x"]["y"] == pytest.approx(math.hypot(*parts) / 600)


def test_duplicates_are_counted_over_everything(sampled: AuditFacts) -> None:
    [found] = sampled.duplicates
    assert (found.stage, found.flagged, found.of) == ("dedup", 900, 9000)
    assert sampled.metrics["duplicate_share"] == 0.1


def test_duplicates_name_the_first_pair_of_the_corpus(sampled: AuditFacts) -> None:
    """It is found among all pairs, whether it was sampled or not."""
    assert 0 < len(sampled.duplicate_examples) <= 10
    for example in sampled.duplicate_examples:
        assert (example.row % 10, example.first_row) == (9, example.row - 1)
        assert (example.first_src, example.first_tgt) == (example.src, example.tgt)
        assert example.first_outcome is None


MORE = """
[caps]
max_per_tgt = 2
[exclude]
lists = ["takedowns.txt"]
[decontaminate]
refs = [{ path = "held.txt", name = "held" }]
"""


def test_a_recipe_shows_matches_counts_excluded_pairs_and_says_what_it_left_out(
    corpus: Path, tmp_path: Path
) -> None:
    lines = (corpus / "pairs.tsv").read_text("utf-8").splitlines()
    (corpus / "held.txt").write_text(lines[42].split("\t")[1] + "\n", encoding="utf-8")
    (corpus / "takedowns.txt").write_text("row\tmined\t8\n", encoding="utf-8")
    plan = Plan(Recipe.model_validate(tomllib.loads(RECIPE + MORE)), corpus)
    with LocalEngine(1) as engine:
        audited = audit_recipe(plan, tmp_path, engine, NoProgress(), 200, limit=300)
    facts = audited.facts
    match = facts.matches[0]
    assert (match.row, match.set, match.side, match.kind) == (42, "held", "tgt", "exact")
    assert match.reference == match.text == lines[42].split("\t")[1]
    assert sum(row.matches for row in facts.build.leaks) == len(facts.matches)
    flagged = {fact.stage: (fact.flagged, fact.of) for fact in facts.duplicates}
    assert flagged["exclude"] == (1, 300)
    assert flagged["dedup"] == (29, 300)  # row 9 equals row 8, which is excluded
    assert facts.basis.left_out == ["caps"]
    page = audited.page.read_text("utf-8")
    assert "<b>Left out: caps.</b>" in page
    assert match.text in page


def test_overlap_is_complete(counted: AuditFacts) -> None:
    """A gate would have kept copies from language ID: here it has seen them."""
    table = counted.overlap["ind_Latn"]
    assert table["copy"]["copy"] == 1500
    assert table["copy"]["wrong_language"] > 1400
    assert table["wrong_script"]["wrong_script"] == 1500
    first = {fact.reason: fact.first for fact in counted.reasons}
    assert first["wrong_language"] < table["wrong_language"]["wrong_language"]


def test_funnel_ties_and_the_sample_is_from_every_part(sampled: AuditFacts) -> None:
    [row] = sampled.build.funnel
    assert row.records == 9000
    rows = [
        s.row for s in (*sampled.samples["ind_Latn"].kept, *sampled.samples["ind_Latn"].dropped)
    ]
    assert {row // 1000 for row in rows} >= {0, 2, 4, 6, 7, 8}


def test_the_same_sample_twice(corpus: Path, tmp_path: Path) -> None:
    assert facts_of(corpus, tmp_path / "a", 200) == facts_of(corpus, tmp_path / "b", 200)


def test_the_command_fails_on_what_it_is_told(corpus: Path, tmp_path: Path) -> None:
    arguments = ["audit", str(corpus / "recipe.toml"), "--out", str(tmp_path), "--rows", "200"]
    arguments += ["--workers", "1", "--json"]
    done = CliRunner().invoke(main, [*arguments, "--fail-on", "kept_share<0.2"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["metrics"]["records"] == 9000
    assert (tmp_path / "audit" / "index.html").is_file()
    done = CliRunner().invoke(main, [*arguments, "--fail-on", "duplicate_share>0.05"])
    assert done.exit_code == 3
    assert "duplicate_share is 0.1 (duplicate_share>0.05)" in done.stderr


def test_what_was_never_lost_is_a_figure_too(sampled: AuditFacts) -> None:
    """A check in CI holds the day when nothing has the fault that it asks for."""
    perfect = sampled.model_copy(
        update={
            "reasons": [],
            "duplicates": [],
            "build": sampled.build.model_copy(
                update={
                    "funnel": [
                        row.model_copy(update={"dropped": {}, "train": row.records})
                        for row in sampled.build.funnel
                    ]
                }
            ),
        }
    )
    values, errors = metrics_of(perfect)
    names = ["lost_share.lid", "any_share.copy", "any_share.wrong_script.ind_Latn"]
    for name in (*names, "duplicate_share", "duplicate_share.ind_Latn"):
        assert values[name] == 0
    assert all(0 < errors[name] < 0.01 for name in names)
    assert "leak_share" not in values  # the recipe names no evaluation sets
    assert "lost_share.caps" not in values  # a gate that an audit of a recipe leaves to a build


def test_checks(sampled: AuditFacts) -> None:
    check(sampled, read_checks(["records!=9000", "kept_share.ind_Latn <= 1e-1"]))
    with pytest.raises(CheckError, match=r"kept_share is 0\.\d+ ± 0\.\d+ \(kept_share>0\)"):
        check(sampled, read_checks(["kept_share>0"]))
    with pytest.raises(ConfigError, match=r"there is no figure 'kept_shar'; did you mean"):
        check(sampled, read_checks(["kept_shar>0"]))


@pytest.mark.parametrize("text", ["kept_share", "kept_share<1e", "kept_share<1.2.3", "<1", ""])
def test_a_bad_check_is_said_before_any_work(text: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"is not a (check|number)"):
        read_checks([text])
    done = CliRunner().invoke(
        main, ["audit", "quickstart", "--out", str(tmp_path), "--fail-on", text]
    )
    assert done.exit_code == 2
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("pairs", "rows", "sizes"),
    [
        ({"a": 10, "b": 990_000}, 20_000, {"a": 10, "b": 20_000}),
        ({"a": 50_000, "b": 950_000}, 20_000, {"a": 1000, "b": 19_000}),
        ({"a": 0}, 100, {"a": 0}),
    ],
)
def test_sample_sizes(pairs: dict[str, int], rows: int, sizes: dict[str, int]) -> None:
    assert sample_sizes(pairs, rows) == sizes


def test_every_part_gives_its_share() -> None:
    heights = {(0, "part-00000"): 500_000, (0, "part-00001"): 250_000, (1, "part-00000"): 3}
    found = allocate(heights, 7500)
    assert list(found.values()) == [5000, 2500, 1]


@given(
    st.integers(0, 10**6), st.dictionaries(st.text(max_size=3), st.integers(0, 1000), max_size=6)
)
def test_spread_adds_up(total: int, shares: dict[str, int]) -> None:
    found = spread(total, {name: float(n) for name, n in shares.items()})
    assert sum(found.values()) == (total if sum(shares.values()) else 0)
    assert all(count >= 0 for count in found.values())


def test_the_error_covers_the_share_as_often_as_it_says() -> None:
    """99 of 100 intervals hold the share, at small and middling shares, drawn with a fixed seed."""
    for share in (0.002, 0.05, 0.5):
        population = pl.Series([1] * int(20_000 * share) + [0] * (20_000 - int(20_000 * share)))
        hits = 0
        for seed in range(200):
            seen = population.sample(1000, seed=seed).sum() / 1000
            hits += abs(seen - share) <= share_error(seen, 1000, 20_000)
        assert hits >= 196
    assert share_error(0.3, 500, 500) == 0

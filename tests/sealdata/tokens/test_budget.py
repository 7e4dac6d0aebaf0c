"""Budget: proportions, temperature, limits, and the weights that sealtrain reads."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealdata.build_manifest import BuildManifest
from sealdata.errors import ConfigError, SealError
from sealdata.tokens.budget import Unit, divide, plan_budget


def manifest(**tokens: int) -> BuildManifest:
    """A build of languages with so many training tokens, half in each direction."""
    streams = [
        {
            "path": f"shards/train/parallel/{name}",
            "split": "train",
            "kind": "parallel",
            "name": name,
            "languages": name.split("-"),
            "num_documents": 10,
            "num_tokens": count // 2,
            "num_padding": 0,
            "num_sequences": 1,
        }
        for lang, count in tokens.items()
        for name in (f"eng_Latn-{lang}", f"{lang}-eng_Latn")
    ]
    rows = [{"name": lang, "lang": lang} for lang in tokens]
    return BuildManifest.model_validate(
        {
            "name": "b",
            "sealdata": "0",
            "build_key": "k",
            "recipe": {},
            "versions": {},
            "sources": [
                {
                    "name": row["name"],
                    "reader": "tsv",
                    "path": "p",
                    "src_lang": "eng_Latn",
                    "tgt_lang": row["lang"],
                    "files": [],
                }
                for row in rows
            ],
            "funnel": [
                {
                    "source": row["name"],
                    "lang": row["lang"],
                    "records": 100,
                    "dropped": {},
                    "train": 100,
                    "validation": 0,
                }
                for row in rows
            ],
            "streams": streams,
        }
    )


BUILD = manifest(ind_Latn=9000, lao_Laoo=1000)


@pytest.mark.parametrize(
    ("temperature", "given"),
    [(1.0, [1800, 200]), (2.0, [1500, 500]), (1e9, [1000, 1000])],  # square roots are 3 to 1
)
def test_temperature(temperature: float, given: list[int]) -> None:
    plan = plan_budget(BUILD, 2000, temperature)
    assert [share.num_tokens for share in plan.shares] == given
    assert plan.shares[1].epochs == pytest.approx(given[1] / 1000)
    assert plan.shares[1].pairs_read == round(given[1] / 10)


def test_limits_hand_on_what_they_leave() -> None:
    plan = plan_budget(BUILD, 4000, 1e9, max_epochs=1)
    assert [(share.num_tokens, share.capped) for share in plan.shares] == [
        (3000, False),
        (1000, True),
    ]
    plan = plan_budget(BUILD, 4000, caps={"ind_Latn": 3500})
    assert [share.num_tokens for share in plan.shares] == [3500, 500]


def test_the_weights_are_epochs() -> None:
    plan = plan_budget(BUILD, 4000, 1e9, max_epochs=1)
    mixture = tomllib.loads(plan.config())["mixture"]
    assert mixture["parallel_tokens"] == 4000
    assert mixture["weights"]["parallel/lao_Laoo-eng_Latn"] == 1
    assert mixture["weights"]["parallel/eng_Latn-ind_Latn"] == pytest.approx(1 / 3, abs=1e-6)
    # The largest weight is 1 also where no stream is read a whole time.
    assert plan_budget(BUILD, 1000).weights == dict.fromkeys(plan.weights, 1)


def test_only_parallel_training_streams_count() -> None:
    [first, *_] = BUILD.streams
    others = [
        first.model_copy(update={"split": "validation"}),
        first.model_copy(update={"kind": "monolingual"}),
    ]
    build = BUILD.model_copy(update={"streams": [*BUILD.streams, *others]})
    assert [share.available for share in plan_budget(build, 100).shares] == [9000, 1000]


def test_what_cannot_be() -> None:
    with pytest.raises(SealError, match="leave room for 10,000 tokens, not for 20,000"):
        plan_budget(BUILD, 20_000, max_epochs=1)
    with pytest.raises(ConfigError, match="a cap on tha_Thai, but the build has ind_Latn"):
        plan_budget(BUILD, 10, caps={"tha_Thai": 5})
    with pytest.raises(SealError, match="no parallel training stream"):
        plan_budget(manifest(), 10)


@given(
    st.lists(st.tuples(st.floats(0.1, 1e6), st.floats(0.1, 1e6)), min_size=1, max_size=8),
    st.floats(0.01, 1),
)
def test_division(pairs: list[tuple[float, float]], part: float) -> None:
    weights = {str(n): weight for n, (weight, _) in enumerate(pairs)}
    limits = {str(n): limit for n, (_, limit) in enumerate(pairs)}
    total = part * sum(limits.values())
    given = divide(total, weights, limits)
    assert sum(given.values()) == pytest.approx(total)
    assert all(given[name] <= limits[name] * (1 + 1e-9) for name in given)
    free = {n: given[n] / weights[n] for n in given if given[n] < limits[n] * (1 - 1e-9)}
    assert not free or max(free.values()) == pytest.approx(min(free.values()))


def parities(build: BuildManifest, **parity: float) -> BuildManifest:
    """The build with parities of its own tokenizer, and others of one that is only compared."""
    rows = [
        {
            "tokenizer": name,
            "lang": lang,
            "num_pairs": 1,
            "bytes_per_token": 1,
            "tokens_per_char": 1,
            "parity": value * factor,
        }
        for name, factor in (("own", 1), ("other", 7))
        for lang, value in parity.items()
    ]
    return BuildManifest.model_validate({**build.model_dump(), "fertility": rows})


@pytest.mark.parametrize(
    ("by", "temperature", "given"),
    [
        # 100 pairs each, which cost 90 and 10 tokens: equal pairs are 9 to 1 in tokens.
        ("pairs", 1.0, [1800, 200]),
        ("pairs", 1e9, [1800, 200]),
        # English sides of 9000 / 3 and 1000 / 10 tokens, which cost 3 and 10.
        ("english-tokens", 1.0, [1800, 200]),
        ("english-tokens", 2.0, [1243, 757]),
        ("english-tokens", 1e9, [462, 1538]),
    ],
)
def test_the_temperature_makes_content_equal(
    by: Unit, temperature: float, given: list[int]
) -> None:
    build = parities(BUILD, ind_Latn=2, lao_Laoo=9)
    plan = plan_budget(build, 2000, temperature, by=by)
    assert [share.num_tokens for share in plan.shares] == given


def test_content_needs_a_parity() -> None:
    with pytest.raises(ConfigError, match="no parity of ind_Latn: divide by pairs"):
        plan_budget(parities(BUILD, lao_Laoo=9), 2000, by="english-tokens")

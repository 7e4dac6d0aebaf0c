"""A recipe that extends a built-in one."""

from pathlib import Path

import pytest

from sealdata.errors import ConfigError
from sealdata.recipe import read_recipe


def test_what_a_recipe_says_takes_the_place_of_the_other_s(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(
        'extends = "quickstart"\nname = "mine"\n[pack]\nsequence_length = 64\n', "utf-8"
    )
    mine, folder = read_recipe(str(path))
    base, _ = read_recipe("quickstart")
    assert folder == tmp_path
    assert (mine.name, mine.pack.sequence_length, mine.pack.block_length) == ("mine", 64, 262_144)
    assert mine.model_dump(exclude={"name", "pack"}) == base.model_dump(exclude={"name", "pack"})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            'extends = "quikstart"',
            "extends takes a built-in recipe: .*quickstart.*; not 'quikstart'",
        ),
        ('extends = "./other.toml"', "not './other.toml'"),
        ('extends = "quickstart"\nstreams = []', "streams"),
    ],
)
def test_mistakes_name_the_file(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(ConfigError, match=message) as caught:
        read_recipe(str(path))
    assert str(path) in str(caught.value)


def test_the_data_of_the_paper_s_experiments() -> None:
    experiments, _ = read_recipe("openseal-experiments")
    base, _ = read_recipe("openseal")
    differs = {key for key in dict(base) if getattr(base, key) != getattr(experiments, key)}
    assert differs == {"name", "stream"}
    assert experiments.stream[0] == base.stream[0]

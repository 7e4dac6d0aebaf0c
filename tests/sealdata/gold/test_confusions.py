"""What a model takes right text for, and what of it a recipe has to say."""

import pytest
from click.testing import CliRunner

from sealcli.sealdata import main
from sealdata.fetch.models.store import find_model
from sealdata.gold.confusions import confusions
from sealdata.languages import declare
from sealdata.recipe.reading import read_recipe

# Article 1 of the Declaration of Human Rights and others, in Talysh: lid.176 takes it for
# Azerbaijani, and has no label for it.
TALYSH = [
    "Həmmə odəmon azad, ləyoğət iyən huquqonədə bərobər moəndə bedən.",
    "Əvon bə huş iyən bə vijdoni sohibin iyən bə iyəndı nisbət boə rufədə rəftor bəkən.",
    "Har kəsi hestışe bə jıə, bə ozodəti iyən bə şəxsi toxunulməzəti huquq.",
    "Hiç kəs nibəznə ğul bıbu; ğuləti iyən ğulə savdo həmmə formonədə ğadəğəne.",
    "Hiç kəs nibəznə işkəncə bıdə iyən insoni ləyoğəti alçağ bıkə rəftori məruz bımandi.",
    "Har kəsi har vırədə hestışe bə huquq ıştə subyektəti tanue.",
]
TURKISH = [
    "Komisyon raporu dün akşam yayımladı ve bütün üyelere gönderdi.",
    "Otobüs bu sabah yoğun kar yağışı yüzünden bir saat geç kaldı.",
    "Çocuklar bahçede oynarken yağmur birdenbire bastırdı.",
    "Belediye, köprünün onarımına gelecek ay başlanacağını açıkladı.",
]


@pytest.fixture
def refs(tmp_path):
    folder = tmp_path / "refs"
    folder.mkdir()
    for code, lines in (("tly_Latn", TALYSH), ("tur_Latn", TURKISH)):
        text = "".join(
            f"The report was published in {n} towns.\t{t}\n" for n, t in enumerate(lines)
        )
        (folder / f"eng_Latn-{code}.tsv").write_text(text, encoding="utf-8")
    yield folder
    declare({})


def test_only_what_rules_drop_has_to_be_declared(refs):
    turkish, talysh = sorted(confusions(*read_recipe("openseal"), refs), key=lambda row: -row.right)
    assert (turkish.lang, turkish.right, turkish.to_declare) == ("tur_Latn", 1.0, [])
    assert (talysh.lang, talysh.right, talysh.to_declare) == ("tly_Latn", 0.0, ["azj_Latn"])
    assert talysh.dropped > 0.5


def test_what_is_declared_is_not_dropped(refs, tmp_path):
    recipe = tmp_path / "r.toml"
    recipe.write_text('extends = "openseal"\n')
    ran = CliRunner().invoke(
        main, ["lid", "confusions", "--refs", str(refs), "--write", str(recipe)]
    )
    assert ran.exit_code == 0, ran.output
    assert recipe.read_text() == (
        'extends = "openseal"\n\n[languages.tly_Latn]\ntaken_for = ["azj_Latn"]\n'
    )
    rows = {row.lang: row for row in confusions(*read_recipe(str(recipe)), refs)}
    assert (rows["tly_Latn"].dropped, rows["tly_Latn"].relatives) == (0.0, ["azj_Latn"])


def test_lengths_are_written_where_none_is_known(refs, tmp_path):
    recipe = tmp_path / "r.toml"
    ran = CliRunner().invoke(main, ["lengths", "--refs", str(refs), "--write", str(recipe)])
    assert ran.exit_code == 0, ran.output
    written = recipe.read_text()
    assert written.startswith("[languages.tly_Latn]\nlength_factor = 0.5")
    assert "tur_Latn" not in written


def test_a_model_is_looked_for_in_the_working_folder(refs, tmp_path, monkeypatch):
    folder = tmp_path / "here"
    folder.mkdir()
    (folder / "mine.ftz").write_bytes(find_model("lid176-ftz").read_bytes())
    monkeypatch.chdir(folder)
    ran = CliRunner().invoke(main, ["lid", "eval", "--refs", str(refs), "--model", "mine.ftz"])
    assert ran.exit_code == 0, ran.output
    assert "mine.ftz at the limits of openseal" in ran.output

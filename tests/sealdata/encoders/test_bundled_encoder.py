"""The bundled demonstration encoder, and the script that made it."""

import random
from pathlib import Path

import numpy as np
import pytest
import torch

import tests.make_sample.encoder as script
from sealdata.encoders.encoder import Encoder, load_encoder
from sealdata.encoders.lstm import LaserLstm
from sealdata.encoders.similarity import cosine
from sealdata.files.places import sample_dir

FOLDER = sample_dir() / "encoder"


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return load_encoder(FOLDER / "encoder.pt", FOLDER / "encoder.spm")


def test_at_most_8_megabytes() -> None:
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) <= 8_000_000


@pytest.mark.parametrize(
    ("translation", "other"),
    [
        ("Ayah saya guru di sekolah ini.", "Harga beras naik lagi bulan lalu."),
        ("Bapa saya seorang guru di sekolah ini.", "Harga beras naik lagi bulan lepas."),
        ("Bố tôi là giáo viên ở trường này.", "Giá gạo lại tăng vào tháng trước."),
        ("พ่อของฉันเป็นครูที่โรงเรียนนี้", "ราคาข้าวขึ้นอีกเมื่อเดือนที่แล้ว"),
    ],
)
def test_a_translation_is_nearer_than_another_sentence(
    encoder: Encoder, translation: str, other: str
) -> None:
    english = encoder.encode(["My father is a teacher at this school."] * 2)
    near, far = cosine(english, encoder.encode([translation, other]))
    assert near > far + 0.1


def test_network_adds_up_the_pieces() -> None:
    vectors = torch.randn(6, 3, generator=torch.Generator().manual_seed(0))
    network = LaserLstm(6, script.PAD, embed_dim=4, hidden_size=6, num_layers=1)
    network.load_state_dict({k: v.float() for k, v in script.summing_lstm(vectors).items()})
    ids = [4, 5, 4, 3, script.EOS]
    with torch.inference_mode():
        embedding = network(torch.tensor([ids]))[0].numpy()
    sums = vectors[ids].sum(dim=0).numpy()
    expected = np.concatenate([sums.clip(0), (-sums).clip(0), np.zeros(6)])
    np.testing.assert_allclose(embedding / script._SCALE, expected, rtol=0.005, atol=0.001)


def test_untranslated_copies_are_left_out(tmp_path: Path) -> None:
    for code in ("km", *script.TICO19.values()):
        (tmp_path / f"tico19.en-{code}.en").write_text("I cough.\nStay home.\n")
        (tmp_path / f"tico19.en-{code}.{code}").write_text(f"I cough.\n{code} text\n")
    copied, translated = script.read_tico19(tmp_path)
    assert copied == {"eng_Latn": "I cough."}
    assert translated["tam_Taml"] == "ta text"
    assert len(translated) == 8


def test_talpco_is_joined_by_id(tmp_path: Path) -> None:
    for code in script.TALPCO.values():
        (tmp_path / f"data_{code}.txt").write_bytes(f"2\t{code} two\r\n1\t{code}\tone\r\n".encode())
    two, one = script.read_talpco(tmp_path)
    assert two["mya_Mymr"] == "myn two"
    assert one["jav_Latn"] == "jav one"


def test_numbers_change_alike_in_every_script() -> None:
    changed = script.change_digits(["In 2015, 40", "២០១៥, ៤០", "၂၀၁၅"], random.Random(3))
    values = ["".join(str(int(c)) for c in text if c.isdigit()) for text in changed]
    assert values[0] == values[1] != "201540"
    assert values[2] == values[0][:4]
    assert values[0][5] == "0"


def test_clauses_are_taken_only_where_they_correspond() -> None:
    texts = ["One, two. Three?", "一，二。三？", "တစ်၊ နှစ်။ သုံး?"]
    runs = {tuple(script.take_clauses(texts, random.Random(seed))) for seed in range(40)}
    assert ("two.", "二。", "နှစ်။") in runs
    assert ("One, two.", "一， 二。", "တစ်၊ နှစ်။") in runs
    assert len(runs) == 6
    unequal = ["One, two.", "一二。"]
    assert script.take_clauses(unequal, random.Random(0)) == unequal

"""Encoding: equal to LASER's own library on its texts, and a pure function of the texts given."""

import json
from pathlib import Path

import numpy as np
import pytest
from sentencepiece import SentencePieceProcessor, SentencePieceTrainer

from sealdata.encoders.batches import plan_batches
from sealdata.encoders.encoder import Encoder, load_encoder
from sealdata.encoders.similarity import cosine
from sealdata.encoders.vocabulary import SPECIAL_IDS, Vocabulary
from sealdata.errors import ConfigError

# Written by laser-encoders 0.0.2 (Python 3.8, torch 1.12.1, fairseq 0.12.2) with random weights:
# 82 texts, 22 of them odd; the dictionary is shuffled against the SentencePiece model and lacks
# 25 of its pieces, so that SentencePiece's own ids would be wrong.
GOLDEN = Path(__file__).parents[2] / "golden" / "laser2_small"
CHECKPOINT, SPM = GOLDEN / "laser2_small.pt", GOLDEN / "laser2_small.spm"
ROWS = [json.loads(line) for line in (GOLDEN / "texts.jsonl").read_text("utf-8").split("\n")[:-1]]
TEXTS = [row["text"] for row in ROWS]


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return load_encoder(CHECKPOINT, SPM)


def test_pieces_equal_the_library(encoder: Encoder) -> None:
    assert [" ".join(pieces) for pieces in encoder.vocabulary.pieces(TEXTS)] == [
        row["pieces"] for row in ROWS
    ]


def test_ids_equal_the_library(encoder: Encoder) -> None:
    assert [ids.tolist() for ids in encoder.vocabulary.ids(TEXTS)] == [row["ids"] for row in ROWS]


@pytest.mark.parametrize(("normalise", "name"), [(False, "plain"), (True, "normalised")])
def test_embeddings_equal_the_library(encoder: Encoder, normalise: bool, name: str) -> None:
    expected = np.load(GOLDEN / "embeddings.npz")[name]
    vectors = encoder.encode(TEXTS, normalise=normalise)
    assert vectors.dtype == np.float32
    assert vectors.shape == (82, encoder.dim)
    np.testing.assert_allclose(vectors, expected, rtol=0, atol=1e-5)


def test_threads_do_not_change_a_byte(encoder: Encoder) -> None:
    threaded = load_encoder(CHECKPOINT, SPM, threads=3)
    assert threaded.encode(TEXTS).tobytes() == encoder.encode(TEXTS).tobytes()


def test_small_batches_agree(encoder: Encoder) -> None:
    one_by_one = load_encoder(CHECKPOINT, SPM, max_tokens=301, batch_tokens=301)
    np.testing.assert_allclose(one_by_one.encode(TEXTS), encoder.encode(TEXTS), rtol=0, atol=1e-6)


def test_repeats_share_one_embedding_in_input_order(encoder: Encoder) -> None:
    once = encoder.encode(TEXTS[:3])
    assert (
        encoder.encode([TEXTS[i] for i in (2, 0, 1, 0, 2)]).tobytes()
        == once[[2, 0, 1, 0, 2]].tobytes()
    )


def test_no_texts(encoder: Encoder) -> None:
    assert encoder.encode([]).shape == (0, encoder.dim)
    assert encoder.encode_counted([]).truncated.shape == (0,)


def test_empty_and_blank_texts_are_the_end_mark_alone(encoder: Encoder) -> None:
    assert [ids.tolist() for ids in encoder.vocabulary.ids(["", " \u200b\n"])] == [[2], [2]]
    empty, blank = encoder.encode(["", " \u200b\n"])
    assert empty.tobytes() == blank.tobytes()
    assert np.abs(empty).max() > 0


def test_long_texts_are_cut_and_marked(encoder: Encoder) -> None:
    short = load_encoder(CHECKPOINT, SPM, max_tokens=5, batch_tokens=64)
    text = "water water water water water water water"
    vectors, truncated = short.encode_counted([text, "water", text, "water water water water"])
    assert truncated.tolist() == [True, False, True, False]
    np.testing.assert_allclose(vectors[0], vectors[3], rtol=0, atol=1e-6)
    assert not encoder.encode_counted([text]).truncated.any()


def test_batches_hold_one_length_each_within_the_bound() -> None:
    rows = [np.zeros(length, dtype=np.int32) for length in (3, 5, 3, 2, 3, 3, 9)]
    assert [batch.tolist() for batch in plan_batches(rows, 6)] == [[6], [1], [0, 2], [4, 5], [3]]
    assert plan_batches([], 6) == []


@pytest.mark.parametrize(
    ("bounds", "message"),
    [
        ({"max_tokens": 1}, "max_tokens = 1: must be at least 2"),
        ({"max_tokens": 9, "batch_tokens": 8}, "at most batch_tokens = 8"),
        ({"threads": 0}, "threads = 0: must be at least 1"),
    ],
)
def test_senseless_bounds(bounds: dict[str, int], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_encoder(CHECKPOINT, SPM, **bounds)


def test_cosine() -> None:
    a = np.array([[1, 0], [1, 1], [3, 4], [0, 0]], dtype=np.float32)
    b = np.array([[0, 2], [2, 2], [-3, -4], [1, 1]], dtype=np.float32)
    assert cosine(a, b).dtype == np.float32
    np.testing.assert_allclose(cosine(a, b), [0, 1, -1, 0], atol=1e-7)
    assert cosine(a[:0], b[:0]).shape == (0,)


@pytest.mark.parametrize("short", [0, 1])
def test_half_of_the_pieces_must_be_in_the_dictionary(short: int) -> None:
    pieces = SentencePieceProcessor(model_file=str(SPM))
    size = pieces.get_piece_size()
    names = [pieces.id_to_piece(i) for i in range(size) if not pieces.is_unknown(i)]
    names = [name for name in names if name.split() == [name] and name not in SPECIAL_IDS]
    half = -(-size // 2) - short
    dictionary = {name: number for number, name in enumerate(names[:half], 4)}
    if short:
        with pytest.raises(ConfigError, match=f"only {half} of its {size} pieces"):
            Vocabulary(SPM, dictionary)
    else:
        Vocabulary(SPM, dictionary)


def test_a_piece_with_white_space_inside_is_two_pieces(tmp_path: Path) -> None:
    """LASER writes pieces as a line and splits it again; an em space is white space to it."""
    spm = tmp_path / "em-space.model"
    SentencePieceTrainer.train(
        sentence_iterator=iter(["ab cd", "cd ab"] * 9),
        model_prefix=str(spm.with_suffix("")),
        vocab_size=12,
        hard_vocab_limit=False,
        normalization_rule_name="identity",
        user_defined_symbols=["ab\u2003cd"],
        minloglevel=2,
    )
    model = SentencePieceProcessor(model_file=str(spm))
    pieces = [model.id_to_piece(i) for i in range(model.get_piece_size())]
    dictionary = {piece: 4 + i for i, piece in enumerate([*pieces, "ab", "cd"])}
    vocabulary = Vocabulary(spm, dictionary)
    assert vocabulary.pieces(["ab\u2003cd"]) == [["▁", "ab", "cd"]]
    [ids] = vocabulary.ids(["ab\u2003cd"])
    assert ids.tolist() == [dictionary["▁"], dictionary["ab"], dictionary["cd"], 2]

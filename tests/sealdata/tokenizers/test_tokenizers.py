"""Tokenizers: the same ids by either library, and no special token out of text."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import sentencepiece
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import AddedToken, Regex, decoders, models, normalizers, pre_tokenizers, trainers
from tokenizers import Tokenizer as HfTokenizer

from sealdata.component import available, load
from sealdata.errors import ConfigError
from sealdata.files.places import sample_dir
from sealdata.tokenizers import Tokenizer, named, open_tokenizer

SAMPLE = sample_dir() / "tokenizers"
BPE = SAMPLE / "bpe" / "tokenizer.json"
UNIGRAM = SAMPLE / "unigram" / "unigram.model"

SENTENCES = [
    "The ferry left at 6.45 a.m. on 12 March 2024; it's late.",
    "Kapal feri berangkat pukul 6.45 pagi.",
    "เรือข้ามฟากออกเวลา ๖.๔๕ น. วันที่ 12 มีนาคม",
    "ເຮືອຂ້າມຟາກອອກເວລາ 6.45 ໂມງ",
    "សាឡាងចេញដំណើរនៅម៉ោង ៦:៤៥",
    "ကူးတို့သင်္ဘော ၆ နာရီ ၄၅ မိနစ်တွင် ထွက်သည်။",
    "படகு காலை 6.45 மணிக்குப் புறப்பட்டது.",
    "渡轮早上六点四十五分出发。",
    "Chuyến phà khởi hành lúc 6 giờ 45 sáng.",
]


def make(kind: str, path: Path, eos: str | None = None) -> Tokenizer:
    tokenizer: Tokenizer = load("tokenizers", kind, {"path": path, "eos": eos})
    return tokenizer


def ids_of(tokenizer: Tokenizer, text: str) -> list[int]:
    return tokenizer.encode([text]).ids.tolist()


@pytest.fixture
def every_kind(tmp_path: Path) -> list[Tokenizer]:
    return [
        make("hf", BPE),
        make("tiktoken", BPE),
        make("sentencepiece", UNIGRAM),
        make("hf", save(unigram_json(), tmp_path)),
    ]


def unigram_json() -> HfTokenizer:
    """A Unigram tokenizer.json whose control pieces stand in its vocabulary, as T5's do."""
    letters = [(letter, -3.0) for letter in "</s>|endoftxhirpa_ \u2581"]
    tokenizer = HfTokenizer(models.Unigram([("</s>", 0.0), ("<unk>", 0.0), *letters], unk_id=1))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.add_special_tokens(["</s>", "<unk>"])
    return tokenizer


def byte_level(pattern: str | None = None) -> HfTokenizer:
    """A small BPE trained here; GPT-2's pre-tokenisation where no pattern is given."""
    tokenizer = HfTokenizer(models.BPE())
    if pattern is None:
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    else:
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [
                pre_tokenizers.Split(Regex(pattern), "removed", invert=True),
                pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
            ]
        )
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=400, initial_alphabet=alphabet, show_progress=False, special_tokens=["</s>"]
    )
    tokenizer.train_from_iterator(SENTENCES, trainer)
    return tokenizer


def save(tokenizer: HfTokenizer, folder: Path, eos: str = "</s>") -> Path:
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps({"eos_token": eos}))
    return folder / "tokenizer.json"


def test_every_kind_is_a_file() -> None:
    assert available("tokenizers") == ("hf", "ranks", "sentencepiece", "tekken", "tiktoken")


def test_text_that_spells_a_special_token_is_text(every_kind: list[Tokenizer]) -> None:
    for tokenizer in every_kind:
        for spelt in ("<|endoftext|>", "</s>", "hi <|endoftext|></s>there <|pad|> <s>"):
            special = np.flatnonzero(tokenizer.vocabulary.piece_bytes == 0)
            ids = tokenizer.encode([spelt]).ids
            assert len(ids) > 1
            assert tokenizer.eos_id not in ids
            assert not np.isin(ids, special).any()
            assert (ids < tokenizer.vocab_size).all()


def test_the_hidden_spelling_cannot_be_typed_either(every_kind: list[Tokenizer]) -> None:
    for tokenizer in every_kind:
        for spelt in ("\uffff<|endoftext|>", "hi \uffff</s> there", "\ufffd</s>"):
            ids = tokenizer.encode([spelt]).ids
            assert tokenizer.eos_id not in ids


def test_special_text_survives_the_round_trip() -> None:
    text = "a <|endoftext|> b<|pad|>c <|im_start|>"
    for kind in ("hf", "tiktoken"):
        tokenizer = make(kind, BPE)
        ids = ids_of(tokenizer, text)
        assert tokenizer.decode(ids) == text
        assert tokenizer.decode([*ids, tokenizer.eos_id]) == text + "<|endoftext|>"


def test_plain_added_tokens_stay_tokens_in_both_kinds() -> None:
    address = HfTokenizer.from_file(str(BPE)).token_to_id("|||IP_ADDRESS|||")
    for kind in ("hf", "tiktoken"):
        texts = ["no address", "|||IP_ADDRESS||| at noon", ""]
        ids, ends = make(kind, BPE).encode(texts)
        assert np.flatnonzero(ids == address).tolist() == [ends[0]]
        assert ends[2] == ends[1] == len(ids)


@settings(deadline=None)
@given(
    st.lists(
        st.text()
        | st.sampled_from(SENTENCES)
        | st.text(alphabet=" \n\r\t'sStTreVE1\u0e01\u0e33\u00a0\u3000.|_<>\u017f\u200d")
        | st.sampled_from(["<|endoftext|>", "|||IP_ADDRESS|||x", "<|extra_id_1|>\n", "x" * 400])
        | st.sampled_from(["\uffff", "a.\uffff\n b", "", "\n", " "]),
        max_size=6,
    )
)
def test_tiktoken_gives_the_ids_of_tokenizers(texts: list[str]) -> None:
    fast, slow = make("tiktoken", BPE).encode(texts), make("hf", BPE).encode(texts)
    assert fast.ids.tolist() == slow.ids.tolist()
    assert fast.ends.tolist() == slow.ends.tolist()
    joined = "".join(texts)
    assert ids_of(make("tiktoken", BPE), joined) == ids_of(make("hf", BPE), joined)


@settings(deadline=None)
@given(st.text())
def test_pieces_of_a_byte_level_tokenizer_are_the_bytes_of_the_text(text: str) -> None:
    tokenizer = make("tiktoken", BPE)
    ids = tokenizer.encode([text]).ids
    assert tokenizer.vocabulary.lossless
    assert tokenizer.vocabulary.piece_bytes[ids].sum() == len(text.encode())
    assert tokenizer.decode(ids.tolist()) == text


@pytest.mark.parametrize("pattern", [None, r"\p{N}| ?\p{L}+|[^\p{L}\p{N}]+"])
def test_tiktoken_takes_other_patterns(pattern: str | None, tmp_path: Path) -> None:
    path = save(byte_level(pattern), tmp_path)
    fast, slow = make("tiktoken", path), make("hf", path)
    assert fast.encode(SENTENCES).ids.tolist() == slow.encode(SENTENCES).ids.tolist()
    # "</s>" is in this vocabulary, as "<|endoftext|>" is in GPT-2's
    assert fast.eos_id == 0
    assert fast.eos_id not in fast.encode(["</s>"]).ids


def test_empty_input(every_kind: list[Tokenizer]) -> None:
    for tokenizer in every_kind:
        ids, ends = tokenizer.encode([])
        assert (ids.dtype, ends.dtype, len(ids), len(ends)) == (np.uint32, np.int64, 0, 0)
        ids, ends = tokenizer.encode(["", ""])
        assert (len(ids), ends.tolist()) == (0, [0, 0])


def test_sentencepiece_keeps_text_as_it_is() -> None:
    tokenizer = make("sentencepiece", UNIGRAM)
    for text in [*SENTENCES, "two  spaces\nand a line", "emoji \U0001f642"]:
        assert tokenizer.decode(ids_of(tokenizer, text)) == text
    assert tokenizer.vocabulary.piece_bytes[tokenizer.eos_id] == 0
    assert not tokenizer.vocabulary.lossless


def test_all_byte_pieces_of_a_character_span_it() -> None:
    """Four each for the emoji; of the second text the first token is the space before it."""
    starts, ends = make("sentencepiece", UNIGRAM).spans(["a\U0001f9ffb", "\U0001f9ff"])
    assert starts.tolist() == [0, 1, 1, 1, 1, 2, 4, 4, 4, 4, 4]
    assert ends.tolist() == [1, 2, 2, 2, 2, 3, 4, 5, 5, 5, 5]


def test_bytes_of_pieces(tmp_path: Path) -> None:
    """Special tokens stand for no text, other added tokens for their spelling."""
    bpe = make("hf", BPE)
    address = HfTokenizer.from_file(str(BPE)).token_to_id("|||IP_ADDRESS|||")
    assert bpe.vocabulary.piece_bytes[[address, bpe.eos_id]].tolist() == [16, 0]
    pieces = ["</s>", "<unk>", "<0xE3>", "\u2581ab", "\u2581", "é", "<0x>"]
    tokenizer = HfTokenizer(models.Unigram([(piece, -1.0) for piece in pieces], unk_id=1))
    tokenizer.add_special_tokens(["</s>", "<unk>"])
    vocabulary = make("hf", save(tokenizer, tmp_path)).vocabulary
    assert vocabulary.piece_bytes.tolist() == [0, 0, 1, 3, 1, 2, 4]
    assert (vocabulary.size, vocabulary.unk_id, vocabulary.lossless) == (7, 1, False)


def test_what_is_lossless(tmp_path: Path) -> None:
    def lossless(name: str, change: Callable[[HfTokenizer], object]) -> bool:
        tokenizer = byte_level()
        change(tokenizer)
        (tmp_path / name).mkdir()
        return make("hf", save(tokenizer, tmp_path / name)).vocabulary.lossless

    spaced = pre_tokenizers.ByteLevel(add_prefix_space=True)
    trimming = AddedToken("<mark>", lstrip=True, special=False)
    assert lossless("plain", lambda tokenizer: None)
    assert lossless("added", lambda tokenizer: tokenizer.add_tokens(["<mark>"]))
    assert not lossless("trims", lambda tokenizer: tokenizer.add_tokens([trimming]))
    assert not lossless("space", lambda tokenizer: setattr(tokenizer, "pre_tokenizer", spaced))
    assert not lossless(
        "nfc", lambda tokenizer: setattr(tokenizer, "normalizer", normalizers.NFC())
    )


def test_a_file_that_truncates_and_pads_does_neither_here(tmp_path: Path) -> None:
    tokenizer = byte_level()
    whole = [tokenizer.encode(text, add_special_tokens=False).ids for text in SENTENCES[:3]]
    tokenizer.enable_truncation(4)
    tokenizer.enable_padding(length=200)
    ids, ends = make("hf", save(tokenizer, tmp_path)).encode(SENTENCES[:3])
    assert [part.tolist() for part in np.split(ids, ends[:-1])] == whole


@pytest.mark.parametrize(
    ("path", "kind", "chosen"),
    [
        (SAMPLE / "bpe", None, "tiktoken"),
        (BPE, "hf", "hf"),
        (SAMPLE / "unigram", None, "sentencepiece"),
        (UNIGRAM, None, "sentencepiece"),
    ],
)
def test_the_kind_follows_the_file(path: Path, kind: str | None, chosen: str) -> None:
    tokenizer = open_tokenizer(path, kind)
    assert type(tokenizer).__module__ == f"sealdata.tokenizers.{chosen}"


def test_what_tiktoken_cannot_prove_goes_through_tokenizers(tmp_path: Path) -> None:
    tokenizer = byte_level()
    tokenizer.normalizer = normalizers.NFC()
    assert type(open_tokenizer(save(tokenizer, tmp_path))).__module__ == "sealdata.tokenizers.hf"


def refused(tokenizer: HfTokenizer, folder: Path) -> str:
    with pytest.raises(ConfigError, match=r'use kind = "hf"') as error:
        _ = make("tiktoken", save(tokenizer, folder)).vocabulary
    return str(error.value)


def test_tiktoken_refuses_other_tokenizers(tmp_path: Path) -> None:
    normalising = byte_level()
    normalising.normalizer = normalizers.NFC()
    spaced = byte_level()
    spaced.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    isolated = byte_level()
    isolated.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(r"\s"), "removed"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    for number, (tokenizer, reason) in enumerate(
        [
            (normalising, "normalises"),
            (spaced, "adds a space"),
            (isolated, "not its words"),
            (unigram_json(), "not byte-level"),
        ]
    ):
        folder = tmp_path / str(number)
        folder.mkdir()
        assert reason in refused(tokenizer, folder)


def test_tiktoken_refuses_merges_out_of_order(tmp_path: Path) -> None:
    declared = json.loads(byte_level().to_str())
    declared["model"]["merges"].reverse()
    assert "order of its merges" in refused(HfTokenizer.from_str(json.dumps(declared)), tmp_path)


def test_tiktoken_refuses_what_a_probe_shows_to_differ(tmp_path: Path) -> None:
    """A piece that no merging reaches ("zq" comes before "qx"), but tiktoken takes whole."""
    declared = json.loads(byte_level().to_str())
    vocab = declared["model"]["vocab"]
    size = len(vocab)
    vocab |= {"zq": size, "qx": size + 1, "zqx": size + 2}
    declared["model"]["merges"] += [["z", "q"], ["q", "x"], ["z", "qx"]]
    path = save(HfTokenizer.from_str(json.dumps(declared)), tmp_path)
    with pytest.raises(ConfigError, match="cuts 'zqx' differently"):
        _ = make("tiktoken", path).vocabulary


def test_missing_and_broken_files(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no tokenizer at"):
        open_tokenizer(tmp_path)
    broken = tmp_path / "tokenizer.json"
    broken.write_text("{}")
    with pytest.raises(ConfigError, match=r"is not a tokenizer\.json"):
        open_tokenizer(tmp_path)
    with pytest.raises(ConfigError, match="cannot read the tokenizer"):
        _ = make("hf", tmp_path / "absent.json").vocabulary
    model = tmp_path / "broken.model"
    model.write_bytes(b"no model")
    with pytest.raises(ConfigError, match="as a SentencePiece model"):
        open_tokenizer(model)
    with pytest.raises(ConfigError, match="no control piece 'the'"):
        open_tokenizer(UNIGRAM, options={"eos": "the"})


def test_a_folder_of_several_tokenizers_does_not_say_which(tmp_path: Path) -> None:
    (tmp_path / "a.model").write_bytes(UNIGRAM.read_bytes())
    assert open_tokenizer(tmp_path).path == tmp_path / "a.model"
    for name in ("b.model", "c.tiktoken"):
        (tmp_path / name).touch()
        with pytest.raises(ConfigError, match=r"no tokenizer at .*: expected a tokenizer\.json"):
            open_tokenizer(tmp_path)
        (tmp_path / name).unlink()


def test_all_that_transformers_reads_goes_with_a_tokenizer(tmp_path: Path) -> None:
    path = save(byte_level(), tmp_path)
    names = ["tokenizer_config.json", "special_tokens_map.json"]
    for name in names:
        (tmp_path / name).write_text('{"eos_token": "</s>"}')
    (tmp_path / "unrelated.json").touch()
    assert open_tokenizer(path).files() == [path, *(tmp_path / name for name in names)]


def test_tokenizers_of_one_name_are_numbered() -> None:
    bpe, unigram = open_tokenizer(BPE), open_tokenizer(UNIGRAM)
    assert named([bpe, unigram, bpe, bpe]) == {
        "bpe": bpe, "unigram": unigram, "bpe (2)": bpe, "bpe (3)": bpe
    }  # fmt: skip


def test_eos_must_be_named(tmp_path: Path) -> None:
    path = save(byte_level(), tmp_path)
    (tmp_path / "tokenizer_config.json").write_text("{}")
    with pytest.raises(ConfigError, match=r"write it there.*or in a recipe"):
        open_tokenizer(path)
    assert open_tokenizer(path, options={"eos": "</s>"}).eos_id == 0
    with pytest.raises(ConfigError, match="'<eos>' is not in the vocabulary"):
        open_tokenizer(path, options={"eos": "<eos>"})
    config = {"eos_token": {"content": "</s>", "lstrip": False}}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(config))
    assert make("hf", path).eos_id == 0


@pytest.mark.parametrize(
    ("control", "message"),
    [
        ({"bos_id": 1, "pad_id": 2}, r"has no EOS piece; its control pieces are <s>, <pad>: name"),
        ({"bos_id": -1, "pad_id": -1}, r"nor any other control piece: nothing can end a document"),
    ],
)
def test_a_sentencepiece_model_without_eos_says_what_could_be_one(
    tmp_path: Path, control: dict[str, int], message: str
) -> None:
    path = tmp_path / "bare.model"
    with path.open("wb") as file:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(["a few words of a few letters"] * 9),
            model_writer=file,
            vocab_size=20,
            hard_vocab_limit=False,
            eos_id=-1,
            minloglevel=2,
            **control,
        )
    with pytest.raises(ConfigError, match=message):
        open_tokenizer(path)
    if control["pad_id"] > 0:
        assert open_tokenizer(path, options={"eos": "<pad>"}).eos_id == control["pad_id"]


def test_an_eos_that_is_not_declared_special_is_not_matched_either(tmp_path: Path) -> None:
    tokenizer = byte_level()
    tokenizer.add_tokens([AddedToken("<end>", special=False)])
    path = save(tokenizer, tmp_path, eos="<end>")
    for kind in ("hf", "tiktoken"):
        made = make(kind, path)
        assert made.eos_id not in made.encode(["stop<end>here"]).ids


def test_fingerprint_follows_the_bytes_not_the_place(tmp_path: Path) -> None:
    copy = tmp_path / "tokenizer.json"
    copy.write_bytes(BPE.read_bytes())
    here, there = make("tiktoken", BPE), make("tiktoken", copy, "<|endoftext|>")
    assert here.fingerprint() == there.fingerprint()
    assert make("tiktoken", copy, "<|pad|>").fingerprint() != here.fingerprint()
    assert [file.name for file in here.files()] == ["tokenizer.json", "tokenizer_config.json"]
    assert (here.name, make("sentencepiece", UNIGRAM).name) == ("bpe", "unigram")


@pytest.mark.parametrize("name", ["tokenizer.json", "x.model"])
def test_a_pointer_in_place_of_a_tokenizer(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("version https://git-lfs.github.com/spec/v1\noid sha256:4d\n")
    with pytest.raises(ConfigError, match="it is a Git LFS pointer; fetch the file itself"):
        open_tokenizer(tmp_path)


@pytest.mark.parametrize("fallback", [False, True])
def test_dropout_is_off_and_said(tmp_path, caplog, fallback):
    """Llama's tokenizers are BPE with fallback to bytes: those are read by kind "hf"."""
    declared = json.loads(BPE.read_text("utf-8"))
    declared["model"] |= {"dropout": 0.3, "byte_fallback": fallback}
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps(declared), "utf-8")
    path.with_name("tokenizer_config.json").write_text(
        BPE.with_name("tokenizer_config.json").read_text("utf-8"), "utf-8"
    )
    tokenizer = open_tokenizer(path)
    assert tokenizer.component_name() == ("hf" if fallback else "tiktoken")
    expected = make("hf", BPE).encode(SENTENCES * 9).ids
    assert tokenizer.encode(SENTENCES * 9).ids.tolist() == expected.tolist()
    assert tokenizer.fingerprint()["dropout"] == "off"  # shards that were made with it are not kept
    assert "dropout" not in make("hf", BPE).fingerprint()
    assert caplog.messages == [
        f"{path} was saved with BPE dropout 0.3: it is off here, so that a text always has the "
        "same ids"
    ]

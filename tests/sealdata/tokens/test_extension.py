"""An extended tokenizer: old ids stay, and what is new only joins what was left apart."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer as HuggingFaceTokenizer
from transformers import AutoTokenizer

from sealcli.sealdata import main
from sealdata.errors import ConfigError, DataError
from sealdata.files.places import sample_dir
from sealdata.pairs import make_pairs
from sealdata.tokenizers import Tokenizer, open_tokenizer
from sealdata.tokens.extension import extend, split_sample

SAMPLE = sample_dir()
BASE = open_tokenizer(SAMPLE / "tokenizers" / "bpe")
TRAINED = ("tha_Thai", "ind_Latn", "mya_Mymr")


def lines(code: str) -> list[str]:
    return (SAMPLE / "text" / f"{code}.txt").read_text("utf-8").splitlines()


LEARNT = [line for code in TRAINED for line in lines(code)[::2]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("extended") / "bpe"
    extension = extend(BASE, LEARNT, 300)
    assert (extension.num_added, extension.num_asked) == (300, 300)
    extension.write(folder, BASE)
    return folder


@pytest.fixture(scope="module")
def extended(folder: Path) -> Tokenizer:
    return open_tokenizer(folder)


def test_old_ids_are_unchanged_and_new_ones_follow(folder: Path) -> None:
    old = HuggingFaceTokenizer.from_file(str(BASE.path))
    new = HuggingFaceTokenizer.from_file(str(folder / "tokenizer.json"))
    before, after = old.get_vocab(), new.get_vocab()
    assert before.items() <= after.items()
    size = max(before.values()) + 1
    fresh = sorted(index for piece, index in after.items() if piece not in before)
    assert fresh == list(range(size, size + 300))
    added = {index: str(token) for index, token in old.get_added_tokens_decoder().items()}
    assert {i: str(token) for i, token in new.get_added_tokens_decoder().items()} == added


def test_transformers_and_tiktoken_give_the_same_ids(folder: Path, extended: Tokenizer) -> None:
    assert type(extended).__name__ == "Tiktoken"  # its ids are proven equal on the probe set
    theirs = AutoTokenizer.from_pretrained(folder)
    for text in [*lines("tha_Thai")[:20], *lines("eng_Latn")[:20]]:
        assert theirs(text).input_ids == extended.encode([text]).ids.tolist()
    assert theirs.eos_token_id == extended.eos_id == BASE.eos_id
    assert theirs("a<|endoftext|>").input_ids[-1] == BASE.eos_id


def unfolded(folder: Path, ids: list[int]) -> list[int]:
    """New ids taken apart by their merges, down to ids of the old tokenizer."""
    model = json.loads((folder / "tokenizer.json").read_text("utf-8"))["model"]
    vocab, old = model["vocab"], BASE.vocab_size
    parts = {vocab["".join(merge)]: merge for merge in model["merges"][-300:]}

    def apart(index: int) -> list[int]:
        return [index] if index < old else [i for p in parts[index] for i in apart(vocab[p])]

    return [old_id for index in ids for old_id in apart(index)]


def test_a_text_is_first_cut_as_before(folder: Path, extended: Tokenizer) -> None:
    for code in (*TRAINED, "eng_Latn", "khm_Khmr"):
        texts = lines(code)
        ids = extended.encode(texts).ids.tolist()
        assert unfolded(folder, ids) == BASE.encode(texts).ids.tolist()


@given(st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("ที่เป็นang meကို ")))
def test_any_text_comes_back(extended: Tokenizer, text: str) -> None:
    ids = extended.encode([text]).ids.tolist()
    assert extended.decode(ids) == text
    assert len(ids) <= len(BASE.encode([text]).ids)


@pytest.mark.parametrize(("code", "low", "high"), [(code, 0.6, 0.95) for code in TRAINED])
def test_fewer_tokens_on_sentences_not_learnt_from(
    extended: Tokenizer, code: str, low: float, high: float
) -> None:
    rest = lines(code)[1::2]
    assert low < len(extended.encode(rest).ids) / len(BASE.encode(rest).ids) < high


def test_english_stays_within_a_percent(extended: Tokenizer) -> None:
    texts = lines("eng_Latn")
    assert 0.99 < len(extended.encode(texts).ids) / len(BASE.encode(texts).ids) <= 1


def test_equal_inputs_give_equal_files(folder: Path, tmp_path: Path) -> None:
    again = extend(BASE, LEARNT, 300).write(tmp_path / "again", BASE)
    assert again.read_bytes() == (folder / "tokenizer.json").read_bytes()


def test_an_extended_tokenizer_can_be_extended(extended: Tokenizer, tmp_path: Path) -> None:
    extend(extended, LEARNT, 20).write(tmp_path / "more", extended)
    assert open_tokenizer(tmp_path / "more").vocab_size == BASE.vocab_size + 320


def test_merges_are_spelt_as_in_the_file(tmp_path: Path) -> None:
    """Older files have "a b" for ["a", "b"]; the library reads either, but not both in one file."""
    declared = json.loads(BASE.path.read_text("utf-8"))
    assert isinstance(declared["model"]["merges"][0], list)
    declared["model"]["merges"] = [" ".join(pair) for pair in declared["model"]["merges"]]
    old = tmp_path / "old" / "tokenizer.json"
    old.parent.mkdir()
    old.write_text(json.dumps(declared), "utf-8")
    base = open_tokenizer(old, options={"eos": "<|endoftext|>"})
    extend(base, LEARNT, 20).write(tmp_path / "new", base)
    merges = json.loads((tmp_path / "new/tokenizer.json").read_text("utf-8"))["model"]["merges"]
    assert {type(pair) for pair in merges} == {str}
    extended = open_tokenizer(tmp_path / "new", options={"eos": "<|endoftext|>"})
    extend(BASE, LEARNT, 20).write(tmp_path / "listed", BASE)
    listed = open_tokenizer(tmp_path / "listed")
    assert extended.encode(LEARNT).ids.tolist() == listed.encode(LEARNT).ids.tolist()


def test_what_cannot_be_extended(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="only a byte-level BPE"):
        extend(open_tokenizer(SAMPLE / "tokenizers" / "unigram"), LEARNT, 10)
    with pytest.raises(DataError, match="no two tokens recur"):
        extend(BASE, ["a"], 10)
    with pytest.raises(DataError, match="no two tokens recur"):
        extend(BASE, ["zq"], 10)  # two tokens that stand side by side only once
    few = extend(BASE, ["นกนกนก นกนกนก"], 1000)
    assert 0 < few.num_added < 1000
    few.write(tmp_path / "here", BASE)
    with pytest.raises(ConfigError, match="there already"):
        few.write(tmp_path / "here", BASE)


@pytest.mark.parametrize(("pairs", "held_out"), [(1, 1), (10, 2), (163, 33), (5000, 95)])
def test_what_is_measured_is_not_learnt_from(pairs: int, held_out: int) -> None:
    frame = make_pairs([(str(n), str(n)) for n in range(pairs)])
    measured, rest = split_sample(frame, 95)
    assert (measured.height, rest.height) == (held_out, pairs - held_out)
    assert not set(measured["src"]) & set(rest["src"])


def test_the_command(tmp_path: Path) -> None:
    command = ["fertility", "quickstart", "--tokenizer", str(BASE.path)]
    more = ["--extend", "100", "--extend-out", str(tmp_path / "new"), "--hidden-size", "64"]
    done = CliRunner().invoke(main, [*command, *more])
    assert done.exit_code == 0, done.output
    assert "100 pieces, learnt from 1," in done.stdout
    assert "hidden size 64: 12,800 more (6,400 if" in done.stdout
    assert open_tokenizer(tmp_path / "new").vocab_size == BASE.vocab_size + 100
    for wrong in (["--hidden-size", "64"], ["--extend", "9", "--tokenizer", str(BASE.path)]):
        assert CliRunner().invoke(main, [*command, *wrong]).exit_code == 2

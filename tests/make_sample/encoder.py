"""Train the bundled demonstration encoder: LASER2's architecture and file format, a few MB.

    python -m tests.make_sample.encoder DATA OUT

DATA holds ``tico19/`` (Moses text, CC0 1.0) and ``talpco/`` (CC BY 4.0). The bundled corpus, on
which the encoder is used, is read only to leave its sentences out.
4,400 sentences are too few to train a recurrent network that generalises, so what is trained is
one vector for each piece, and the network is set to add them up. Minutes on one core.
"""

import argparse
import hashlib
import io
import math
import random
import re
import sys
import unicodedata
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import sentencepiece
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize

from sealdata.encoders.encoder import Encoder, load_encoder
from sealdata.encoders.preprocess import normalise
from sealdata.files.places import sample_dir

ENGLISH = "eng_Latn"
TICO19 = {
    "ind_Latn": "id",
    "khm_Khmr": "km",
    "zsm_Latn": "ms",
    "mya_Mymr": "my",
    "tam_Taml": "ta",
    "tgl_Latn": "tl",
    "zho_Hans": "zh",
}
TALPCO = {
    ENGLISH: "eng",
    "ind_Latn": "ind",
    "jav_Latn": "jav",
    "mya_Mymr": "myn",
    "tha_Thai": "tha",
    "vie_Latn": "vie",
    "zsm_Latn": "zsm",
}
HELD_OUT_SHARE = 0.08
SPECIAL_PIECES = ("<s>", "<pad>", "</s>", "<unk>")  # ids 0 to 3, as LASER2 has them
PAD, EOS, UNK = 1, 2, 3

Group = dict[str, str]  # one sentence in several languages, by FLORES code, normalised


@dataclass(frozen=True)
class Settings:
    """What shapes the encoder; the defaults made the bundled one."""

    seed: int = 1
    vocabulary: int = 16_000
    width: int = 128  # numbers of a piece's vector; the encoder's dimension is four times as many
    steps: int = 2000
    groups_per_batch: int = 256
    peak_lr: float = 5e-3
    # A piece seen in few texts should weigh little: larger starts are worse on unseen text.
    initial_std: float = 0.02
    temperature: float = 0.05
    piece_dropout: float = 0.15


# --- text -----------------------------------------------------------------------------------


def read_tico19(folder: Path) -> list[Group]:
    """The 3,071 sentences, joined by line number: the files differ only in English quotes."""
    columns = {ENGLISH: _lines(folder / "tico19.en-km.en")}
    for language, code in TICO19.items():
        columns[language] = _lines(folder / f"tico19.en-{code}.{code}")
    groups = []
    for texts in zip(*columns.values(), strict=True):
        group = dict(zip(columns, texts, strict=True))
        copied = {lang for lang in TICO19 if group[lang] == group[ENGLISH]}
        groups.append({lang: text for lang, text in group.items() if text and lang not in copied})
    return groups


def read_talpco(folder: Path) -> list[Group]:
    """The 1,372 sentences, joined by their id."""
    groups: dict[str, Group] = {}
    for language, code in TALPCO.items():
        for line in _lines(folder / f"data_{code}.txt"):
            number, *columns = line.split("\t")
            groups.setdefault(number, {})[language] = " ".join(columns)
    return [group for group in groups.values() if ENGLISH in group]


def bundled_english() -> set[str]:
    """English sentences of the bundled corpus, normalised: the encoder must not have seen them."""
    folder = sample_dir()
    return {
        text
        for part in ("text", "eval")
        for text in normalise(_lines(folder / part / f"{ENGLISH}.txt"))
    }


def _lines(path: Path) -> list[str]:
    return [line.strip() for line in path.read_text(encoding="utf-8").split("\n")[:-1]]


def is_held_out(group: Group) -> bool:
    """Decided by the English text alone, so that a repeated sentence stays on one side."""
    digest = hashlib.sha256(group[ENGLISH].encode()).digest()
    return int.from_bytes(digest[:4], "big") < HELD_OUT_SHARE * 2**32


# --- variation: the same change in every language of a group --------------------------------

_CLAUSE_END = re.compile("(?<=[.,;:!?。，；：？！、។၊။])\\s*")
# Every decimal digit outside the supplementary planes: code point, code point of its zero, value.
_DIGITS = [
    (code, code - unicodedata.digit(chr(code)), unicodedata.digit(chr(code)))
    for code in range(0x10000)
    if unicodedata.category(chr(code)) == "Nd"
]


def change_digits(texts: list[str], rng: random.Random) -> list[str]:
    """Another number for each number, the same one in all texts; zeros stay."""
    order = [0, *rng.sample(range(1, 10), 9)]
    table = {code: chr(zero + order[value]) for code, zero, value in _DIGITS}
    return [text.translate(table) for text in texts]


def take_clauses(texts: list[str], rng: random.Random) -> list[str]:
    """The same run of clauses of each text, where all texts have equally many; else unchanged."""
    clauses = [[part for part in _CLAUSE_END.split(text) if part.strip()] for text in texts]
    count = len(clauses[0])
    if count < 2 or any(len(parts) != count for parts in clauses):
        return texts
    first = rng.randrange(count)
    last = rng.randrange(first + 1, count + 1)
    return [" ".join(parts[first:last]) for parts in clauses]


class Sampler:
    """Draws groups of one sentence in English and two other languages, varied at random."""

    def __init__(self, corpora: list[list[Group]], rng: random.Random) -> None:
        self.corpora = [[g for g in groups if len(g) >= 3] for groups in corpora]
        self.rng = rng

    def draw(self) -> list[str]:
        """One sentence in English and in two other languages."""
        rng = self.rng
        groups = rng.choice(self.corpora)
        group = rng.choice(groups)
        languages = [ENGLISH, *rng.sample([lang for lang in group if lang != ENGLISH], 2)]
        texts = [group[lang] for lang in languages]
        if rng.random() < 0.5:
            texts = take_clauses(texts, rng)
        if rng.random() < 0.2:
            other = rng.choice(groups)
            if all(lang in other for lang in languages):
                tail = take_clauses([other[lang] for lang in languages], rng)
                texts = [f"{a} {b}" for a, b in zip(texts, tail, strict=True)]
        if rng.random() < 0.5:
            texts = change_digits(texts, rng)
        return texts


# --- model ----------------------------------------------------------------------------------


def train_pieces(groups: list[Group], vocabulary: int) -> bytes:
    """A SentencePiece unigram model in which every language has about the same say."""
    by_language: dict[str, list[str]] = {}
    for group in groups:
        for language, text in group.items():
            by_language.setdefault(language, []).append(text)
    most = max(sum(map(len, texts)) for texts in by_language.values())
    balanced = []
    for texts in by_language.values():
        balanced += texts * max(1, round(0.5 * most / sum(map(len, texts))))
    written = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(balanced),
        model_writer=written,
        vocab_size=vocabulary,
        model_type="unigram",
        character_coverage=0.9998,
        num_threads=1,
        minloglevel=2,
        split_digits=True,
        max_sentence_length=100_000,
    )
    return written.getvalue()


def make_dictionary(pieces: sentencepiece.SentencePieceProcessor) -> dict[str, int]:
    """Piece to row of the embedding matrix, as LASER2's checkpoints store it."""
    names = [pieces.id_to_piece(i) for i in range(pieces.get_piece_size())]
    ordered = [*SPECIAL_PIECES, *(name for name in names if name not in SPECIAL_PIECES)]
    return {name: i for i, name in enumerate(ordered)}


class Ids:
    """Texts to ids, each time segmented differently and with other pieces left out."""

    def __init__(self, model: bytes, settings: Settings) -> None:
        self.model = model
        self.pieces = sentencepiece.SentencePieceProcessor(model_proto=model)
        self.dictionary = make_dictionary(self.pieces)
        self.settings = settings
        self.rng = np.random.default_rng(settings.seed)
        sentencepiece.set_random_generator_seed(settings.seed)

    def __call__(self, texts: list[str]) -> list[Tensor]:
        rows = []
        for pieces in self.pieces.encode(
            texts, out_type=str, num_threads=1, enable_sampling=True, alpha=0.2, nbest_size=-1
        ):
            ids = np.array([self.dictionary.get(piece, UNK) for piece in pieces], dtype=np.int64)
            if len(ids) > 2:
                ids = ids[self.rng.random(len(ids)) >= self.settings.piece_dropout]
            rows.append(torch.from_numpy(np.append(ids, EOS)))
        return rows


def contrast(a: Tensor, b: Tensor, temperature: float) -> Tensor:
    """InfoNCE both ways: each row of a must find its row of b among all rows, and the reverse."""
    similarity = a @ b.T / temperature
    own = torch.arange(len(a))
    return (cross_entropy(similarity, own) + cross_entropy(similarity.T, own)) / 2


def train(corpora: list[list[Group]], ids: Ids, settings: Settings) -> Tensor:
    """Vectors of all pieces, float32 [pieces, width], whose sums place translations together.

    Sums are compared as the finished encoder gives them: positive and negative parts apart.
    """
    torch.manual_seed(settings.seed)
    bag = nn.EmbeddingBag(len(ids.dictionary), settings.width, mode="sum")
    nn.init.normal_(bag.weight, std=settings.initial_std)
    sampler = Sampler(corpora, random.Random(settings.seed))
    optimizer = torch.optim.Adam(bag.parameters())
    for step in range(settings.steps):
        warm = min(1.0, (step + 1) / 50)
        cosine = 0.5 * (1 + math.cos(math.pi * step / settings.steps))
        optimizer.param_groups[0]["lr"] = settings.peak_lr * warm * cosine
        drawn = [sampler.draw() for _ in range(settings.groups_per_batch)]
        rows = ids([text for language in zip(*drawn, strict=True) for text in language])
        starts = torch.tensor([0, *(len(row) for row in rows[:-1])]).cumsum(0)
        sums = bag(torch.cat(rows), starts)
        first, second, third = normalize(torch.cat([sums.relu(), (-sums).relu()], dim=1)).chunk(3)
        t = settings.temperature
        loss = contrast(first, second, t) + contrast(first, third, t) + contrast(second, third, t)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        if step % 100 == 0:
            print(f"step {step} loss {loss.item() / 3:.3f}", file=sys.stderr, flush=True)
    return bag.weight.detach()


_OPEN = 8.0  # sigmoid(8) = 0.9997: a gate as good as open, and at -8 as good as shut
_SCALE = 2.0**-8  # keeps the sums of a text of 1,000 pieces where tanh is straight


def summing_lstm(vectors: Tensor) -> dict[str, Tensor]:
    """LASER2's one-layer network, by its checkpoint's names, that sums the vectors of the pieces.

    Forwards, units d and d + width add up number d of each piece and its negative; only </s>,
    known by an extra number of its own, opens their output gates, so the maximum over time is
    the positive part of each sum. Backwards, nothing is added.
    """
    num_pieces, width = vectors.shape
    hidden = 2 * width
    embedding = torch.zeros(num_pieces, width + 1)
    embedding[:, :width] = vectors
    embedding[PAD] = 0
    embedding[EOS, width] = 1
    blank = {
        "weight_ih_l0": torch.zeros(4, hidden, width + 1),  # gates: input, forget, cell, output
        "weight_hh_l0": torch.zeros(4, hidden, hidden),
        "bias_ih_l0": torch.zeros(4, hidden),
        "bias_hh_l0": torch.zeros(4, hidden),
    }
    ahead = {name: tensor.clone() for name, tensor in blank.items()}
    ahead["weight_ih_l0"][2, :width, :width] = _SCALE * torch.eye(width)
    ahead["weight_ih_l0"][2, width:, :width] = -_SCALE * torch.eye(width)
    ahead["weight_ih_l0"][3, :, width] = 2 * _OPEN
    ahead["bias_ih_l0"][:2] = _OPEN
    ahead["bias_ih_l0"][3] = -_OPEN
    weights = {"embed_tokens.weight": embedding}
    for directed, suffix in ((ahead, ""), (blank, "_reverse")):
        weights |= {f"lstm.{name}{suffix}": t.flatten(0, 1) for name, t in directed.items()}
    return {name: weight.half() for name, weight in weights.items()}


# --- evaluation -----------------------------------------------------------------------------


def retrieval_table(held_out: dict[str, list[Group]], encoder: Encoder) -> str:
    """Per corpus and language: how many sentences have another's English nearest, as markdown.

    Beside it the cosine that 5 % of the true pairs stay below, and 5 % of all others exceed.
    """
    rows = [
        "| held-out | language | sentences | retrieval error | own: 5 % | others: 95 % |",
        "|---|---|--:|--:|--:|--:|",
    ]
    for corpus, groups in held_out.items():
        for language in sorted({lang for g in groups for lang in g} - {ENGLISH}):
            pairs = [(g[ENGLISH], g[language]) for g in groups if language in g]
            english = encoder.encode([pair[0] for pair in pairs], normalise=True)
            foreign = encoder.encode([pair[1] for pair in pairs], normalise=True)
            cosine = foreign @ english.T
            nearest = cosine.argmax(axis=1).tolist()
            wrong = sum(pairs[i][0] != pairs[j][0] for i, j in enumerate(nearest))
            others = cosine[~np.eye(len(pairs), dtype=bool)]
            rows.append(
                f"| {corpus} | {language} | {len(pairs)} | {100 * wrong / len(pairs):.1f} % "
                f"| {np.quantile(cosine.diagonal(), 0.05):.2f} | {np.quantile(others, 0.95):.2f} |"
            )
    return "\n".join(rows)


def save(vectors: Tensor, ids: Ids, out: Path) -> None:
    """Write ``encoder.pt`` (half precision, LASER2's keys) and ``encoder.spm``."""
    num_pieces, width = vectors.shape
    params = {
        "num_embeddings": num_pieces,
        "padding_idx": PAD,
        "embed_dim": width + 1,
        "hidden_size": 2 * width,
        "num_layers": 1,
        "bidirectional": True,
        "left_pad": True,
        "padding_value": 0.0,
    }
    out.mkdir(parents=True, exist_ok=True)
    checkpoint = {"params": params, "model": summing_lstm(vectors), "dictionary": ids.dictionary}
    torch.save(checkpoint, out / "encoder.pt")
    (out / "encoder.spm").write_bytes(ids.model)


def main() -> None:
    """Train, write the encoder's two files, print how well it finds held-out translations."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, help="folder that holds tico19/ and talpco/")
    parser.add_argument("out", type=Path, help="folder to write the encoder to")
    parser.add_argument("--steps", type=int, default=Settings.steps)
    args = parser.parse_args()
    settings = Settings(steps=args.steps)
    torch.set_num_threads(1)
    corpora = {
        "TICO-19": read_tico19(args.data / "tico19"),
        "TALPCo": read_talpco(args.data / "talpco"),
    }
    bundled = bundled_english()
    seen, held_out = {}, {}
    for name, groups in corpora.items():
        plain = [dict(zip(g, normalise(list(g.values())), strict=True)) for g in groups]
        plain = [g for g in plain if g[ENGLISH] not in bundled]
        seen[name] = [g for g in plain if not is_held_out(g)]
        held_out[name] = [g for g in plain if is_held_out(g)]
    pieces = train_pieces([g for groups in seen.values() for g in groups], settings.vocabulary)
    ids = Ids(pieces, settings)
    save(train(list(seen.values()), ids, settings), ids, args.out)
    encoder = load_encoder(args.out / "encoder.pt", args.out / "encoder.spm")
    print(retrieval_table(held_out, encoder))


if __name__ == "__main__":
    main()

"""Corpora of made-up words that translate one by one, in any script."""

import numpy as np

WORDS = 300
LETTERS = {
    "Latn": "abdefghiklmnoprstu",
    "Thai": "กขคงจชซดตทนบปผพมยรลวสหอ",
    "Mymr": "ကခဂငစဆဇညတထဒနပဖဗမယရလဝသဟ",
    "Hans": "天地人山水火木金土日月星风雨雷电花草鸟鱼虫石田禾竹米衣车门马",
}


def made_up(script: str, num_pairs: int, seed: int = 1) -> tuple[list[str], list[str]]:
    """English of four to fourteen words, and a word for each of them in another order."""
    random = np.random.RandomState(seed)
    words = {name: _words(name, np.random.RandomState(7)) for name in {"Latn", script}}
    english = [word + "y" for word in words["Latn"]]
    other = words[script]
    space = " " if script == "Latn" else ""
    src, tgt = [], []
    # Few words are frequent and many rare, as in any language.
    odds = 1 / np.arange(3, WORDS + 3)
    for _ in range(num_pairs):
        ids = random.choice(WORDS, random.randint(4, 15), p=odds / odds.sum())
        src.append(" ".join(english[i] for i in ids) + ".")
        tgt.append(space.join(other[i] for i in random.permutation(ids)))
    return src, tgt


def _words(script: str, random: np.random.RandomState) -> list[str]:
    letters, length = list(LETTERS[script]), 2 if script == "Hans" else 5
    return ["".join(random.choice(letters, length)) for _ in range(WORDS)]

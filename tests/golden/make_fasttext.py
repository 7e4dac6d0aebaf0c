"""Trains small fastText classifiers of every kind: ``python make_fasttext.py`` where fasttext is.

Any Python with fasttext-wheel 0.9.2 does. Their losses, n-grams and matrices differ in all that a
reader of fastText's files has to know; what they say of a text means nothing.
"""

import random
from pathlib import Path
from tempfile import TemporaryDirectory

import fasttext

HERE = Path(__file__).parent
TEXT = HERE.parents[1] / "sealdata" / "sample" / "text"
LANGS = ["eng", "ind", "jav", "khm", "lao", "mya", "tam", "tha", "vie", "zho"]
KINDS = {
    "hs.bin": {"loss": "hs", "minn": 2, "maxn": 4},
    "softmax.bin": {"loss": "softmax", "minn": 1, "maxn": 3, "wordNgrams": 2},
    "words.bin": {"loss": "softmax", "minn": 0, "maxn": 0},
    "ova.bin": {"loss": "ova", "minn": 0, "maxn": 0, "wordNgrams": 3},
}
QUANTISED = {
    "pruned.ftz": {"loss": "hs", "minn": 2, "maxn": 4, "dim": 5},
    "outputs.ftz": {"loss": "softmax", "minn": 3, "maxn": 3, "dim": 4},
}


def main() -> None:
    """Write the models."""
    lines = []
    for lang in LANGS:
        [path] = TEXT.glob(f"{lang}_*.txt")
        lines += [(path.stem, line) for line in path.read_text("utf-8").splitlines()[:60] if line]
    random.Random(1).shuffle(lines)
    folder = HERE / "fasttext"
    folder.mkdir(exist_ok=True)
    with TemporaryDirectory() as temporary:
        plain, many = Path(temporary) / "plain", Path(temporary) / "many"
        plain.write_text("".join(f"__label__{lang} {line}\n" for lang, line in lines), "utf-8")
        # quantised outputs need 256 labels at least
        many.write_text(
            "".join(f"__label__{n % 300:03d} {line}\n" for n, (_, line) in enumerate(lines)),
            "utf-8",
        )
        common = {"thread": 1, "verbose": 0, "epoch": 20, "lr": 0.5, "minCount": 3}
        for name, options in KINDS.items():
            sizes = {"dim": 4, "bucket": 200 if options["maxn"] or "wordNgrams" in options else 0}
            model = fasttext.train_supervised(str(plain), **common, **sizes, **options)
            model.save_model(str(folder / name))
        for name, options in QUANTISED.items():
            outputs = name == "outputs.ftz"
            text = str(many if outputs else plain)
            model = fasttext.train_supervised(text, **common, bucket=2000, **options)
            model.quantize(text, cutoff=600, qnorm=not outputs, qout=outputs, dsub=2)
            model.save_model(str(folder / name))


if __name__ == "__main__":
    main()

"""Text for the tiny experiments: English for the base model, and pairs it has not seen."""

import gzip
import json
import shutil
from pathlib import Path

import sealdata
from sealdata.errors import DataError

BLOCK = 8  # neighbouring lines of TICO-19: one English document, or eight pairs
PAIRED = 4  # every fourth block becomes pairs; English for the base model is what there is least of
CODES = ("id", "km", "ms", "my", "ta", "tl", "zh")


def write_text(data: Path, out: Path) -> None:
    """TICO-19 parted by blocks of lines, so that both parts have its domains and share no line.

    `out` then holds `english.jsonl`, the English side of three blocks of four and the bundled
    English documents, which the base model is made of and replay reads; `tico19.en-XX.*`, the
    pairs of the fourth; and TALPCo as it is.

    Raises:
        DataError: `data` lacks a file.
    """
    missing = [f for f in _files(data) if not f.is_file()]
    if missing:
        raise DataError(f"no {missing[0]}: give the folder that holds tico19/ and talpco/")
    out.mkdir(parents=True, exist_ok=True)
    for code in CODES:
        for side in ("en", code):
            lines = _lines(data / "tico19" / f"tico19.en-{code}.{side}")
            kept = [line for number, line in enumerate(lines) if _paired(number // BLOCK)]
            (out / f"tico19.en-{code}.{side}").write_text("\n".join(kept) + "\n", "utf-8")
    english = _lines(data / "tico19" / f"tico19.en-{CODES[0]}.en")
    starts = [i for i in range(0, len(english), BLOCK) if not _paired(i // BLOCK)]
    blocks = [" ".join(english[i : i + BLOCK]) for i in starts]
    with gzip.open(
        Path(sealdata.__file__).parent / "sample" / "corpus/replay-english.jsonl.gz"
    ) as f:
        bundled = [json.loads(line)["text"] for line in f]
    records = [json.dumps({"text": text}, ensure_ascii=False) for text in bundled + blocks]
    (out / "english.jsonl").write_text("\n".join(records) + "\n", "utf-8")
    for path in (data / "talpco").glob("data_*.txt"):
        shutil.copyfile(path, out / path.name)


def _paired(block: int) -> bool:
    return block % PAIRED == PAIRED - 1


def _files(data: Path) -> list[Path]:
    moses = [data / "tico19" / f"tico19.en-{c}.{side}" for c in CODES for side in ("en", c)]
    codes = ("eng", "ind", "jav", "myn", "tha", "vie", "zsm")
    return moses + [data / "talpco" / f"data_{code}.txt" for code in codes]


def _lines(path: Path) -> list[str]:
    return path.read_text("utf-8").split("\n")[:-1]

"""A small finished build, made up: pairs, ledger and manifest that tie, in three languages."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from sealdata.build_manifest import BuildManifest, pair_name
from sealdata.files.frames import write_frame
from sealdata.pairs import conform

ENGLISH = [
    "Heavy rain closed {n} roads near the river this morning.",
    "The clinic opens at 8 o'clock and {n} patients are waiting.",
    "My sister bought {n} mangoes at the market.",
    "The court will decide on {n} cases before Friday.",
    "Please wash your hands before you eat.",
]
TEXTS = {
    "tha_Thai": [
        "ฝนตกหนักทำให้ต้องปิดถนน {n} สายใกล้แม่น้ำเมื่อเช้านี้",
        "คลินิกเปิดเวลา 8 นาฬิกา และมีผู้ป่วยรออยู่ {n} คน",
        "พี่สาวของฉันซื้อมะม่วง {n} ลูกที่ตลาด",
        "ศาลจะตัดสินคดี {n} คดีก่อนวันศุกร์",
        "กรุณาล้างมือก่อนรับประทานอาหาร",
    ],
    "mya_Mymr": [
        "မိုးသည်းထန်စွာ ရွာသွန်းမှုကြောင့် ယနေ့နံနက်တွင် မြစ်အနီးရှိ လမ်း {n} လမ်း ပိတ်ခဲ့ရသည်။",
        "ဆေးခန်းသည် ၈ နာရီတွင် ဖွင့်ပြီး လူနာ {n} ဦး စောင့်ဆိုင်းနေသည်။",
        "ကျွန်တော့်အစ်မသည် ဈေးမှ သရက်သီး {n} လုံး ဝယ်ခဲ့သည်။",
        "တရားရုံးသည် သောကြာနေ့မတိုင်မီ အမှု {n} ခုကို ဆုံးဖြတ်မည်။",
        "အစားမစားမီ လက်ဆေးပါ။",
    ],
    "jav_Latn": [
        "Udan deres njalari {n} dalan ing cedhak kali ditutup esuk iki.",
        "Klinik dibukak jam 8 lan ana {n} pasien sing ngenteni.",
        "Mbakyuku tuku pelem {n} iji ing pasar.",
        "Pengadilan bakal mutusake {n} perkara sadurunge dina Jemuwah.",
        "Mangga wisuh tangan sadurunge mangan.",
    ],
}
EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(2)> & \"quotes\" 'too'"

RULES: list[dict[str, Any]] = [
    {"reason": "too_short", "score": "length.src_chars", "min": 5.0},
    {
        "reason": "length_ratio",
        "score": "ratio.chars",
        "max": 2.5,
        "languages": {"mya_Mymr": {"max": 3.5}, "tha_Thai": {"off": True}},
    },
    {"reason": "wrong_language", "score": "lid.tgt_prob", "min": 0.5},
    {"reason": "low_similarity", "score": "laser.cosine", "min": 0.6},
]


def _scored(lang: str, texts: list[str], rows: int) -> pl.DataFrame:
    """Pairs with scores that sweep their ranges; English of row 7 is hostile."""
    numbers = range(rows)
    frame = pl.DataFrame(
        {
            "source": [f"{lang[:3]}-web"] * rows,
            "row": list(numbers),
            "src": [EVIL if i == 7 else ENGLISH[i % len(ENGLISH)].format(n=i + 2) for i in numbers],
            "tgt": [texts[i % len(texts)].format(n=i + 2) for i in numbers],
        }
    )
    pairs = conform(frame.with_columns(src_lang=pl.lit("eng_Latn"), tgt_lang=pl.lit(lang)))
    src, tgt = pl.col("src").str.len_chars(), pl.col("tgt").str.len_chars()
    return pairs.with_columns(
        src.alias("length.src_chars"),
        (pl.max_horizontal(src, tgt) / pl.min_horizontal(src, tgt))
        .cast(pl.Float32)
        .alias("ratio.chars"),
        pl.Series("lid.tgt_prob", [1 - (i % 10) ** 2 / 90 for i in numbers], pl.Float32),
        pl.Series("lid.tgt_label", ["th" if i % 10 < 7 else "lo" for i in numbers]),
        pl.Series(
            "laser.cosine", [0.45 + 0.5 * ((i * 37) % rows) / rows for i in numbers], pl.Float32
        ),
    )


def _judged(frame: pl.DataFrame) -> pl.DataFrame:
    """The last pair is a duplicate; language ID and similarity drop the rest of the losses."""
    row = pl.int_range(pl.len())
    duplicate = row == pl.len() - 1
    wrong = ~duplicate & (pl.col("lid.tgt_prob") < 0.5)
    distant = ~duplicate & ~wrong & (pl.col("laser.cosine") < 0.6)
    reasons = [
        pl.when(failed).then(pl.lit(reason))
        for failed, reason in (
            (duplicate, "duplicate"),
            (wrong, "wrong_language"),
            (distant, "low_similarity"),
        )
    ]
    return frame.with_columns(
        stage=pl.when(duplicate)
        .then(pl.lit("dedup"))
        .when(wrong)
        .then(pl.lit("lid"))
        .when(distant)
        .then(pl.lit("similarity")),
        reason=pl.coalesce(*reasons),
        reasons=pl.concat_list(*reasons).list.drop_nulls(),
        **{
            "lid.tgt_prob": pl.when(~duplicate).then(pl.col("lid.tgt_prob")),
            "laser.cosine": pl.when(~duplicate & ~wrong).then(pl.col("laser.cosine")),
        },
    )


def _rejected(lang: str, ledger: pl.DataFrame) -> pl.DataFrame:
    """One record that could not be read, with languages and texts null as ingest leaves them."""
    expected = {
        "source": f"{lang[:3]}-web",
        "row": 10_000,
        "stage": "ingest",
        "reason": "bad_columns",
        "reasons": ["bad_columns"],
        "raw": "only one column <b>here</b>",
    }
    columns = {name: [expected.get(name)] for name in ledger.columns}
    return pl.DataFrame(columns, schema=ledger.schema)


def _write_language(out: Path, lang: str, frame: pl.DataFrame) -> dict[str, Any]:
    judged = _judged(frame)
    kept = judged.filter(pl.col("reason").is_null()).drop("stage", "reason", "reasons")
    splits = {"validation": kept.head(3), "train": kept.tail(-3)}
    for split, rows in splits.items():
        path = out / "pairs" / pair_name(lang) / f"{split}-00000.parquet"
        write_frame(rows.with_columns(split=pl.lit(split)), path)
    ledger = judged.filter(pl.col("reason").is_not_null())
    ledger = ledger.with_columns(raw=pl.lit(None, pl.String))
    ledger = pl.concat([ledger, _rejected(lang, ledger)])
    write_frame(ledger, out / "dropped" / pair_name(lang) / "part-00000.parquet")
    dropped: dict[str, dict[str, int]] = {}
    counts = ledger.group_by("stage", "reason").len().sort("stage", "reason")
    for stage, reason, count in counts.rows():
        dropped.setdefault(stage, {})[reason] = count
    return {
        "source": f"{lang[:3]}-web",
        "lang": lang,
        "records": frame.height + 1,
        "dropped": dropped,
        "train": splits["train"].height,
        "validation": splits["validation"].height,
    }


def _source(lang: str) -> dict[str, Any]:
    return {
        "name": f"{lang[:3]}-web",
        "reader": "tsv",
        "path": f"sample:{lang}.tsv.gz",
        "src_lang": "eng_Latn",
        "tgt_lang": lang,
        "card": "sealdata-sample-corpus",
        "files": [{"name": f"{lang}.tsv.gz", "size": 12_345, "sha256": "ab" * 32}],
    }


def _failures(funnel: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """All and sole failures; two Thai pairs fail on both language ID and similarity."""
    rows = []
    for row in funnel:
        for stage, reasons in row["dropped"].items():
            for reason, count in reasons.items():
                more = 2 if (row["lang"], reason) == ("tha_Thai", "low_similarity") else 0
                if stage != "ingest":
                    rows.append(
                        {
                            "lang": row["lang"],
                            "reason": reason,
                            "first": count,
                            "any": count + more,
                            "only": count,
                        }
                    )
    return rows


def make_build(out: Path, texts: dict[str, list[str]], rows: int) -> BuildManifest:
    """Write ``rows`` pairs per language under ``out``; returns the manifest of such a build."""
    funnel = [
        _write_language(out, lang, _scored(lang, lang_row, rows))
        for lang, lang_row in texts.items()
    ]
    table = {
        "name": "made-up",
        "sealdata": "0.1.0",
        "build_key": "0123456789abcdef",
        "recipe": {
            "name": "made-up",
            "rule": RULES,
            "card": {"pretty_name": "Made up", "license": "", "summary": "", "authors": ["Ann O."]},
        },
        "versions": {"polars": "2.1.0", "torch": "2.13.0"},
        "models": [
            {
                "use": "language ID",
                "name": "lid.176.ftz",
                "sha256": "cd" * 32,
                "licence": "CC BY-SA 3.0",
            },
            {
                "use": "similarity",
                "name": "sample encoder",
                "sha256": "ef" * 32,
                "licence": "CC0 1.0",
                "demonstration": True,
                "note": "Trained on 4,000 sentences.",
            },
        ],
        "sources": [_source(lang) for lang in texts],
        "funnel": funnel,
        "failures": _failures(funnel),
        "cleaning": [
            {
                "source": row["source"],
                "step": "html",
                "changed": 4,
                "examples": [
                    ["Tom &amp; Jerry", "Tom & Jerry"],
                    ["a\u200bb <script>x</script>", "ab <script>x</script>"],
                ],
            }
            for row in funnel
        ],
        "streams": [
            {
                "path": f"shards/train/parallel/eng_Latn-{lang}",
                "split": "train",
                "kind": "parallel",
                "name": f"eng_Latn-{lang}",
                "languages": ["eng_Latn", lang],
                "num_documents": 900,
                "num_tokens": 65_536,
                "num_padding": 1_024,
                "num_sequences": 256,
            }
            for lang in texts
        ],
        "fertility": [
            {
                "tokenizer": "bpe",
                "lang": lang,
                "num_pairs": rows,
                "bytes_per_token": 2.5 + number,
                "tokens_per_char": 0.4,
                "parity": 1.75,
            }
            for number, lang in enumerate(("eng_Latn", *texts))
        ],
    }
    return BuildManifest.model_validate(table)


def move(control: Any, stop: int) -> None:
    """Put a slider of the page at one of its stops."""
    control.evaluate(
        "(input, stop) => { input.value = stop; "
        "input.dispatchEvent(new Event('input', {bubbles: true})); }",
        stop,
    )


@pytest.fixture
def build(tmp_path: Path) -> tuple[Path, BuildManifest]:
    """A build of three languages with 70 pairs each, and its manifest."""
    out = tmp_path / "out"
    return out, make_build(out, TEXTS, 70)

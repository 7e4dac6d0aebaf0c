"""The pair frame: one row per sentence pair, with provenance, in a fixed schema."""

import polars as pl

PAIR_SCHEMA: dict[str, pl.DataType] = {
    "source": pl.String(),  # name of the recipe's source
    "row": pl.UInt64(),  # 0-based data record in its file
    "src_lang": pl.String(),  # FLORES-200; eng_Latn wherever English is one side
    "tgt_lang": pl.String(),
    "src": pl.String(),
    "tgt": pl.String(),
    "stored_margin": pl.Float32(),  # the corpus's own ratio margin (NLLB, CCMatrix)
    "stored_src_lid": pl.Float32(),  # the corpus's own language-ID probability, clamped to [0, 1]
    "stored_tgt_lid": pl.Float32(),
    "src_corpus": pl.String(),
    "tgt_corpus": pl.String(),
    "src_url": pl.String(),
    "tgt_url": pl.String(),
}

DOCUMENT_SCHEMA: dict[str, pl.DataType] = {
    "source": pl.String(),
    "row": pl.UInt64(),
    "lang": pl.String(),
    "text": pl.String(),
}

REJECT_SCHEMA: dict[str, pl.DataType] = {
    "source": pl.String(),
    "row": pl.UInt64(),
    "reason": pl.String(),
    "raw": pl.String(),  # the record as read, undecodable bytes as U+FFFD, cut to 2,000 characters
}


def make_pairs(
    rows: list[tuple[str, str]], src_lang: str = "eng_Latn", tgt_lang: str = "ind_Latn"
) -> pl.DataFrame:
    """A pair frame of (src, tgt) texts with empty provenance: for tests and small inputs."""
    texts = pl.DataFrame(rows, schema={"src": pl.String, "tgt": pl.String}, orient="row")
    return conform(
        texts.with_columns(
            source=pl.lit("memory"),
            row=pl.int_range(pl.len(), dtype=pl.UInt64),
            src_lang=pl.lit(src_lang),
            tgt_lang=pl.lit(tgt_lang),
        )
    )


def conform(frame: pl.DataFrame) -> pl.DataFrame:
    """``frame`` with exactly the columns of PAIR_SCHEMA, in order; absent ones become null."""
    columns = [
        pl.col(name).cast(dtype) if name in frame.columns else pl.lit(None, dtype).alias(name)
        for name, dtype in PAIR_SCHEMA.items()
    ]
    return frame.select(columns)


def english_first(frame: pl.DataFrame) -> pl.DataFrame:
    """``frame`` with English as ``src``: where it is ``tgt``, all src_/tgt_ columns swap."""
    swap = pl.col("tgt_lang") == "eng_Latn"
    swapped = []
    for name in frame.columns:
        other = name.replace("src", "tgt") if "src" in name else name.replace("tgt", "src")
        if other == name or other not in frame.columns:
            continue
        swapped.append(pl.when(swap).then(pl.col(other)).otherwise(pl.col(name)).alias(name))
    return frame.with_columns(swapped)

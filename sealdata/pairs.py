"""The pair frame: one row per sentence pair, with provenance, in a fixed schema."""

import polars as pl

PAIR_SCHEMA: dict[str, pl.DataType] = {
    "source": pl.String(),  # name of the recipe's source
    "row": pl.UInt64(),  # 0-based data record in its file
    "src_lang": pl.String(),  # FLORES-200; eng_Latn wherever English is one side
    "tgt_lang": pl.String(),  # the language that is not English
    "src": pl.String(),  # text of the English side
    "tgt": pl.String(),  # text of the other side
    "stored_margin": pl.Float32(),  # the corpus's own ratio margin (NLLB, CCMatrix)
    "stored_src_lid": pl.Float32(),  # the corpus's own language-ID probability, clamped to [0, 1]
    "stored_tgt_lid": pl.Float32(),  # the same of the other side
    "src_corpus": pl.String(),  # corpus the English side came from, as the file names it
    "tgt_corpus": pl.String(),  # the same of the other side
    "src_url": pl.String(),  # address of the page the English side came from
    "tgt_url": pl.String(),  # the same of the other side
    "document": pl.String(),  # page, chapter or film that the pair is from, as the corpus names it
    "translation": pl.String(),  # who translated: human, machine or unknown; null: not said
}

# The translator of one side. "unknown" is a statement, null is none.
TRANSLATIONS = ("human", "machine", "unknown")

DOCUMENT_SCHEMA: dict[str, pl.DataType] = {
    "source": pl.String(),  # name of the recipe's stream
    "row": pl.UInt64(),  # 0-based record in its file
    "lang": pl.String(),  # FLORES-200 code
    "text": pl.String(),  # the document
}

REJECT_SCHEMA: dict[str, pl.DataType] = {
    "source": pl.String(),  # name of the recipe's source or stream
    "row": pl.UInt64(),  # 0-based record in its file
    "reason": pl.String(),  # why the record is rejected
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

"""Text that must leave no trace: of pairs that a takedown list names, or that have personal data.

The ledger keeps such a pair by source, row and hash. All that is made of the ledger, such as the
report, exports and annotation sheets, therefore has no text of it either.
"""

from dataclasses import asdict, dataclass
from typing import Any

import polars as pl
import polars_hash as plh

from sealdata.files.records import stage_key
from sealdata.stages.exclude import EXCLUDED
from sealdata.stages.takedowns import Takedowns
from sealdata.text.pii import KINDS

TEXT_HASH = "text_hash"
# An address of a page may name a person, and so may the name of a document.
_TEXTS = ("src", "tgt", "src_url", "tgt_url", "document", "raw")
_PERSONAL = "|".join(f"(?:{pattern})" for pattern in KINDS.values())


@dataclass(frozen=True)
class Withheld:
    """Whose text is withheld in a build or an audit."""

    reasons: tuple[str, ...] = ()  # of rules on personal data
    takedowns: Takedowns | None = None
    personal: bool = False  # the recipe drops or masks personal data

    @property
    def anything(self) -> bool:
        """Whether any text may be withheld: then no record is shown that nothing has judged."""
        return self.personal or self.takedowns is not None

    def params(self) -> list[Any]:
        """All that can change what is withheld."""
        lists = stage_key("takedowns", 1, asdict(self.takedowns), []) if self.takedowns else None
        return [list(self.reasons), lists, self.personal]

    def pairs(self, dropped: pl.DataFrame) -> pl.DataFrame:
        """``dropped`` (with ``stage`` and ``reasons``) without the text of withheld pairs, and with
        ``text_hash``: SHA-256 of both sides with a NUL between them, null for other pairs."""
        named = pl.col("reasons").list.eval(pl.element().is_in(list(self.reasons))).list.any()
        hidden = dropped.select(
            hidden=(
                ((pl.col("stage") == "exclude") & (pl.col("reason") == EXCLUDED)) | named
            ).fill_null(False)
        )["hidden"]
        digest = plh.concat_str(pl.col("src", "tgt"), separator="\0", ignore_nulls=True)
        texts = [name for name in _TEXTS if name in dropped.columns]
        return dropped.with_columns(
            pl.when(hidden).then(digest.chash.sha2_256()).alias(TEXT_HASH),
            *(pl.when(~hidden).then(pl.col(name)).alias(name) for name in texts),
        )

    def records(self, rejected: pl.DataFrame) -> pl.DataFrame:
        """Records that could not be read, the same: no stage has judged them, so their text is."""
        hidden = pl.lit(False)
        if self.takedowns is not None:
            named = pl.DataFrame(
                list(self.takedowns.rows),
                schema={"source": pl.String, "row": pl.UInt64},
                orient="row",
            ).with_columns(named=True)
            rejected = rejected.join(named, on=["source", "row"], how="left", maintain_order="left")
            hidden = pl.col("named").fill_null(False)
            for entries in (self.takedowns.urls, self.takedowns.domains):
                if entries:
                    lower = pl.col("raw").str.to_lowercase()
                    hidden = hidden | lower.str.contains_any([e.lower() for e in entries])
        if self.personal:
            hidden = hidden | self.is_personal(pl.col("raw"))
        hidden = hidden.fill_null(False)
        digest = plh.col("raw").chash.sha2_256()
        return rejected.with_columns(
            pl.when(hidden).then(digest).alias(TEXT_HASH),
            pl.when(~hidden).then(pl.col("raw")).alias("raw"),
        ).drop("named", strict=False)

    def is_personal(self, text: pl.Expr) -> pl.Expr:
        """Whether a text has the form of personal data, in a recipe that is about it."""
        return text.str.contains(_PERSONAL) if self.personal else pl.lit(False)


def has_personal(text: str) -> bool:
    """Whether a text has the form of personal data."""
    return bool(pl.Series([text]).str.contains(_PERSONAL).item())


NOTHING = Withheld()

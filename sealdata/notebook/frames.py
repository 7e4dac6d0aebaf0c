"""Data frames of other libraries, as the pair frame that scorers and rules read."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import polars as pl

from sealdata.errors import ConfigError
from sealdata.languages import ENGLISH, resolve
from sealdata.pairs import conform

TRANSLATION = "translation"  # the column of `datasets` with a text for each language


class Pairs(NamedTuple):
    """A frame of the user, and the same rows as pairs."""

    frame: pl.DataFrame
    pairs: pl.DataFrame  # PAIR_SCHEMA, English as `src`; only the rows of `complete`
    complete: pl.Series  # bool per row of `frame`: both sides are there
    lang: str  # the language that is not English, as a FLORES-200 code

    def with_columns(self, columns: pl.DataFrame) -> pl.DataFrame:
        """``frame`` with ``columns``, which have a row for each pair; null for other rows.

        Raises:
            ConfigError: ``frame`` has a column of the same name.
        """
        if taken := [name for name in columns.columns if name in self.frame.columns]:
            raise ConfigError(f"the frame already has a column {taken[0]!r}; drop or rename it")
        if not self.complete.all():
            rows = pl.DataFrame({"row": self.complete.arg_true()}).hstack(columns)
            every = pl.DataFrame(
                {"row": pl.int_range(self.frame.height, dtype=pl.UInt32, eager=True)}
            )
            columns = every.join(rows, on="row", how="left", maintain_order="left").drop("row")
        return self.frame.hstack(columns)


def to_polars(data: Any) -> pl.DataFrame:
    """``data`` as a polars frame with the same columns and rows.

    ``data`` is a frame of polars (lazy frames are collected) or pandas, a ``pyarrow.Table``, a
    ``datasets.Dataset``, or a mapping or list of rows that ``polars.DataFrame`` takes.

    Raises:
        ConfigError: it is none of them.
    """
    if isinstance(data, pl.DataFrame):
        return data
    if isinstance(data, pl.LazyFrame):
        return data.collect()
    module = type(data).__module__.partition(".")[0]
    if module == "datasets":
        data = _table(data)
    if module in ("datasets", "pandas", "pyarrow"):
        frame = pl.from_pandas(data) if module == "pandas" else pl.from_arrow(data)
        if isinstance(frame, pl.DataFrame):  # a column by itself is a Series
            return frame
    elif isinstance(data, Mapping | list):
        return pl.DataFrame(data)
    raise _unknown(data)


def _table(data: Any) -> Any:
    """The Arrow table of a ``datasets.Dataset``."""
    if isinstance(data, Mapping):
        raise ConfigError(f"a DatasetDict has several splits; give one of them: {', '.join(data)}")
    if not hasattr(data, "num_rows"):
        raise ConfigError(
            "the rows of a streamed dataset are not at hand; load it without streaming=True, or "
            "give list(data.take(1000))"
        )
    # A selection or shuffle of a Dataset is a list of row numbers; only reading applies it.
    return data.with_format("arrow")[:]


def _unknown(data: Any) -> ConfigError:
    return ConfigError(
        f"cannot read pairs from {type(data).__module__}.{type(data).__name__}; give a frame of "
        "polars or pandas, a pyarrow.Table, or a datasets.Dataset"
    )


def to_pairs(data: Any, src: str, tgt: str, src_lang: str, tgt_lang: str) -> Pairs:
    """The texts of the columns ``src`` and ``tgt`` as pairs in two languages, one of them English.

    A column ``translation`` of structs, as translation datasets have, stands for both columns where
    the frame lacks them: the fields are found by their language.

    Raises:
        ConfigError: a column is absent or is not text, a language is unknown, or neither or both
            languages are English.
    """
    frame = to_polars(data)
    codes = (resolve(src_lang).code, resolve(tgt_lang).code)
    if codes.count(ENGLISH) != 1:
        raise ConfigError(f"one of the two languages must be English, not {' and '.join(codes)}")
    texts = _texts(frame, (src, tgt), codes)
    complete = texts.select(pl.all_horizontal(pl.all().is_not_null())).to_series()
    swapped = codes[1] == ENGLISH
    pairs = texts.select(
        src=texts.columns[swapped],
        tgt=texts.columns[not swapped],
        src_lang=pl.lit(ENGLISH),
        tgt_lang=pl.lit(codes[not swapped]),
        source=pl.lit("memory"),
        row=pl.int_range(pl.len(), dtype=pl.UInt64),
    )
    return Pairs(frame, conform(pairs.filter(complete)), complete, codes[not swapped])


def _texts(frame: pl.DataFrame, names: tuple[str, str], codes: tuple[str, str]) -> pl.DataFrame:
    """Two String columns: the sides in the order of ``names``."""
    if names[0] == names[1]:
        raise ConfigError(f"both sides are the column {names[0]!r}; name two columns")
    missing = [name for name in names if name not in frame.columns]
    if not missing:
        sides = frame.select(names)
    elif isinstance(frame.schema.get(TRANSLATION), pl.Struct):
        sides = _translations(frame[TRANSLATION], codes)
    else:
        raise ConfigError(
            f"no column {missing[0]!r}; the frame has {', '.join(frame.columns) or 'no columns'}: "
            "name the columns of the texts with src= and tgt="
        )
    for name, dtype in sides.schema.items():
        if dtype not in (pl.String, pl.Null, pl.Categorical):
            raise ConfigError(f"column {name!r} is not text, but {dtype}")
    return sides.cast(pl.String)


def _translations(column: pl.Series, codes: tuple[str, str]) -> pl.DataFrame:
    fields = column.struct.unnest()
    by_code = {resolve(name).code: name for name in fields.columns if _is_language(name)}
    if missing := [code for code in codes if code not in by_code]:
        raise ConfigError(
            f"column {TRANSLATION!r} has no {missing[0]}; its languages are "
            f"{', '.join(fields.columns)}"
        )
    return fields.select(by_code[code] for code in codes)


def _is_language(name: str) -> bool:
    try:
        resolve(name)
    except ConfigError:
        return False
    return True

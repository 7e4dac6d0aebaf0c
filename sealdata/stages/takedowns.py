"""Lists of what must not be in a dataset: rows of sources, web addresses, whole domains."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from sealdata.errors import ConfigError
from sealdata.readers._open import read_text

# An address with or without a scheme, as crawls write them: its host, and its path with the query.
# Scheme, user, "www.", port, last slash and fragment do not say whose page it is, nor which.
_ADDRESS = (
    r"(?is)^\s*(?:(?:[a-z][a-z0-9+.-]*:)?//)?(?:[^/@?#]*@)?"
    r"(?P<host>[^/:?#]*)(?::[0-9]*)?(?P<rest>.*?)/?(?:#.*)?\s*$"
)


@dataclass(frozen=True)
class Takedowns:
    """The entries of all lists together, sorted: their order in the lists does not matter."""

    rows: tuple[tuple[str, int], ...]  # (source, row)
    urls: tuple[str, ...]  # as ``page`` returns them
    domains: tuple[str, ...]  # in lower case; each stands for its subdomains too

    def flags(self, pairs: pl.DataFrame) -> pl.DataFrame:
        """Bool columns ``row``, ``url`` and ``domain``: an entry of that kind names the pair.

        ``pairs`` needs ``source``, ``row``, ``src_url`` and ``tgt_url``. An address of either side
        is enough.
        """
        return pl.DataFrame(
            {
                "row": self._rows(pairs),
                "url": _either(pairs, self._url),
                "domain": _either(pairs, self._domain),
            }
        )

    def _rows(self, pairs: pl.DataFrame) -> pl.Series:
        # The schema is given, because an empty list has no types of its own.
        listed = pl.DataFrame(
            list(self.rows), schema={"source": pl.String, "row": pl.UInt64}, orient="row"
        )
        indexed = pairs.select("source", "row").with_row_index("at")
        # A semi-join is linear in the rows, also for lists of millions of entries.
        matches = indexed.join(listed, on=["source", "row"], how="semi")["at"]
        return pl.int_range(pairs.height, dtype=pl.UInt32, eager=True).is_in(matches.implode())

    def _url(self, urls: pl.Series) -> pl.Series:
        # The entries were brought to the same form when the list was read.
        return page(urls).is_in(pl.Series(self.urls, dtype=pl.String).implode())

    def _domain(self, urls: pl.Series) -> pl.Series:
        hosts = urls.str.extract_groups(_ADDRESS).struct.field("host")
        listed = frozenset(self.domains)
        # A host has many rows of a part, so Python looks at each host once.
        matches = [host for host in hosts.unique().drop_nulls() if listed & set(_domains(host))]
        return hosts.is_in(pl.Series(matches, dtype=pl.String).implode())


def page(urls: pl.Series) -> pl.Series:
    """Web addresses in a form that is equal for all addresses of a page; null stays null."""
    parts = urls.str.extract_groups(_ADDRESS).struct
    hosts = parts.field("host")
    # A host has many addresses, so Python brings each host to its form once.
    names = {host: _ascii(host).removeprefix("www.") for host in hosts.unique().drop_nulls()}
    # The path keeps its case and its query: servers may distinguish both.
    return hosts.replace_strict(names, default=None, return_dtype=pl.String) + parts.field("rest")


def _either(pairs: pl.DataFrame, listed: Callable[[pl.Series], pl.Series]) -> pl.Series:
    # A missing address matches no entry. The pair may still be named by its row.
    src, tgt = (listed(pairs[f"{side}_url"]).fill_null(False) for side in ("src", "tgt"))
    return src | tgt


def _domains(host: str) -> Iterator[str]:
    """The host and every domain that it is in."""
    # ``a.b.org`` -> ``a.b.org``, ``b.org``, ``org``. A plain suffix match would also catch
    # ``notb.org``.
    labels = _ascii(host).split(".")
    return (".".join(labels[start:]) for start in range(len(labels)))


def _ascii(host: str) -> str:
    """A host name as the domain name system has it, or unchanged if it is not a valid name."""
    # A final dot is allowed in the domain name system and names the same host.
    host = host.lower().strip(".")
    try:
        # A list may spell a domain in its own script, and a corpus in ``xn--`` form. Both become
        # ASCII.
        return host.encode("idna").decode()
    except UnicodeError:
        return host


def read_takedowns(files: Iterable[Path]) -> Takedowns:
    """The entries of some lists.

    A list is UTF-8 text with one entry per line, in columns separated by tabs. There are three
    kinds of entries. ``row`` names a source of the recipe and the number of a record in its file,
    from 0, as in the ledger. ``url`` has an address, ``domain`` a domain. Empty lines and lines
    that start with # are skipped.

    Raises:
        ConfigError: no such file, or a line that is none of these; the message names both.
        DataError: a list is not text in UTF-8.
    """
    # Sets, because lists overlap: the same request may come by several ways.
    rows: set[tuple[str, int]] = set()
    urls: set[str] = set()
    domains: set[str] = set()
    for file in files:
        for number, line in enumerate(_lines(file), start=1):
            match line.split("\t"):
                case [text] if not text.strip() or text.startswith("#"):
                    continue
                # The source is not checked against the recipe: one list may serve many recipes.
                case ["row", source, row] if source and row.isdecimal():
                    rows.add((source, int(row)))
                case ["url", url] if url.strip():
                    urls.add(url)
                # A domain needs a dot: ``org`` would name a large part of the web.
                case ["domain", domain] if re.fullmatch(r"[^\s/:@]+\.[^\s/:@]+", domain.strip()):
                    domains.add(_ascii(domain.strip().removeprefix("*.")))
                # A line that is not understood stops the build. Skipped, it would leave in what
                # someone asked to remove.
                case _:
                    raise ConfigError(
                        f"{file}, line {number}: expected 'row', a source and a number, 'url' and "
                        "an address, or 'domain' and a domain, with tabs between them"
                    )
    # Sorted, so that the order of the lists does not change the key of the stage.
    pages = page(pl.Series(sorted(urls), dtype=pl.String))
    return Takedowns(tuple(sorted(rows)), tuple(pages.unique().sort()), tuple(sorted(domains)))


def _lines(file: Path) -> list[str]:
    # Lists are edited on all systems: a byte-order mark and CRLF are allowed.
    if not file.is_file():
        raise ConfigError(f"no list of takedowns at {file}")
    return read_text(file).replace("\r\n", "\n").split("\n")

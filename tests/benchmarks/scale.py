"""What 403.8 million pairs cost by the rates in RESULTS.md: ``python -m tests.benchmarks.scale``.

Writes the tables of docs/explanation/scale.md between its markers.
"""

import re
from pathlib import Path

RESULTS = Path(__file__).with_name("RESULTS.md")
PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "scale.md"
BEGIN, END = "<!-- tables: python -m tests.benchmarks.scale -->", "<!-- end of tables -->"

PAIRS = 403_799_833  # of the eleven OPUS NLLB pairs
LARGEST = 71_383_325  # en-zh: one file, read by one process
TOKENS = 35e9  # about what the paper trains on
CORES = 64  # of one machine

# What is done, the row of RESULTS.md (what, beginning of the way), and units of work of that row.
STEPS = [
    ("read, clean, score and judge the text", ("NLLB gzip to judged parquet", ""), PAIRS),
    ("keys of duplicates", ("dedup keys", "`key_hashes`"), PAIRS),
    ("language ID with lid.176.ftz", ("language ID of both sides", "scorer lid"), PAIRS),
    ("tokenise and pack", ("pairs to packed shards", ""), TOKENS),
]


def rates(text: str) -> dict[tuple[str, str], float]:
    """Units a second and core by (what, way), from the table of RESULTS.md."""
    found = {}
    for line in text.splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if len(cells) == 5 and (match := re.match(r"[\d,]+", cells[2])):
            found[cells[0], cells[1]] = float(match[0].replace(",", ""))
    return found


def rate_of(found: dict[tuple[str, str], float], what: str, way: str) -> float:
    """The rate of the first row of ``what`` whose way begins with ``way``."""
    rows = [rate for (a, b), rate in found.items() if a == what and b.startswith(way)]
    assert rows, f"RESULTS.md has no row {what!r}, {way!r} any more: change STEPS"
    return rows[0]


def tables(text: str) -> str:
    """Core-hours and minutes of each step, and the floor that the largest file sets."""
    found = rates(text)
    taken = next(line for line in text.splitlines() if re.match(r"\d{4}-\d\d-\d\d", line))
    lines = [
        f"Rates: {taken.split('. Python')[0]}.",
        "",
        "| step | a second and core | core-hours | minutes, 1 machine | minutes, 8 machines |",
        "|---|--:|--:|--:|--:|",
    ]
    total = 0.0
    for name, (what, way), amount in STEPS:
        rate = rate_of(found, what, way)
        hours = amount / rate / 3600
        total += hours
        lines.append(_row(name, f"{rate:,.0f}", hours))
    lines.append(_row("**together**", "", total))
    ingest = rate_of(found, "ingest of an NLLB gzip", "read, check, write")
    minutes = LARGEST / ingest / 60
    lines += [
        "",
        f"The largest file ({LARGEST:,} pairs) is read by one process at {ingest:,.0f} pairs a "
        f"second: {minutes:.0f} minutes, below which no number of machines brings the first step.",
    ]
    return "\n".join(lines)


def _row(name: str, rate: str, hours: float) -> str:
    one = hours / CORES * 60
    return f"| {name} | {rate} | {hours:,.1f} | {one:,.1f} | {one / 8:,.1f} |"


def main() -> None:
    """Put the tables into the page."""
    page = PAGE.read_text("utf-8")
    before, rest = page.split(BEGIN)
    after = rest.split(END)[1]
    filled = f"{before}{BEGIN}\n{tables(RESULTS.read_text('utf-8'))}\n{END}{after}"
    PAGE.write_text(filled, "utf-8")


if __name__ == "__main__":
    main()

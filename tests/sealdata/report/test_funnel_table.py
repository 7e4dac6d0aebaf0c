"""The funnel as the terminal shows it."""

from pathlib import Path

from sealcli.show_audit import funnel_table
from sealdata.build_manifest import BuildManifest

EXPECTED = """\
language  read  ingest  dedup  lid  similarity  kept  kept %
Thai        71       1      1   20          15    34    47.9
Burmese     71       1      1   20          15    34    47.9
Javanese    71       1      1   20          15    34    47.9
all        213       3      3   60          45   102    47.9"""


def test_plain_text(build: tuple[Path, BuildManifest]) -> None:
    assert funnel_table(build[1]) == EXPECTED


def test_thousands_and_empty_sources(build: tuple[Path, BuildManifest]) -> None:
    large = (
        build[1]
        .funnel[0]
        .model_copy(
            update={"records": 1_234_567, "dropped": {"lid": {"x": 1_234_000}}, "train": 567}
        )
    )
    empty = (
        build[1]
        .funnel[1]
        .model_copy(update={"records": 0, "dropped": {}, "train": 0, "validation": 0})
    )
    lines = funnel_table(build[1].model_copy(update={"funnel": [large, empty]})).splitlines()
    assert lines[1].split() == ["Thai", "1,234,567", "1,234,000", "570", "0.0"]
    assert lines[2].split() == ["Burmese", "0", "0", "0", "-"]

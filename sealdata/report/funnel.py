"""The funnel of a build as cells of text: pairs read, lost at each stage, and kept."""

from sealdata.build_manifest import BuildManifest, FunnelRow
from sealdata.filter_stages import STAGE_NAMES
from sealdata.languages import resolve


def funnel_lines(manifest: BuildManifest) -> list[list[str]]:
    """Header, one line per language, and a last line of totals: cells as text.

    Columns: language, read, each stage that lost something, kept, kept %.
    """
    stages = [stage for stage in STAGE_NAMES if any(row.lost(stage) for row in manifest.funnel)]
    lines = [["language", "read", *stages, "kept", "kept %"]]
    for lang in manifest.languages:
        rows = [row for row in manifest.funnel if row.lang == lang]
        lines.append(_line(resolve(lang).name, rows, stages))
    lines.append(_line("all", manifest.funnel, stages))
    return lines


def _line(name: str, rows: list[FunnelRow], stages: list[str]) -> list[str]:
    read, kept = sum(row.records for row in rows), sum(row.kept for row in rows)
    lost = [sum(row.lost(stage) for row in rows) for stage in stages]
    share = f"{100 * kept / read:.1f}" if read else "-"
    return [name, *(f"{count:,}" for count in (read, *lost, kept)), share]

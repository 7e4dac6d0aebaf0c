"""A small finished build to browse, and all its rows as plain dictionaries."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from sealdata.build_manifest import MANIFEST, BuildManifest
from sealdata.files.records import write_json
from sealdata.report.facts import audit_facts, write_facts
from sealdata.report.ledger import dropped_files, kept_files

from ..report.conftest import TEXTS, make_build


def finish(out: Path, manifest: BuildManifest) -> Path:
    """Write what makes a finished build of the pairs in ``out``: audit and manifest."""
    write_facts(audit_facts(out, manifest), out / "report" / "audit.json")
    write_json(out / MANIFEST, manifest.model_dump(mode="json"))
    return out


@pytest.fixture(scope="session")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A build of three languages with 70 pairs each; nothing may be written to it."""
    folder = tmp_path_factory.mktemp("browse") / "out"
    return finish(folder, make_build(folder, TEXTS, 70))


@pytest.fixture(scope="session")
def every(out: Path) -> list[dict[str, Any]]:
    """All rows, in the order of the build."""
    rows: list[dict[str, Any]] = []
    for lang in TEXTS:
        for files, kept in ((kept_files(out, lang), True), (dropped_files(out, lang), False)):
            for file in files:
                rows += [
                    row | {"lang": lang, "kept": kept} for row in pl.read_parquet(file).to_dicts()
                ]
    return rows

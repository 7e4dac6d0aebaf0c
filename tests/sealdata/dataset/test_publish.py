"""Publishing: only what is whole and described, resumed after a failure, the token never shown."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from huggingface_hub import constants

from sealcli.sealdata import main
from sealdata.build_manifest import BuildManifest, FileFacts
from sealdata.dataset.publish import check_ready, uploads
from sealdata.dataset.results import file_facts
from sealdata.errors import CheckError
from sealdata.files.records import write_json
from sealdata.report.dataset_card import write_metadata
from sealdata.report.dataset_card_merge import TO_WRITE
from sealdata.report.facts import audit_facts, write_facts
from sealdata.report.training_summary import TRAINING_SUMMARY

from ..report.conftest import TEXTS, make_build
from .hub_server import Hub

SEALDATA = str(Path(sys.executable).with_name("sealdata"))
TOKEN = "hf_averysecrettokenofnobody"


def finish(out: Path, manifest: BuildManifest) -> BuildManifest:
    """Give the made-up build the manifest, the report and the card of a finished one."""
    write_facts(audit_facts(out, manifest), out / "report" / "audit.json")
    files: dict[str, FileFacts] = {
        path.relative_to(out).as_posix(): file_facts(path)
        for folder in ("pairs", "dropped", "report")
        for path in sorted((out / folder).rglob("*"))
        if path.is_file()
    }
    manifest = manifest.model_copy(update={"files": files, "streams": []})
    write_json(out / "manifest.json", manifest.model_dump(mode="json"))
    write_metadata(manifest, out)
    return manifest


def write_all(out: Path) -> None:
    """What a person would do."""
    card = (out / "README.md").read_text("utf-8")
    (out / "README.md").write_text(card.replace(TO_WRITE, "[Written:"), "utf-8")


@pytest.fixture
def ready(tmp_path: Path) -> tuple[Path, BuildManifest]:
    out = tmp_path / "out"
    return out, finish(out, make_build(out, TEXTS, 70))


def publish(out: Path, hub: Hub, home: Path, *more: str) -> subprocess.CompletedProcess[str]:
    own = {"HF_ENDPOINT": hub.url, "HF_TOKEN": TOKEN, "HF_HOME": str(home)}
    own |= {"HF_HUB_DISABLE_XET": "1", "HF_HUB_OFFLINE": "0"}
    return subprocess.run(
        [SEALDATA, "publish", str(out), "--repo", "me/corpus", *more],
        env=os.environ | own,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Hub:
    """The stand-in, as the Hub of this process."""
    hub = Hub()
    monkeypatch.setattr(constants, "ENDPOINT", hub.url)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    return hub


def publish_here(out: Path) -> Result:
    command = ["publish", str(out), "--repo", "me/corpus"]
    return CliRunner().invoke(main, command, prog_name="sealdata")


def test_what_is_not_ready_is_refused(ready: tuple[Path, BuildManifest]) -> None:
    out, manifest = ready
    with pytest.raises(CheckError, match=r"still to write 7 places: one paragraph: what"):
        check_ready(out)
    assert check_ready(out, unfinished=True) == manifest
    write_all(out)
    assert check_ready(out) == manifest
    partial = manifest.model_copy(update={"limit": 5})
    write_json(out / "manifest.json", partial.model_dump(mode="json"))
    with pytest.raises(CheckError, match="PARTIAL"):
        check_ready(out)
    write_json(out / "manifest.json", manifest.model_dump(mode="json"))
    next((out / "pairs").rglob("*.parquet")).write_bytes(b"x")
    with pytest.raises(CheckError, match="1 bytes, not"):
        check_ready(out, unfinished=True)


def test_the_describing_files_come_last_and_drops_stay(ready: tuple[Path, BuildManifest]) -> None:
    names = [file.name for file in uploads(*ready, shards=False)]
    assert names[-3:] == ["croissant.json", "manifest.json", "README.md"]
    assert not any(name.startswith("dropped/") for name in names)
    assert "pairs/eng_Latn-tha_Thai/train-00000.parquet" in names


def test_a_failed_upload_goes_on_where_it_stopped(
    ready: tuple[Path, BuildManifest], tmp_path: Path
) -> None:
    out, manifest = ready
    write_all(out)
    hub = Hub()
    hub.failures = {"put": {3}, "commit": {2}}
    shown = ""
    failed = 0
    for _ in range(5):
        done = publish(out, hub, tmp_path / "hf", "--private")
        shown += done.stdout + done.stderr
        if done.returncode == 0:
            break
        assert done.returncode == 1, done.stderr
        assert "Traceback" not in done.stderr
        assert re.search(
            r"sealdata: me/corpus: .*; the same command goes on from here\n", done.stderr
        )
        failed += 1
    assert done.returncode == 0, shown
    assert failed == 2  # an upload and a commit
    assert hub.created[0].get("private") or hub.created[0].get("visibility") == "private"
    assert hub.created[0]["type"] == "dataset"
    assert hub.files == {
        file.name: file.path.read_bytes() for file in uploads(out, manifest, False)
    }
    assert b'"url": "http://127' in hub.files["croissant.json"]
    assert f"Bearer {TOKEN}" in hub.tokens
    assert TOKEN not in shown
    stored = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not any(TOKEN.encode() in path.read_bytes() for path in stored)
    puts = hub.seen["put"]
    again = publish(out, hub, tmp_path / "hf")
    assert "0 files sent" in again.stdout, again.stdout + again.stderr
    assert hub.seen["put"] == puts


def test_a_second_publish_sends_what_changed(ready: tuple[Path, BuildManifest], hub: Hub) -> None:
    out, _ = ready
    write_all(out)
    first = publish_here(out)
    assert first.exit_code == 0, first.stderr
    before = dict(hub.files)
    assert all(before[name] == (out / name).read_bytes() for name in before)
    hub.uploaded.clear()
    card = out / "README.md"
    card.write_text(card.read_text("utf-8") + "\n## Thanks\n\nTo all.\n", "utf-8")
    again = publish_here(out)
    assert "1 files sent" in again.stdout, again.stdout + again.stderr
    assert hub.uploaded == ["README.md"]
    assert hub.files == before | {"README.md": card.read_bytes()}


@pytest.mark.parametrize("status", [401, 403])
def test_a_refusal_is_one_line_and_the_token_stays_secret(
    ready: tuple[Path, BuildManifest], hub: Hub, status: int
) -> None:
    write_all(ready[0])
    hub.refuses = status  # and quotes the token in its answer
    done = publish_here(ready[0])
    assert done.exit_code == 1
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("sealdata: me/corpus: ")
    assert str(status) in done.stderr
    assert TOKEN not in done.stdout + done.stderr
    assert hub.files == {}


def test_without_a_network_there_is_one_line(ready: tuple[Path, BuildManifest], hub: Hub) -> None:
    write_all(ready[0])
    hub.server.shutdown()
    hub.server.server_close()
    done = publish_here(ready[0])
    assert done.exit_code == 1
    assert len(done.stderr.splitlines()) == 1
    assert re.match(r"sealdata: me/corpus: .*refused.*; the same command goes on", done.stderr)


def test_a_draft_of_the_training_summary_stays_at_home(ready: tuple[Path, BuildManifest]) -> None:
    out, manifest = ready
    assert (out / TRAINING_SUMMARY).is_file()
    assert TRAINING_SUMMARY not in [file.name for file in uploads(out, manifest, False)]
    text = (out / TRAINING_SUMMARY).read_text("utf-8")
    (out / TRAINING_SUMMARY).write_text(text.replace(TO_WRITE, "[Written:"), "utf-8")
    assert TRAINING_SUMMARY in [file.name for file in uploads(out, manifest, False)]


def test_a_dry_run_sends_nothing(ready: tuple[Path, BuildManifest], tmp_path: Path) -> None:
    hub = Hub()
    before = (ready[0] / "croissant.json").read_bytes()
    done = publish(ready[0], hub, tmp_path, "--dry-run", "--unfinished")
    assert done.returncode == 0, done.stderr
    assert "README.md" in done.stdout
    assert (hub.created, hub.files) == ([], {})
    assert (ready[0] / "croissant.json").read_bytes() == before
    assert re.fullmatch(
        r"TRAINING_SUMMARY\.md is a draft with \d+ places to write, and is not uploaded\n",
        done.stderr,
    )


@pytest.mark.parametrize(
    "licence", ["CC BY-SA 4.0", "[cc0-1.0, CC BY-SA 4.0]", "null"], ids=["one", "list", "none"]
)
def test_a_licence_that_the_hub_does_not_know(ready: tuple[Path, BuildManifest], licence: str):
    out, _ = ready
    write_all(out)
    card = (out / "README.md").read_text("utf-8")
    check_ready(out)
    card = re.sub(r"^license: .*$", f"license: {licence}", card, count=1, flags=re.MULTILINE)
    (out / "README.md").write_text(card, "utf-8")
    for unfinished in (True, False):
        with pytest.raises(CheckError, match=r"README\.md: license: the Hugging Face Hub has no"):
            check_ready(out, unfinished)

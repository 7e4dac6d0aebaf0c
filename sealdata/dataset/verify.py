"""Verify: every file of a finished build against its manifest, and every shard against its own."""

from pathlib import Path

from sealdata.build_manifest import read_build_manifest
from sealdata.dataset.foreign import FOLDERS
from sealdata.errors import CheckError, DataError
from sealdata.files.digests import Digests
from sealdata.files.hidden import visible
from sealdata.files.records import file_sha256, read_json
from sealdata.report.training_summary import TRAINING_SUMMARY
from sealdata.shards.verify import verify_stream
from sealdata.workflow.progress import counted
from sealdata.workflow.protocols import NO_PROGRESS, Progress
from sealdata.workflow.steps import single

# Findings in the message. One deleted folder may cause thousands.
SHOWN = 20
METADATA = ("README.md", "croissant.json", TRAINING_SUMMARY)


VERIFY = single("verify", "check the files")


def problems(out: Path, progress: Progress = NO_PROGRESS) -> list[str]:
    """What is wrong with the build in ``out`` and its inputs; empty if nothing is."""
    return result_problems(out, progress) + _metadata(out) + _inputs(out)


def result_problems(out: Path, progress: Progress = NO_PROGRESS) -> list[str]:
    """What is wrong with the results; empty if all bytes are as they were written."""
    # Without a manifest the build is not finished, and the error says so.
    manifest = read_build_manifest(out)
    findings = []
    for name, fact in counted(progress, VERIFY.name, list(manifest.files.items())):
        # From cheap to costly: existence, size, then all bytes.
        path = out / name
        if not path.is_file():
            findings.append(f"{name}: missing")
        elif path.stat().st_size != fact.size:
            findings.append(f"{name}: {path.stat().st_size} bytes, not {fact.size}")
        elif file_sha256(path) != fact.sha256:
            findings.append(f"{name}: its bytes have changed (SHA-256 differs)")
    # A file that the manifest does not name would be loaded and published with the rest.
    for folder in FOLDERS:
        all_files = (path for path in sorted((out / folder).rglob("*")) if path.is_file())
        on_disk = visible(all_files, out / folder)  # a desktop leaves files of its own
        names = (path.relative_to(out).as_posix() for path in on_disk)
        findings += [f"{name}: not of this build" for name in names if name not in manifest.files]
    # Files that agree with the manifest of the build may still contradict each other. This looks
    # inside the streams.
    for stream in manifest.streams:
        findings += [f"{stream.path}: {problem}" for problem in verify_stream(out / stream.path)]
    return findings


def _metadata(out: Path) -> list[str]:
    """Texts that people may write into, so that the manifest has no digest of them."""
    missing = [name for name in METADATA if not (out / name).is_file()]
    findings = [f"{name}: missing; `sealdata card` writes it" for name in missing]
    if "croissant.json" not in missing:
        try:
            read_json(out / "croissant.json")
        except DataError:
            findings.append("croissant.json: not JSON; `sealdata card` writes it again")
    return findings


def _inputs(out: Path) -> list[str]:
    """Inputs that are still there and differ from what the build read, at the same size and time.

    A build looks at size and time only. A file with another size or time is a new input, which the
    next build reads.
    """
    work = (out / "work").absolute()
    changed = Digests(work / "digests.json").changed()
    return [
        f"input {name}: its bytes have changed at the same size and time; build with --check-inputs"
        for name in changed
        if not Path(name).absolute().is_relative_to(work)
    ]


def verify_build(out: Path, progress: Progress = NO_PROGRESS) -> str:
    """One line that says what was checked.

    Raises:
        CheckError: something is wrong; the message lists it.
    """
    findings = problems(out, progress)
    if findings:
        # The whole list may be longer than a terminal.
        more = f" … and {len(findings) - SHOWN} more" if len(findings) > SHOWN else ""
        raise CheckError(f"{out}: {'; '.join(findings[:SHOWN])}{more}")
    manifest = read_build_manifest(out)
    return f"{out}: {len(manifest.files)} files and {len(manifest.streams)} streams are intact"

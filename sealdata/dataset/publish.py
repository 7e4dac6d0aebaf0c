"""Publish: a verified build, whole and described by a person, to a repository of the Hub."""

import datetime
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sealdata.build_manifest import MANIFEST, BuildManifest, read_build_manifest
from sealdata.dataset.silent import check_kept
from sealdata.dataset.verify import verify_build
from sealdata.errors import CheckError, ConfigError, DataError
from sealdata.fetch.corpus_cards import split_front_matter
from sealdata.fetch.licences import check_licence
from sealdata.files.records import file_sha256
from sealdata.report.dataset_card import write_metadata
from sealdata.report.dataset_card_merge import unwritten
from sealdata.report.training_summary import TRAINING_SUMMARY

if TYPE_CHECKING:
    from huggingface_hub import HfApi

BATCH_FILES, BATCH_BYTES = 50, 4 << 30  # of one commit
LAST = (
    TRAINING_SUMMARY,
    "croissant.json",
    "recipe.toml",
    MANIFEST,
    "README.md",
)  # a card stands for a whole set


@dataclass(frozen=True)
class Upload:
    """One file to publish."""

    name: str
    path: Path
    size: int


@dataclass(frozen=True)
class Published:
    """What was sent, and what was there already."""

    address: str
    sent: list[Upload]
    there: list[Upload]


def check_ready(out: Path, unfinished: bool = False) -> BuildManifest:
    """The manifest of a build that may be published.

    Raises:
        CheckError: a file differs from what the build wrote, or the card states a licence that the
            Hub does not know. Unless ``unfinished``: the build is
            PARTIAL, or the card lacks what only a person can write.
    """
    verify_build(out)
    manifest = read_build_manifest(out)
    if not (out / "README.md").is_file():
        raise DataError(f"{out / 'README.md'} is missing; make it with `sealdata card {out}`")
    check_kept(manifest)
    _check_licence(out / "README.md")
    if unfinished:
        return manifest
    if manifest.limit is not None:
        raise CheckError(
            f"{out} is PARTIAL (--limit {manifest.limit}): it is not the dataset; build without "
            "--limit, or say --unfinished"
        )
    if missing := unwritten((out / "README.md").read_text("utf-8")):
        raise CheckError(
            f"{out / 'README.md'}: a person has still to write {len(missing)} places: "
            f"{'; '.join(missing)}. Write between the marks, or say --unfinished"
        )
    return manifest


def _check_licence(card: Path) -> None:
    """Refuse a card whose licence the Hub would refuse: it checks that before it takes a file."""
    front, _ = split_front_matter(card.read_text("utf-8"), str(card))
    stated = front.get("license")
    for name in stated if isinstance(stated, list) else [stated]:
        try:
            check_licence(str(name), f"{card}: license")
        except ConfigError as error:
            raise CheckError(str(error)) from None


def uploads(out: Path, manifest: BuildManifest, shards: bool) -> list[Upload]:
    """The files to publish, those that describe the rest last. Dropped pairs stay at home, and so
    does a summary of training content that is still a draft."""
    folders = ("pairs/", "report/", *(("shards/",) if shards else ()))
    names = [name for name in manifest.files if name.startswith(folders)]
    last = [name for name in LAST if (out / name).is_file()]
    if draft_notice(out):
        last.remove(TRAINING_SUMMARY)
    names += last
    return [Upload(name, out / name, (out / name).stat().st_size) for name in names]


def draft_notice(out: Path) -> str | None:
    """For people: that the summary of training content is not uploaded, and why; None if it is."""
    path = out / TRAINING_SUMMARY
    left = unwritten(path.read_text("utf-8")) if path.is_file() else []
    if not left:
        return None
    return f"{TRAINING_SUMMARY} is a draft with {len(left)} places to write, and is not uploaded"


def publish(
    out: Path,
    repo: str,
    private: bool = False,
    shards: bool = False,
    unfinished: bool = False,
    say: Callable[[str], None] = lambda _: None,
) -> Published:
    """Upload the build in ``out`` to the dataset repository ``repo``, made if it is not there.

    Files that the repository has with the same bytes are not sent again, so a run that was cut off
    goes on where it stopped. The token is the Hub library's own (``HF_TOKEN`` or a login).

    Raises:
        CheckError: see ``check_ready``.
        DataError: the Hub refuses or cannot be reached; what was committed stays.
    """
    from huggingface_hub import HfApi, constants
    from huggingface_hub.errors import HfHubHTTPError

    manifest = check_ready(out, unfinished)
    address = f"{constants.ENDPOINT}/datasets/{repo}"
    today = datetime.datetime.now(tz=datetime.UTC).date().isoformat()
    write_metadata(manifest, out, url=address, published=today)
    files = uploads(out, manifest, shards)
    api = HfApi(library_name="sealdata")
    try:
        api.create_repo(repo, repo_type="dataset", private=private or None, exist_ok=True)
        remote = _remote_files(api, repo)
        unchanged = [file for file in files if remote.get(file.name) in _identities(file)]
        todo = [file for file in files if file not in unchanged]
        for number, batch in enumerate(_batches(todo), start=1):
            say(f"commit {number}: {len(batch)} files, {sum(f.size for f in batch):,} bytes")
            _commit(api, repo, batch, f"sealdata {manifest.sealdata}, build {manifest.build_key}")
    except (HfHubHTTPError, OSError) as error:
        raise DataError(f"{repo}: {_one_line(error)}; the same command goes on from here") from None
    except Exception as error:  # the Hub's library lets errors of its HTTP library through
        cause = error.__cause__ or error
        if type(cause).__module__.partition(".")[0] not in (*_HTTP, "huggingface_hub"):
            raise
        raise DataError(f"{repo}: {_one_line(cause)}; the same command goes on from here") from None
    return Published(address, todo, unchanged)


_HTTP = ("httpx", "httpx2", "httpcore", "httpcore2", "requests", "urllib3")


def _one_line(error: BaseException) -> str:
    """One line of an error of the Hub, and never the token that a request carried."""
    from huggingface_hub import get_token

    line = " ".join(str(error).split()) or type(error).__name__
    token = get_token()
    return line.replace(token, "(token)") if token else line


def _commit(api: "HfApi", repo: str, batch: list[Upload], message: str) -> None:
    from huggingface_hub import CommitOperationAdd

    api.create_commit(
        repo,
        [CommitOperationAdd(file.name, str(file.path)) for file in batch],
        commit_message=message,
        repo_type="dataset",
    )


def _batches(files: list[Upload]) -> Iterator[list[Upload]]:
    """Commits of bounded size. Files that describe the data come last, in their own commit."""
    batch: list[Upload] = []
    for file in files:
        full = len(batch) >= BATCH_FILES or sum(f.size for f in batch) + file.size > BATCH_BYTES
        if batch and (full or (file.name in LAST and batch[-1].name not in LAST)):
            yield batch
            batch = []
        batch.append(file)
    if batch:
        yield batch


def _remote_files(api: "HfApi", repo: str) -> dict[str, str]:
    """The repository's files: name -> SHA-256 of a large file, Git's id of a small one."""
    files: dict[str, str] = {}
    for entry in api.list_repo_tree(repo, repo_type="dataset", recursive=True):
        item: Any = entry
        if hasattr(item, "blob_id"):
            files[item.path] = item.lfs.sha256 if item.lfs else item.blob_id
    return files


def _identities(file: Upload) -> tuple[str, str]:
    """The file as Git LFS and as Git names it."""
    header = hashlib.sha1(f"blob {file.size}\0".encode(), usedforsecurity=False)
    with file.path.open("rb") as handle:
        while chunk := handle.read(1 << 20):
            header.update(chunk)
    return file_sha256(file.path), header.hexdigest()

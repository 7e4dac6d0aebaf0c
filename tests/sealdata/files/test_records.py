"""Durable state: atomic files, checksums, content keys and records."""

import hashlib
import os
import socket
import zlib
from pathlib import Path

import pytest

from sealdata.errors import DataError
from sealdata.files.records import (
    checksum,
    file_sha256,
    read_json,
    read_record,
    stage_key,
    sweep,
    write_atomic,
    write_json,
)


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text("old")

    def broken(temporary: Path) -> None:
        temporary.write_text("half")
        raise OSError(28, "No space left on device")

    with pytest.raises(DataError, match=r"cannot write .*a\.json: No space left on device"):
        write_atomic(path, broken)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_json_is_sorted_and_equal_values_are_equal_bytes(tmp_path: Path) -> None:
    write_json(tmp_path / "new" / "a.json", {"b": ["ก"], "a": None})
    assert (tmp_path / "new" / "a.json").read_text(
        "utf-8"
    ) == '{\n "a": null,\n "b": [\n  "ก"\n ]\n}\n'
    assert read_json(tmp_path / "new" / "a.json") == {"a": None, "b": ["ก"]}


@pytest.mark.parametrize("size", [0, 3, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 5 << 19])
def test_checksum_and_digest_cover_all_bytes(tmp_path: Path, size: int) -> None:
    """Sizes below, at and above those of the chunks in which a file is read."""
    data = bytes(range(256)) * (size // 256 + 1)
    path = tmp_path / "data"
    path.write_bytes(data[:size])
    assert checksum(path) == f"{size}-{zlib.crc32(data[:size]):08x}"
    assert file_sha256(path) == hashlib.sha256(data[:size]).hexdigest()


def test_a_key_names_all_that_it_is_given() -> None:
    key = stage_key("clean", 1, {"a": 1, "b": 2}, ["k1", "k2"])
    assert key == hashlib.sha256(b'["clean", 1, {"a": 1, "b": 2}, ["k1", "k2"]]').hexdigest()[:16]
    assert key == stage_key("clean", 1, {"b": 2, "a": 1}, ["k1", "k2"])
    others = {
        stage_key("keys", 1, {"a": 1, "b": 2}, ["k1", "k2"]),
        stage_key("clean", 2, {"a": 1, "b": 2}, ["k1", "k2"]),
        stage_key("clean", 1, {"a": 1, "b": 3}, ["k1", "k2"]),
        stage_key("clean", 1, {"a": 1, "b": 2}, ["k1", "k3"]),
        stage_key("clean", 1, {"a": 1, "b": 2}, ["k2", "k1"]),
    }
    assert len(others | {key}) == 6


def test_what_is_not_a_record_names_its_file(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    with pytest.raises(DataError, match=r"cannot read .*a\.json: No such file"):
        read_record(path)
    path.write_text("{")
    with pytest.raises(DataError, match=r"a\.json is not valid JSON"):
        read_record(path)
    path.write_text('{"part": "a"}')
    with pytest.raises(DataError, match=r"a\.json is not a part record; delete it and run again"):
        read_record(path)


def test_only_files_of_writers_that_are_gone_are_swept(tmp_path: Path) -> None:
    host = socket.gethostname()
    # The parent of this process runs; no process has a number above the limit of the system.
    names = {
        f".a.parquet.{host}-4999999.tmp": False,
        f"deep/.b.json.{host}-4999999.tmp": False,
        f".a.parquet.{host}-{os.getppid()}.tmp": True,
        ".a.parquet.elsewhere-4999999.tmp": True,
        ".old.parquet.elsewhere-4999999.tmp": False,
        f"a.parquet.{host}-4999999.tmp": True,
        ".a.tmp": True,
        ".a.parquet": True,
    }
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("half")
    os.utime(tmp_path / ".old.parquet.elsewhere-4999999.tmp", (0, 0))
    sweep(tmp_path)
    assert {name: (tmp_path / name).exists() for name in names} == names

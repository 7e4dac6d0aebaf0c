"""Digests of input files: right, remembered, and never believed of a file that changed."""

import hashlib
import os

import pytest

from sealdata.errors import DataError
from sealdata.files import digests
from sealdata.files.digests import Digests


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "a.gz"
    path.write_bytes(b"one")
    return path


def test_the_digest_is_that_of_the_bytes(tmp_path, file):
    assert Digests(tmp_path / "cache").sha256(file) == hashlib.sha256(b"one").hexdigest()


def test_an_unchanged_file_is_not_read_again(tmp_path, file, monkeypatch):
    first = Digests(tmp_path / "cache")
    digest = first.sha256(file)
    first.save()
    monkeypatch.setattr(digests, "file_sha256", None)
    assert Digests(tmp_path / "cache").sha256(file) == digest


@pytest.mark.parametrize("change", [b"two", b"longer"])
def test_a_changed_file_is(tmp_path, file, change):
    cache = Digests(tmp_path / "cache")
    cache.sha256(file)
    before = file.stat().st_mtime_ns
    file.write_bytes(change)
    os.utime(file, ns=(before + 1, before + 1))
    assert cache.sha256(file) == hashlib.sha256(change).hexdigest()


def test_the_cache_is_written_every_so_many_bytes(tmp_path, file, monkeypatch):
    cache = tmp_path / "cache"
    Digests(cache).sha256(file)
    assert not cache.exists()
    monkeypatch.setattr(digests, "SAVE_EVERY", 3)
    Digests(cache).sha256(file)
    assert cache.exists()


def test_saving_writes_only_what_is_new(tmp_path):
    empty = tmp_path / "empty"
    empty.write_bytes(b"")
    cache = tmp_path / "cache"
    hashed = Digests(cache)
    hashed.sha256(empty)
    hashed.save()
    assert cache.exists()
    cache.unlink()
    hashed.save()
    assert not cache.exists()


def test_what_is_no_file(tmp_path):
    with pytest.raises(DataError, match="No such file"):
        Digests(tmp_path / "cache").sha256(tmp_path / "none")
    with pytest.raises(DataError, match="is a folder"):
        Digests(tmp_path / "cache").sha256(tmp_path)

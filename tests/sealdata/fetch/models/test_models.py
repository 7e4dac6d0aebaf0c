"""The catalogue of models and its fetcher, against a server on this machine that breaks off."""

import gzip
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner

from sealcli.sealdata import main
from sealdata.component import load
from sealdata.errors import ConfigError, DataError
from sealdata.fetch.models import store
from sealdata.fetch.models.catalogue import catalogue, model_card
from sealdata.fetch.models.store import digest, fetch, find, find_all, find_model
from sealdata.languages import languages
from sealdata.pairs import make_pairs

FTZ = find_model("lid176-ftz").read_bytes()


class Site(ThreadingHTTPServer):
    """Serves ``files`` by the last part of their address, with ranges; breaks off on request."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.drops: list[int] = []  # bytes sent before the connection breaks, per answer
        self.asked: list[tuple[str, str | None]] = []


class Handler(BaseHTTPRequestHandler):
    server: Site

    def do_GET(self) -> None:
        name, span = self.path.rpartition("/")[2], self.headers.get("Range")
        self.server.asked.append((name, span))
        body = self.server.files.get(name)
        if body is None:
            self.send_error(404)
            return
        start = int(span[6:-1]) if span else 0
        self.send_response(206 if span else 200)
        if span:
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        self.send_header("Content-Length", str(len(body) - start))
        self.send_header("ETag", f'"{hashlib.sha256(body).hexdigest()}"')
        self.end_headers()
        stop = start + self.server.drops.pop(0) if self.server.drops else len(body)
        self.wfile.write(body[start:stop])

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SEALDATA_MODELS", str(tmp_path / "models"))
    digest.cache_clear()
    return tmp_path / "models"


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Iterator[Site]:
    """A server that the addresses of the catalogue lead to."""
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1")
    with Site() as running:
        address = f"http://127.0.0.1:{running.server_port}/"
        for card in catalogue().values():
            files = {
                role: item.model_copy(
                    update={"url": address + item.url.rpartition("/")[2], "file": item.name}
                )
                for role, item in card.files.items()
            }
            monkeypatch.setitem(catalogue(), card.name, card.model_copy(update={"files": files}))
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield running
        running.shutdown()
        thread.join()


# --- the catalogue -------------------------------------------------------------------------------


def test_there_is_an_encoder_for_every_language_that_names_one() -> None:
    """laser2 or laser3 by languages.toml; the addresses of their files are Meta's."""
    for code, language in languages().items():
        if language.laser:
            name = "laser2" if language.laser == "laser2" else f"laser3-{code}"
            assert code in model_card(name).languages
            assert set(model_card(name).files) == {"checkpoint", "spm", "vocabulary"}


def test_vocabularies_are_shared_but_for_two_languages() -> None:
    def names(model: str) -> list[str]:
        return [item.name for item in model_card(model).files.values()]

    assert names("laser3-jav_Latn") == ["laser3-jav_Latn.v1.pt", "laser2.spm", "laser2.cvocab"]
    assert names("laser3-mya_Mymr") == [
        "laser3-mya_Mymr.v1.pt",
        "laser3-mya_Mymr.v1.spm",
        "laser3-mya_Mymr.v1.cvocab",
    ]


def test_no_two_models_differ_in_a_file_of_one_name() -> None:
    urls: dict[str, str] = {}
    for card in catalogue().values():
        for item in card.files.values():
            assert urls.setdefault(item.name, item.url) == item.url


def test_an_unknown_model_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match="no model named 'lid218'; nearest: lid218e"):
        model_card("lid218")


# --- fetching ------------------------------------------------------------------------------------


def test_a_broken_download_goes_on_where_it_stopped(site: Site, folder: Path) -> None:
    site.files["lid.176.bin"] = FTZ
    site.drops = [300_000]
    assert fetch("lid176-bin") == find("lid176-bin") == {"model": folder / "lid.176.bin"}
    assert (folder / "lid.176.bin").read_bytes() == FTZ
    spans = [span for _, span in site.asked]
    assert spans == [None, "bytes=300000-"]
    noted = json.loads((folder / "lid.176.bin.sha256.json").read_text())
    assert noted["sha256"] == hashlib.sha256(FTZ).hexdigest()


def test_what_several_models_share_is_fetched_once(site: Site, folder: Path) -> None:
    for name in ("laser3-jav_Latn.v1.pt", "laser3-sun_Latn.v1.pt", "laser2.spm", "laser2.cvocab"):
        site.files[name] = name.encode()
    fetch("laser3-jav_Latn")
    paths = fetch("laser3-sun_Latn")
    assert paths["spm"] == find("laser3-jav_Latn")["spm"]
    assert [name for name, _ in site.asked].count("laser2.spm") == 1
    with pytest.raises(DataError, match="model laser2 is not on this machine"):
        find("laser2")


def test_a_file_of_another_size_is_refused(site: Site, folder: Path) -> None:
    site.files["lid218e.bin"] = FTZ
    with pytest.raises(DataError, match=r"got 938,013 bytes.*expected 1,176,355,829 bytes"):
        fetch("lid218e", accept=True)
    assert not (folder / "lid218e.bin").exists()


def test_a_licence_that_must_be_accepted(site: Site, folder: Path) -> None:
    with pytest.raises(ConfigError, match=r"CC BY-NC 4.0, no commercial use .*--accept-license"):
        fetch("lid218e")
    assert site.asked == []


def test_a_gzip_is_unpacked_on_arrival(site: Site, folder: Path) -> None:
    site.files["lid201-model.bin.gz"] = gzip.compress(FTZ, 1)
    assert fetch("openlid-v1") == {"model": folder / "lid201-model.bin"}
    assert (folder / "lid201-model.bin").read_bytes() == FTZ
    assert not (folder / "lid201-model.bin.gz").exists()
    fetch("openlid-v1")
    assert len(site.asked) == 1
    (folder / "lid201-model.bin").unlink()
    site.files["lid201-model.bin.gz"] = gzip.compress(FTZ, 1)[:-9]
    with pytest.raises(DataError, match="the published file has changed"):
        fetch("openlid-v1")


def test_a_damaged_gzip(site: Site, folder: Path) -> None:
    site.files["lid201-model.bin.gz"] = gzip.compress(FTZ, 1)[:-9]
    with pytest.raises(DataError, match=r"lid201-model\.bin\.gz is damaged"):
        fetch("openlid-v1")
    assert not (folder / "lid201-model.bin").exists()


def test_the_command_shows_the_licence_and_prints_the_paths(site: Site, folder: Path) -> None:
    site.files["model_v3.bin"] = FTZ
    run = CliRunner().invoke(main, ["models", "fetch", "glotlid-v3"])
    assert run.exit_code == 0, run.output
    assert "Licence: Apache-2.0" in run.stderr
    assert run.stdout == f"{folder / 'glotlid-v3.bin'}\n"
    again = CliRunner().invoke(main, ["models", "fetch", "glotlid-v3"])
    assert "Licence" not in again.stderr
    assert CliRunner().invoke(main, ["models", "path", "glotlid-v3"]).stdout == run.stdout
    refused = CliRunner().invoke(main, ["models", "fetch", "lid218e"])
    assert refused.exit_code == 2
    listed = json.loads(CliRunner().invoke(main, ["models", "list", "--json"]).stdout)
    assert listed["glotlid-v3"]["here"] == [str(folder / "glotlid-v3.bin")]
    assert listed["laser2"]["here"] == []


def test_the_list_shows_every_model(folder: Path) -> None:
    run = CliRunner().invoke(main, ["models", "list"])
    assert run.exit_code == 0
    assert all(name in run.stdout for name in catalogue())


# --- use -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("lid218e", r"run `sealdata models fetch lid218e --accept-license`, licence CC BY-NC 4.0; "
         r"the bundled lid176-ftz can replace it"),
        ("laser2", r"run `sealdata models fetch laser2`, .*; the bundled encoder `sample` can"),
    ],
)  # fmt: skip
def test_an_absent_model_says_how_it_gets_there(name: str, message: str, folder: Path) -> None:
    with pytest.raises(DataError, match=message) as caught:
        find(name)
    assert "\n" not in str(caught.value)


def test_all_absent_encoders_of_a_recipe_are_named_at_once(folder: Path) -> None:
    scorer = load("scorers", "laser", {"encoder": "laser"})
    command = "run `sealdata models fetch laser2 laser3-tha_Thai laser3-mya_Mymr`, licence BSD"
    with pytest.raises(DataError, match=re.escape(command)):
        scorer.for_languages(["eng_Latn", "tha_Thai", "mya_Mymr", "vie_Latn"]).fingerprint()
    with pytest.raises(DataError, match="model laser2 is not on this machine"):
        scorer.for_languages(["eng_Latn", "vie_Latn"]).fingerprint()


def test_one_command_for_all_absent_models_accepts_what_any_of_them_asks(folder: Path) -> None:
    command = "run `sealdata models fetch laser2 lid218e --accept-license`, licence "
    with pytest.raises(DataError, match=re.escape(command)):
        find_all(["laser2", "lid218e", "laser2", "some/path.bin"])


def test_a_file_put_there_by_hand_is_noted_and_held_to(folder: Path) -> None:
    folder.mkdir()
    path = folder / "lid.176.bin"
    path.write_bytes(FTZ)
    scorer = load("scorers", "lid", {"model": "lid176-bin"})
    bundled = load("scorers", "lid")
    assert scorer.fingerprint() == bundled.fingerprint()
    assert [(use.name, use.licence) for use in scorer.models()] == [("lid.176.bin", "CC BY-SA 3.0")]
    pairs = make_pairs([("Good morning, everybody.", "Selamat pagi, semuanya.")])
    assert scorer.score(pairs).equals(bundled.score(pairs))
    digest.cache_clear()
    path.write_bytes(FTZ[:-1] + b"!")
    with pytest.raises(
        DataError, match=r"lid\.176\.bin has sha256 .*, but had [0-9a-f]{64} at its first use"
    ):
        scorer.fingerprint()


def test_the_bundled_model_needs_no_folder(folder: Path) -> None:
    assert find("lid176-ftz")["model"].name == "lid.176.ftz"
    assert not folder.exists()


def test_the_folder_without_a_variable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("SEALDATA_MODELS", raising=False)
    monkeypatch.setattr("platformdirs.user_cache_path", lambda name: tmp_path / name)
    assert store.models_folder() == tmp_path / "sealdata" / "models"

"""The page in a real Chromium: what a curator does there, and hostile text that does nothing."""

import shutil
import threading
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from sealdata.browse.server import BrowseServer
from sealdata.browse.session import Session
from sealdata.build_manifest import MANIFEST, BuildManifest
from sealdata.labels.browse_labels import Labels
from sealdata.report.ledger import dropped_files, kept_files

from ..report.conftest import EVIL, TEXTS, make_build
from ..report.test_audit_browser import poisoned_text
from .conftest import finish
from .test_cleaning import ingest

pytestmark = pytest.mark.slow


@contextmanager
def served(out: Path) -> Iterator[str]:
    """The address of a server for the build."""
    with BrowseServer(Session(out)) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server.address
        server.shutdown()


@contextmanager
def opened(browser: Any, address: str) -> Iterator[Any]:
    """The page, with all answers there; it must report no problem until the end."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text))
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("dialog", lambda dialog: problems.append(dialog.message))
    page.on("request", lambda asked: asked.url.startswith(address) or problems.append(asked.url))
    page.goto(address)
    settle(page)
    yield page
    assert page.locator("#problem").is_hidden(), page.locator("#problem").text_content()
    assert problems in ([], ["data:,"])
    page.close()


def settle(page: Any) -> None:
    """Wait until the page has asked for everything, and has all answers."""
    page.wait_for_selector("body:not(.busy)")


def shown(page: Any) -> str:
    return str(page.locator("#place").text_content())


def test_a_curator_searches_filters_moves_a_limit_and_labels(out, tmp_path, browser):
    out = Path(shutil.copytree(out, tmp_path / "out"))
    ingest(out, "ingest-1", None, [(0, "no pair of the page", ""), (4, "Please &amp; go.", "x")])
    with served(out) as address, opened(browser, address) as page:
        assert shown(page) == "1 to 50 of 213"
        page.keyboard.press("Tab")
        page.keyboard.press("Tab")
        page.keyboard.type("MANGOES")
        settle(page)
        assert shown(page).endswith("of 39")
        assert page.locator("#rows mark").first.text_content() == "mangoes"
        page.locator("#lang").select_option("jav_Latn")
        settle(page)
        assert shown(page) == "1 to 13 of 13"
        page.locator("#clear").click()
        settle(page)

        bars = page.locator("#histogram .hit")
        number = next(n for n in range(bars.count()) if " 0 kept" not in bars.nth(n).text_content())
        low, _, high = bars.nth(number).text_content().partition(":")[0].split(" ")
        bars.nth(number).click()
        settle(page)
        assert [page.locator(i).input_value() for i in ("#from", "#to")] == [low, high]
        assert 0 < int(shown(page).split(" ")[-1]) < 20
        page.reload()
        settle(page)
        assert page.locator("#from").input_value() == low  # the address keeps the filters
        page.locator(".chip").click()
        settle(page)
        assert shown(page) == "1 to 50 of 213"

        page.locator('#limits input[type="number"]').first.fill("0.8")
        settle(page)
        removed = page.locator("[data-outcome=removed]")
        count = removed.locator("b").text_content()
        assert int(count) > 20
        removed.click()
        page.locator("#sort").select_option("distance")
        settle(page)
        assert shown(page).endswith(f"of {count}")
        assert "must be ≥ 0.8" in page.locator(".change").first.text_content()
        page.locator("#patch-toggle").click()
        settle(page)
        recipe = tomllib.loads(page.locator("#patch").input_value())
        assert recipe["rule"] == [{"reason": "low_similarity", "score": "laser.cosine", "min": 0.8}]
        with page.expect_download() as download:
            page.locator("#download").click()
        assert tomllib.loads(Path(download.value.path()).read_text()) == recipe
        page.locator("#reset").click()
        page.locator("[data-outcome=all]").click()
        page.locator("#sort").select_option("build")
        page.locator("#source").select_option("jav-web")
        settle(page)
        changed = page.locator("li", has_text="jav-web #4").locator(".as-read").first
        assert changed.locator("del").all_text_contents()[0] == "&amp;"
        page.locator(".labels button").first.focus()
        page.keyboard.press("j")
        page.keyboard.press("3")
        page.wait_for_selector('#rows button[aria-pressed="true"]')
    [row] = Labels(out).rows("wrong_language")["jav-web"]
    with served(out) as address, opened(browser, address) as page:
        page.locator("#label").select_option("wrong_language")
        settle(page)
        assert shown(page) == "1 to 1 of 1"
        pressed = page.locator('#rows button[aria-pressed="true"]')
        assert pressed.get_attribute("aria-label") == f"wrong language: jav-web {row}"
        check_axe(page)


def check_axe(page: Any) -> None:
    """axe-core by the rules of WCAG 2.2 AA, in light and dark, wide and narrow, nothing cut off."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    rules = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
    page.locator('#limits input[type="number"]').first.fill("0.7")
    page.locator("#patch-toggle").click()
    page.locator(".scores summary").first.click()
    settle(page)
    for scheme, width in (("light", 1280), ("dark", 400)):
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": 800})
        actual = axe.run(page, options=rules).response["violations"]
        assert [(rule["id"], node["target"]) for rule in actual for node in rule["nodes"]] == []
        assert page.evaluate("document.documentElement.scrollWidth") == width


def test_hostile_text_in_every_field_does_nothing(tmp_path, browser):
    out = tmp_path / "out"
    manifest = make_build(out, {"tha_Thai": TEXTS["tha_Thai"]}, 70)
    poisoned = BuildManifest.model_validate_json(poisoned_text(manifest.model_dump_json()))
    for file in (*kept_files(out, "tha_Thai"), *dropped_files(out, "tha_Thai")):
        rows = pl.read_parquet(file)
        texts = {name: pl.lit(EVIL) for name in ("src", "tgt", "raw", "lid.tgt_label")}
        texts |= {
            "source": pl.lit("tha-web" + EVIL),
            "src_url": pl.lit("javascript:alert(3)//" + EVIL),
        }
        if "reasons" in rows.columns:
            texts |= {"reasons": pl.lit(["low_similarity" + EVIL]), "stage": pl.lit("similarity")}
        rows.with_columns(**texts).write_parquet(file)
    finish(out, manifest)
    (out / MANIFEST).write_text(poisoned.model_dump_json(), "utf-8")
    with served(out) as address, opened(browser, address) as page:
        page.locator("#text").fill("alert")
        settle(page)
        page.locator("#lang").select_option("tha_Thai")
        page.locator("#reason").select_option(index=1)
        page.locator("#reason").select_option("")
        page.locator('#limits input[type="number"]').first.fill("0.8")
        settle(page)
        page.locator("#patch-toggle").click()
        page.locator(".scores summary").first.click()
        page.locator(".labels button").first.click()
        settle(page)
        [rule] = tomllib.loads(page.locator("#patch").input_value())["rule"]
        assert rule["reason"] == "low_similarity" + EVIL
        assert page.locator("img, [onerror], [onload], [href^=javascript]").count() == 0
        assert page.locator("script").count() == 1
        text = page.locator("main").text_content()
        assert text.count("<img src=x onerror=alert(2)>") > 60
        assert "javascript:alert(3)" in text
    assert list(Labels(out).rows("good")) == ["tha-web" + EVIL]

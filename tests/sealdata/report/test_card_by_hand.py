"""What people write on a card survives; Croissant metadata is valid and leads to the pairs."""

import json
from pathlib import Path

import pytest

from sealcli.show import show_build
from sealdata import __version__
from sealdata.build_manifest import BuildManifest
from sealdata.dataset.results import file_facts
from sealdata.errors import DataError
from sealdata.fetch.corpus_cards import split_front_matter
from sealdata.labels.facts import (
    AgreementFacts,
    AnnotationFacts,
    AnnotatorFacts,
    LabelShare,
    RecallFacts,
)
from sealdata.report.croissant import croissant, write_croissant
from sealdata.report.croissant_provenance import provenance
from sealdata.report.dataset_card import render_card, write_card, write_metadata
from sealdata.report.dataset_card_merge import TO_WRITE, merged, to_write, unwritten
from sealdata.report.facts import audit_facts
from sealdata.report.html import write_report

Build = tuple[Path, BuildManifest]


def with_files(build: Build) -> Build:
    """The build with the digests of its pairs in the manifest."""
    out, manifest = build
    files = {
        path.relative_to(out).as_posix(): file_facts(path)
        for path in sorted((out / "pairs").rglob("*.parquet"))
    }
    return out, manifest.model_copy(update={"files": files})


def test_hand_written_text_sections_and_keys_survive(build: Build) -> None:
    out, manifest = build
    path = out / "README.md"
    write_card(manifest, path)
    assert path.read_text("utf-8") == render_card(manifest)
    card = path.read_text("utf-8")
    mark = to_write("direct-use", "what it is suited for")
    assert mark in card
    card = card.replace(
        mark, "<!-- person: direct-use -->Continual\n\npretraining.<!-- /person -->"
    )
    card = card.replace("pretty_name:", "viewer: false\npretty_name:")
    path.write_text(card + "\n## Thanks\n\nTo all.\n", "utf-8")
    fewer = manifest.model_copy(update={"build_key": "f" * 16})
    write_card(fewer, path)
    front, body = split_front_matter(path.read_text("utf-8"), "README.md")
    assert front["viewer"] is False
    assert "Continual\n\npretraining." in body
    assert body.endswith("## Thanks\n\nTo all.\n")
    assert body.count("## Thanks") == 1
    assert "f" * 16 in body
    assert "0123456789abcdef" not in body
    assert "what it is suited for" not in unwritten(body)
    assert "whom to write to" in unwritten(body)
    once = path.read_text("utf-8")
    write_card(fewer, path)
    assert path.read_text("utf-8") == once


def test_text_without_a_place_is_not_dropped_silently() -> None:
    old = "---\na: 1\n---\n\n<!-- person: gone -->Mine.<!-- /person -->\n"
    with pytest.raises(DataError, match=r"README.md: .* no place for what is written at 'gone'"):
        merged("---\na: 1\n---\n\ntext\n", old, "README.md")
    empty = old.replace("Mine.", f"*{TO_WRITE} x.]*")
    assert merged("---\na: 1\n---\n\ntext\n", empty, "README.md").endswith("\n\ntext\n")


def test_licences_and_what_they_ask_for(build: Build) -> None:
    sources = [
        source.model_copy(update={"card": card})
        for source, card in zip(
            build[1].sources,
            ("nllb-allenai", "scb-mt-en-th-2020", "sealdata-sample-corpus"),
            strict=True,
        )
    ]
    text = render_card(build[1].model_copy(update={"sources": sources}))
    assert "| `odc-by` | attribution | tha-web |" in text
    assert "| `cc-by-sa-4.0` | attribution, share-alike | mya-web |" in text
    assert "| `cc0-1.0` | nothing | jav-web |" in text
    assert split_front_matter(text, "x")[0]["license"] == "cc-by-sa-4.0"


def test_what_a_model_cannot_judge_is_on_card_page_and_terminal(
    build: Build, capsys: pytest.CaptureFixture[str]
) -> None:
    note = "It has no label for Acehnese."
    first, second = build[1].models
    manifest = build[1].model_copy(
        update={"models": [first.model_copy(update={"note": note}), second]}
    )
    assert f"| language ID | lid.176.ftz. {note} | CC BY-SA 3.0 |" in render_card(manifest)
    write_report(audit_facts(build[0], manifest), build[0] / "report.html", build[0])
    assert note in (build[0] / "report.html").read_text("utf-8")
    show_build(manifest, build[0])
    lines = capsys.readouterr().out.splitlines()
    assert f"NOTE: language ID by lid.176.ftz. {note}" in lines
    assert sum(line.startswith(("NOTE", "DEMONSTRATION")) for line in lines) == 2


def test_what_labels_say_is_on_the_card(build: Build) -> None:
    def share(lang: str, kept: bool, dropped_by: str | None) -> LabelShare:
        return LabelShare(
            lang=lang,
            kept=kept,
            dropped_by=dropped_by,
            pairs=1000,
            labelled=20,
            correct=18,
            share=0.9,
            interval=(0.69912, 0.99999),
        )

    facts = AnnotationFacts(
        drawn=50,
        judged=47,
        unsure=2,
        labels={"CC": 18, "X": 2},
        annotators=[
            AnnotatorFacts(name="ann", labelled=49, unsure=2, not_drawn=7, changed=1),
        ],
        agreement=[AgreementFacts(first="ann", second="b|n", shared=9, agreed=8, kappa=None)],
        shares=[
            share(lang, kept, reason)
            for lang in ("all", "tha_Thai")
            for kept, reason in ((True, None), (False, "all"), (False, "low_similarity"))
        ],
        recall=[RecallFacts(lang="all", share=1.0, interval=(1.0, 1.0))],
        by_score=[],
    )
    text = render_card(build[1], facts)
    for line in (
        "47 of 50 drawn pairs were judged by people. 2 more could not be judged, and are left out.",
        "90.0 % (69.9 to 99.9 %) of the kept pairs are correct.",
        "90.0 % (69.9 to 99.9 %) of the pairs dropped by rules are correct.",
        "The rules keep 100.0 % (all judged) of the correct pairs.",
        "Labels of ann left out: 7 (their pairs were not drawn at random).",
        "Labels of ann left out: 1 (the text of their pairs has changed since).",
        "| Thai | kept | 1,000 | 20 | 90.0 % (69.9 to 99.9 %) |",
        "| Thai | dropped | 1,000 | 20 | 90.0 % (69.9 to 99.9 %) |",
        "The labels are CC 18, X 2 (those",
    ):
        assert line in text
    assert "ann and b\\|n agree on 8 of 9 pairs." in text
    assert "| Thai | dropped by low\\_similarity |" in text


def test_croissant_is_valid_and_leads_to_every_pair(build: Build) -> None:
    mlcroissant = pytest.importorskip("mlcroissant")
    out, manifest = with_files(build)
    record = croissant(
        out, manifest, "cc0-1.0", url="https://example.org/x", published="2026-01-02"
    )
    write_croissant(record, out / "croissant.json")
    dataset = mlcroissant.Dataset(str(out / "croissant.json"))
    issues = dataset.metadata.ctx.issues
    assert (set(issues.errors), set(issues.warnings)) == (set(), set())
    for row in manifest.funnel:
        records = list(dataset.records(f"eng_Latn-{row.lang}"))
        assert len(records) == row.kept
    assert records[0][f"eng_Latn-{row.lang}/tgt_lang"] == row.lang.encode()
    text = json.loads((out / "croissant.json").read_text("utf-8"))
    assert text["conformsTo"][0] == "http://mlcommons.org/croissant/1.1"
    assert "wrong_language by lid.tgt_prob" in text["rai:dataManipulationProtocol"]
    assert "Planted on purpose" in " ".join(text["rai:dataLimitations"])


def test_croissant_says_what_the_data_come_from(build: Build) -> None:
    out, manifest = with_files(build)
    manifest = manifest.model_copy(
        update={"recipe": manifest.recipe | {"card": {"version": "2.1.0"}}}
    )
    written = {"direct-use": "Training.", "risks": "Mostly greetings."}
    record = croissant(out, manifest, "cc-by-nc-4.0", written=written)
    assert record["version"] == "2.1.0"
    assert record["sdVersion"] == f"2.1.0+sealdata.{__version__}"
    sources = record["prov:wasDerivedFrom"]
    assert [entity["prov:label"] for entity in sources] == [row.name for row in manifest.sources]
    for entity, source in zip(sources, manifest.sources, strict=True):
        digests = [file["sha256"] for file in entity.get("prov:hadMember", [])]
        assert digests == [file.sha256 for file in source.files]
    activity = record["prov:wasGeneratedBy"]
    assert activity["@id"] == f"build-{manifest.build_key}"
    assert activity["prov:used"] == [{"@id": entity["@id"]} for entity in sources]
    lost = sum(row.lost("lid") for row in manifest.funnel)
    assert f"lid: {lost} records dropped" in activity["description"]
    assert activity["prov:wasAssociatedWith"]["prov:label"] == f"sealdata {manifest.sealdata}"
    assert record["rai:dataUseCases"] == ["Training."]
    assert record["rai:dataBiases"] == ["Mostly greetings."]
    assert record["rai:dataCollectionType"] == "Secondary Data analysis"


@pytest.mark.parametrize(
    ("licence", "duties", "prohibitions"),
    [
        ("cc0-1.0", [], []),
        ("cc-by-4.0", ["odrl:attribute"], []),
        ("cc-by-sa-4.0", ["odrl:attribute", "cc:ShareAlike"], []),
        ("cc-by-nc-nd-4.0", ["odrl:attribute"], ["odrl:commercialize", "odrl:derive"]),
    ],
)
def test_usage_follows_from_the_licence(
    build: Build, licence: str, duties: list[str], prohibitions: list[str]
) -> None:
    usage = provenance(build[1], licence, "1.0.0")["usageInfo"]
    assert usage["odrl:permission"]["odrl:action"] == {"@id": "odrl:use"}
    found = [rule["odrl:action"]["@id"] for rule in usage["odrl:permission"]["odrl:duty"]]
    assert found == duties
    forbidden = [rule["odrl:action"]["@id"] for rule in usage.get("odrl:prohibition", [])]
    assert forbidden == prohibitions


def test_terms_of_an_unknown_licence_are_on_the_card(build: Build) -> None:
    usage = provenance(build[1], "other", "1.0.0")["usageInfo"]
    assert usage["description"] == "The dataset card states the terms."
    assert "odrl:permission" not in usage


def test_what_people_wrote_on_the_card_reaches_croissant(build: Build) -> None:
    out, manifest = with_files(build)
    write_metadata(manifest, out)
    card = (out / "README.md").read_text("utf-8")
    assert "rai:dataUseCases" not in json.loads((out / "croissant.json").read_text("utf-8"))
    place = next(line for line in card.splitlines() if "person: direct-use" in line)
    card = card.replace(place, "<!-- person: direct-use -->\nTrain\nmodels.\n<!-- /person -->")
    (out / "README.md").write_text(card, "utf-8")
    write_metadata(manifest, out)
    text = json.loads((out / "croissant.json").read_text("utf-8"))
    assert text["rai:dataUseCases"] == ["Train models."]

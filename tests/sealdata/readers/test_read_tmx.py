import gzip
import tracemalloc
import zipfile
from xml.sax.saxutils import escape

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sealdata.component import load
from sealdata.errors import DataError
from sealdata.readers import Source

HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE tmx SYSTEM "tmx14.dtd">\n'
    '<tmx version="1.4"><header srclang="en"><note>x</note></header><body>\n'
)
TAIL = "</body></tmx>\n"


def unit(*variants):
    """A translation unit of (language tag, content of the segment)."""
    tuvs = (f'<tuv xml:lang="{tag}"><seg>{text}</seg></tuv>' for tag, text in variants)
    return f"<tu>{''.join(tuvs)}</tu>\n"


def tmx(read, *units, **options):
    data = (HEAD + "".join(units) + TAIL).encode()
    return read("tmx", data, **{"name": "en-id.tmx", **options})


def test_units_with_regions_notes_and_other_languages(read):
    noted = (
        '<tu tuid="1"><prop type="note">http://x</prop><tuv xml:lang="fr"><seg>Un.</seg></tuv>'
        '<tuv xml:lang="id-ID"><seg>Satu.</seg></tuv>\n'
        '<tuv xml:lang="EN-us">\n<seg>\n  One. </seg></tuv></tu>'
    )
    good, rejected = tmx(read, noted, unit(("en", "Two."), ("id", "Dua.")), batch_rows=1)
    assert rejected.is_empty()
    assert good.select("row", "src_lang", "tgt_lang", "src", "tgt").rows() == [
        (0, "eng_Latn", "ind_Latn", "One.", "Satu."),
        (1, "eng_Latn", "ind_Latn", "Two.", "Dua."),
    ]


def test_the_pages_that_paracrawl_names(read):
    good, _ = tmx(
        read,
        '<tu><tuv xml:lang="id"><prop type="source-document">http://x/id</prop>'
        '<prop type="source-document">http://x/again</prop><seg>Satu.</seg></tuv>'
        '<tuv xml:lang="en"><seg>One.</seg></tuv></tu>',
        langs=("ind_Latn", "eng_Latn"),
    )
    assert good.select("src", "src_url", "tgt_url").rows() == [("One.", None, "http://x/id")]


@pytest.mark.parametrize(
    ("seg", "text"),
    [
        ("A &lt;b&gt; &amp; &#x0E01;", "A <b> & ก"),
        ("<![CDATA[A <b>]]>", "A <b>"),
        ('Click <bpt i="1">&lt;b&gt;</bpt>here<ept i="1">&lt;/b&gt;</ept>.', "Click here."),
        (
            'One<ph x="1">{0}</ph> <hi type="x">two <it pos="begin">[i]</it>three</hi>!',
            "One two three!",
        ),
        ("A<ph>see <sub>the title</sub></ph> B<ut>x</ut>", "A B"),
        ("Tab\tstays", "Tab\tstays"),
    ],
)
def test_markup_goes_and_the_text_it_marks_stays(read, seg, text):
    good, _ = tmx(read, unit(("en", seg), ("id", "x")))
    assert good["src"].to_list() == [text]


def test_of_several_variants_in_a_language_the_first_is_taken(read):
    good, rejected = tmx(read, unit(("en-GB", "Colour."), ("id", "Warna."), ("en-US", "Color.")))
    assert rejected.is_empty()
    assert good["src"].to_list() == ["Colour."]


@pytest.mark.parametrize(
    ("bad", "reason", "raw"),
    [
        (unit(("en", "One."), ("ms", "Satu.")), "missing_language", "en: One.\tms: Satu."),
        ("<tu/>", "missing_language", ""),
        (unit(("en", "One."), ("id", " ")), "empty_side", "en: One.\tid: "),
        ('<tu><tuv xml:lang="en"/>' + unit(("id", "a"))[4:], "empty_side", "en: \tid: a"),
        (unit(("en", "a\nb"), ("id", "c")), "embedded_newline", "en: a\nb\tid: c"),
        (unit(("en", "x" * 20_001), ("id", "c")), "too_long", "en: " + "x" * 1996),
    ],
)
def test_a_bad_unit_is_rejected_and_its_neighbours_are_not(read, bad, reason, raw):
    fine = unit(("en", "One."), ("id", "Satu."))
    good, rejected = tmx(read, fine, bad, fine)
    assert good["row"].to_list() == [0, 2]
    assert rejected.rows() == [("corpus", 1, reason, raw)]


FINE = unit(("en", "One."), ("id", "Satu."))


@pytest.mark.parametrize(
    ("bad", "reason", "count"),
    [
        (unit(("en", "Salt & sugar"), ("id", "Garam")), "bad_xml", 1),
        (unit(("en", "Salt&nbsp;"), ("id", "Garam")), "bad_xml", 1),
        (unit(("en", "Salt\x0b"), ("id", "Garam")), "bad_xml", 1),
        (unit(("en", "Salt&#x1F;"), ("id", "Garam")), "bad_xml", 1),
        (unit(("en", "<no salt>"), ("id", "Garam")), "bad_xml", 1),
        (unit(("en", "1 <2"), ("id", "Garam")), "bad_xml", 1),
        (unit(("en", "Salt <!-- "), ("id", "Garam")), "bad_xml", 1),
        ('<tu a="1" a="2"></tu>', "bad_xml", 1),
        ("<tu><x:tuv/></tu>", "bad_xml", 1),
        ('<tu><tuv xml:lang="en"><seg>Salt</seg></tuv>', "bad_xml", 1),  # no end
        ('<tuv xml:lang="en"><seg>Salt</seg></tuv></tu>', "bad_xml", 1),  # no start
        ("<tu>" + FINE + "</tu>", "bad_xml", 1),  # one in another: the inner one is a unit
        (f"<tu><tuv><seg>{'<hi>' * 2000}{'</hi>' * 2000}</seg></tuv></tu>", "bad_xml", 1),
        (unit(("en", "Salt\udcff"), ("id", "Garam")), "invalid_utf8", 1),
        ("<!-- " + FINE + " -->", None, 0),
        ("</body></tmx>" + HEAD[HEAD.index("<tmx") :], None, 0),  # two files joined
    ],
)
@pytest.mark.parametrize("piece", [61, 1 << 14])
def test_a_unit_that_is_not_xml_takes_no_other_with_it(
    read, bad, reason, count, piece, monkeypatch
):
    monkeypatch.setattr("sealdata.readers._tmx_units._PIECE", piece)
    text = HEAD + FINE + bad + FINE * 2 + TAIL
    good, rejected = read("tmx", text.encode("utf-8", "surrogateescape"), name="en-id.tmx")
    inner = bad.count(FINE) if count else 0
    assert good["src"].to_list() == ["One."] * (3 + inner)
    assert rejected["reason"].to_list() == [reason] * count


def test_a_broken_unit_is_shown_as_it_stands_in_the_file(read):
    _, rejected = tmx(read, "<tu>\n<seg>Tom & Jerry</seg></tu>", FINE)
    assert rejected["raw"].to_list() == ["<tu>\n<seg>Tom & Jerry</seg></tu>"]


@pytest.mark.parametrize("encoding", ["tis-620", "utf-16-le", "utf-16-be", "utf-32"])
def test_bytes_that_are_no_text_in_the_declared_encoding(read, encoding):
    thai = unit(("en", "Rice."), ("th", "ข้าว"))
    head = HEAD.replace("UTF-8", encoding if encoding == "tis-620" else encoding[:6])
    data = (head + thai + unit(("en", "Oil*"), ("th", "น้ำมัน")) + thai + TAIL).encode(encoding)
    broken = {"tis-620": b"\xff", "utf-16-le": b"\0\xdc", "utf-16-be": b"\xdc\0"}
    broken["utf-32"] = b"\xff\xff\xff\xff"
    star = "*".encode(encoding)[-len(broken[encoding]) :]
    good, rejected = read(
        "tmx", data.replace(star, broken[encoding]), langs=("eng_Latn", "tha_Thai")
    )
    assert good["tgt"].to_list() == ["ข้าว"] * 2
    assert rejected["reason"].to_list() == ["bad_xml"]


def zipped(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return path


def test_packed(read, tmp_path):
    text = HEAD + unit(("en", "One."), ("id", "Satu.")) + TAIL
    good, _ = read("tmx", gzip.compress(text.encode()), name="en-id.tmx.gz")
    assert good["tgt"].to_list() == ["Satu."]
    path = zipped(tmp_path / "en-id.tmx.zip", {"README": "Read me.", "en-id.tmx": text})
    good, _ = read("tmx", path)
    assert good["tgt"].to_list() == ["Satu."]


@pytest.mark.parametrize(
    ("members", "count"), [({"a.txt": ""}, 0), ({"a.tmx": "", "b.TMX": ""}, 2)]
)
def test_an_archive_holds_one_tmx(read, tmp_path, members, count):
    with pytest.raises(DataError, match=rf"x\.zip: one member .* needed; there are {count}"):
        read("tmx", zipped(tmp_path / "x.zip", members))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", r"no element found: line 1"),
        (HEAD, r"is cut short: it has no </tmx>"),
        (HEAD + unit(("en", "One."), ("id", "Satu.")), r"is cut short: it has no </tmx>"),
        (b"<tmx><", r"cut short"),
        (b"<tmx", r"not well-formed XML"),
        (b"<html><tu/></html>", r"is not TMX: its outermost element is <html>"),
        (b'<!DOCTYPE t [<!ENTITY a "aa">]><tmx>&a;</tmx>', r"not read here: EntitiesForbidden"),
        (b'<?xml version="1.0" encoding="klingon"?><tmx/>', r"not read here: .*klingon"),
    ],
)
def test_what_is_no_tmx_names_file_and_line(read, data, message):
    data = data if isinstance(data, bytes) else data.encode()
    with pytest.raises(DataError, match=rf"en-id\.tmx.*{message}"):
        read("tmx", data, name="en-id.tmx")


def test_an_archive_cut_short(read, tmp_path):
    path = zipped(tmp_path / "x.zip", {"a.tmx": HEAD + TAIL})
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(DataError, match=r"x\.zip is damaged"):
        read("tmx", path)


def test_a_namespace_and_another_encoding(read):
    text = '<?xml version="1.0"?><t:tmx xmlns:t="http://www.lisa.org/tmx14"><t:body>'
    text += '<t:tu><t:tuv lang="en"><t:seg>One.</t:seg></t:tuv>'
    text += '<t:tuv lang="th"><t:seg>หนึ่ง</t:seg></t:tuv></t:tu></t:body></t:tmx>'
    good, _ = read("tmx", text.encode("utf-16"), langs=("eng_Latn", "tha_Thai"))
    assert good.select("src", "tgt").rows() == [("One.", "หนึ่ง")]


def test_a_declaration_of_utf_16_that_a_conversion_left_behind(read):
    text = HEAD.replace("UTF-8", "UTF-16") + FINE + TAIL
    good, _ = read("tmx", text.encode(), name="en-id.tmx")
    assert good["src"].to_list() == ["One."]


def test_units_do_not_pile_up(tmp_path):
    """Held in memory, the elements of these units take 20 times what is allowed here."""
    path = tmp_path / "en-id.tmx"
    path.write_text(HEAD + unit(("en", "One."), ("id", "Satu.")) * 10_000 + TAIL)
    source = Source("corpus", path, "eng_Latn", "ind_Latn")
    batches = load("readers", "tmx").batches(source, 100)
    next(batches)
    tracemalloc.start()
    try:
        assert sum(good.height for good, _ in batches) == 9_900
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1 << 20


TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"))


@settings(deadline=None)  # the machine may be busy
@given(
    pairs=st.lists(
        st.tuples(TEXT, TEXT).filter(lambda pair: all(map(str.strip, pair))), max_size=6
    ),
    encoding=st.sampled_from(["utf-8", "utf-16"]),
    template=st.sampled_from(["{}", "\n {}\n", "<hi>{}</hi>", '<ph x="1">&lt;</ph>{}<hi/>']),
)
def test_round_trip(tmp_path_factory, pairs, encoding, template):
    units = [
        unit(*zip(("en", "id"), (template.format(escape(side)) for side in pair), strict=True))
        for pair in pairs
    ]
    path = tmp_path_factory.mktemp("tmx") / "en-id.tmx"
    text = HEAD.replace("UTF-8", encoding.upper()) + "".join(units) + TAIL
    path.write_bytes(text.encode(encoding))
    source = Source("corpus", path, "eng_Latn", "ind_Latn")
    batches = list(load("readers", "tmx").batches(source, 4))
    assert [row for good, _ in batches for row in good.select("src", "tgt").rows()] == [
        (src.strip(" "), tgt.strip(" ")) for src, tgt in pairs
    ]
    assert all(rejected.is_empty() for _, rejected in batches)


def test_tico_19_says_what_its_moses_files_say(read, shared_data):
    from_tmx, rejected = read("tmx", shared_data / "tico19/all.en-id.tmx.zip")
    from_moses, _ = read("moses", shared_data / "tico19/tico19.en-id")
    assert rejected.is_empty()
    assert from_tmx.height == 3071
    squeezed = pl.col("src", "tgt").str.replace_all(r"\s+", " ").str.strip_chars()
    assert from_tmx.select(squeezed).equals(from_moses.select(squeezed))

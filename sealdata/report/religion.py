"""Religious text: how much of a corpus is scripture, or text about it.

Much text in low-resource languages is translated scripture, because scripture exists in more
languages than any other text (Agić and Vulić 2019, "JW300"; Hutchinson 2024, "Modeling the Sacred",
arXiv 2404.14740). The record that the card of allenai/nllb shows is a verse from alkitab.mobi.

Neither sign is proof. There is no published list of hosts; this one has the well-known hosts only,
so that their share is a lower bound. News and encyclopedias use the words too, and a verse may have
none of them.
"""

import polars as pl

# Publishers and readers of scripture and of teaching about it; a subdomain counts with its host.
HOSTS = (
    "accesstoinsight.org", "al-islam.org", "alkitab.mobi", "bahai.org", "bible.com", "bible.is",
    "biblegateway.com", "biblehub.com", "bibles.org", "bibleserver.com", "biblestudytools.com",
    "biblica.com", "blueletterbible.org", "churchofjesuschrist.org", "ebible.org",
    "globalrecordings.net", "godrules.net", "gotquestions.org", "islamhouse.com",
    "islamqa.info", "jesus.net", "jw.org", "kingjamesbibleonline.org", "lds.org", "quran.com",
    "sabda.org", "sacred-texts.com", "scriptureearth.org", "sefaria.org", "studylight.org",
    "suttacentral.net", "tanzil.net", "vatican.va", "watchtower.org", "wordproject.org",
)  # fmt: skip
# Words and names of the English side, without those of everyday text (lord, prophet, temple).
WORDS = (
    r"(?i)\b(?:allah|apostles?|bible|buddha|christ|disciples|gospels?|holy spirit|israelites|"
    r"jehovah|jesus|messiah|pharisees|psalms?|qur['’]?an|righteousness|scriptures?|surah|thee|thou|"
    r"torah|unto|yahweh)\b"
)


def of_hosts(host: pl.Expr) -> pl.Expr:
    """Whether a host (lower case, without www.) is one of ``HOSTS`` or below one; null for null."""
    ends = "|".join(name.replace(".", r"\.") for name in HOSTS)
    return host.str.contains(rf"(?:^|\.)(?:{ends})$")


def has_words(english: pl.Expr) -> pl.Expr:
    """Whether a text has one of ``WORDS``; null for null."""
    return english.str.contains(WORDS)

"""Religious text: how much of a corpus is scripture and what is written about it.

Mined corpora of low-resource languages lean on translations of scripture, because these exist in
more languages than anything else (Agić and Vulić 2019, "JW300"; Kreutzer et al. 2022, "Quality at a
Glance"). Neither sign is proof. The hosts are the well-known ones alone, so their share is a lower
bound; news and encyclopedias have the words too, and a verse may have none of them.
"""

import polars as pl

# Publishers and readers of scripture and of teaching about it; a subdomain counts with its host.
HOSTS = (
    "accesstoinsight.org", "al-islam.org", "bahai.org", "bible.com", "bible.is", "biblegateway.com",
    "biblehub.com", "bibleserver.com", "biblestudytools.com", "biblica.com", "blueletterbible.org",
    "churchofjesuschrist.org", "ebible.org", "globalrecordings.net", "godrules.net",
    "gotquestions.org", "islamhouse.com", "islamqa.info", "jesus.net", "jw.org",
    "kingjamesbibleonline.org", "lds.org", "quran.com", "sacred-texts.com", "scriptureearth.org",
    "sefaria.org", "studylight.org", "suttacentral.net", "tanzil.net", "vatican.va",
    "watchtower.org", "wordproject.org",
)  # fmt: skip
# Words and names of the English side; those that everyday text has as well (lord, prophet, temple)
# are left out.
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

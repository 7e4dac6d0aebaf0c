import pytest

from sealdata.errors import ConfigError
from sealdata.fetch.corpus_cards import LICENCES
from sealdata.fetch.licences import HUB_LICENCES, check_licence, nearest_licence


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("CC BY-SA 4.0", "cc-by-sa-4.0"),
        ("CC-BY-4.0", "cc-by-4.0"),
        ("cc_by_nc_sa 3.0", "cc-by-nc-sa-3.0"),
        ("Creative Commons Attribution-ShareAlike 4.0 International", "cc-by-sa-4.0"),
        ("Creative Commons Attribution-NonCommercial 4.0", "cc-by-nc-4.0"),
        ("CC0", "cc0-1.0"),
        ("cc-by", "cc-by-4.0"),  # the latest version, and nothing that demands more
        ("cc-by-sa", "cc-by-sa-4.0"),
        ("Apache-2.0", "apache-2.0"),
        ("Apache License, Version 2.0", "apache-2.0"),
        ("MIT License", "mit"),
        ("GNU General Public License v3.0", "gpl-3.0"),
        ("ODC-BY 1.0", "odc-by"),
        ("Llama 3.1", "llama3.1"),
        ("proprietary", None),
        ("", None),
    ],
)
def test_the_nearest_identifier_is_named(written, meant):
    assert nearest_licence(written) == meant
    says = f"card: .* has no licence .*; write {meant or 'other'}".replace("other", "'other'")
    with pytest.raises(ConfigError, match=says):
        check_licence(written, "card")


def test_identifiers_are_their_own_nearest():
    for licence in (*HUB_LICENCES, *LICENCES):
        check_licence(licence, "card")
        assert nearest_licence(licence) == licence
    assert len(set(HUB_LICENCES)) == len(HUB_LICENCES)

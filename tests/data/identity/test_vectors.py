"""Every published vector of the platforms, reproduced; those we refuse, with the reason."""

import base64
import json
import re
from pathlib import Path

import pytest

from fewer.data.identity.hashing import digest
from fewer.data.identity.normalise import UnusableError, normalise, rules_of

VECTORS = json.loads((Path(__file__).parent / "vectors.json").read_text())["vectors"]
PLATFORM = {"uid2 / the trade desk": "uid2"}
KIND = {
    "email": "email", "email_sha256": "email", "sha256_email": "email",
    "phone": "phone", "phone_sha256": "phone",
    "fn": "first_name", "given_name": "first_name", "first_name": "first_name",
    "ln": "last_name", "family_name": "last_name", "last_name": "last_name",
    "country": "country", "zip": "postcode", "ct": "city", "st": "state", "gen": "gender",
    "doby": "birth_year", "dobm": "birth_month", "dobd": "birth_day",
    "maid_sha256": "device_id", "idfa_sha256": "device_id", "mobile_ad_id_sha256": "device_id",
    "device_id (idfa)": "device_id", "handle": "handle",
}  # fmt: skip
REGIONS = {"[US]": "US", "[AU]": "AU", "[default +1]": "US"}

NOT_OURS = {
    (
        "meta (CAPI)",
        "FI",
    ): "initials are cut from the first name; no destination of ours sends them",
    ("meta (CAPI)", "F5FIRST"): "same, first five letters",
    ("meta (CAPI)", "F5LAST"): "same, first five letters",
    ("meta (CAPI)", "PHONE"): "a fixture without country code: we refuse such numbers",
    ("(fixture)", "any"): "not an identifier",
}


def cases():
    for number, vector in enumerate(VECTORS):
        if (vector["platform"], vector["key"]) not in NOT_OURS:
            yield pytest.param(vector, id=f"{number}-{vector['platform']}-{vector['key']}")


def read(vector):
    """Our normal form of the raw value; its note on the region says how to read phones."""
    raw, region = vector["raw"], "US"
    for note, value in REGIONS.items():
        if raw.endswith(note):
            raw, region = raw.removesuffix(note).strip(), value
    name = re.sub(r" \(.*\)$", "", vector["platform"])
    platform = PLATFORM.get(name, name)
    kind = KIND[vector["key"].lower()]
    return normalise(kind, raw, platform=platform, region=region), platform


@pytest.mark.parametrize("vector", list(cases()))
def test_normal_form_and_hash(vector):
    normal, platform = read(vector)
    assert normal == vector["normalised"]
    assert digest(normal) == vector["sha256"]
    published = vector["published"]
    if published is None:
        return
    if vector["check"] == "MISMATCH":
        # The platform's page shows a hash of something else; following it would match nobody.
        assert digest(normal) != published
    elif published.endswith("="):
        assert digest(normal, encoding=rules_of(platform).encoding) == published
        assert base64.b64decode(published).hex() == vector["sha256"]
    else:
        assert digest(normal) == published


def test_all_but_the_listed_vectors_are_checked():
    skipped = [v for v in VECTORS if (v["platform"], v["key"]) in NOT_OURS]
    assert len(VECTORS) == 80
    assert len(skipped) == 5


def test_a_number_without_country_code_is_refused():
    with pytest.raises(UnusableError, match="without country code"):
        normalise("phone", "510 555 0011", platform="meta")

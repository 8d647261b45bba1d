"""Identifiers in the one form that a platform hashes too; or the reason why there is none.

Pure functions. An identifier that can't be normalised is refused with an `UnusableError`, which
carries a reason and never the identifier: callers count reasons.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from enum import StrEnum
from typing import Final

from fewer.data.identity.rules import EVERY_DOMAIN, MONTHS, PLATFORMS, STATES, Rules

_INVISIBLE: Final = dict.fromkeys(
    [*range(0x200B, 0x2010), *range(0x202A, 0x202F), 0x2060, 0xFEFF, 0xAD]
)
_PHONE_TEXT: Final = re.compile(r"^[+＋]?[\d\s().\-/‐-―~x]*$")  # noqa: RUF001  as people type
_COUNTRY: Final = re.compile(r"^[a-z]{2}$")
_US_POSTCODE: Final = re.compile(r"^(\d{5})-?\d{4}$")
_DEVICE: Final = re.compile(r"^[0-9a-z_\-]+$")
_YEARS: Final = range(1900, 2100)


class Unusable(StrEnum):
    """Why an identifier can't be sent."""

    MISSING = "missing"
    NOT_AN_EMAIL = "not an e-mail address"
    NOT_A_PHONE = "not a phone number"
    NO_COUNTRY_CODE = "phone number without country code"
    NOT_A_COUNTRY = "not a two-letter country code"
    NOT_A_DATE = "not a day, month or year of birth"
    NOT_A_GENDER = "not a gender code"
    NOT_A_NAME = "nothing left of the name"
    NOT_A_POSTCODE = "nothing left of the postcode"
    NOT_A_DEVICE_ID = "not a device id"


class UnusableError(ValueError):
    """An identifier has no normal form. Holds the reason, never the identifier."""

    def __init__(self, reason: Unusable) -> None:
        self.reason = reason
        super().__init__(str(reason))


def rules_of(platform: str) -> Rules:
    """Rules of a platform; `KeyError` names the known ones."""
    try:
        return PLATFORMS[platform]
    except KeyError:
        msg = f"no identifier rules for {platform!r}; known: {', '.join(PLATFORMS)}"
        raise KeyError(msg) from None


def email(raw: str | None, *, platform: str = "plain") -> str:
    """E-mail address as `platform` hashes it.

    >>> email(" Jane.Doe+News@Gmail.com "), email("Jane.Doe+News@Gmail.com", platform="google")
    ('jane.doe+news@gmail.com', 'janedoe@gmail.com')
    """
    from email_validator import EmailNotValidError, validate_email  # noqa: PLC0415  slow to import

    rules = rules_of(platform)
    text = _clean(raw).lower()
    if rules.inner_spaces:
        text = "".join(text.split())
    try:
        # .test and .example pass, since trials are full of them; .invalid and .local do not.
        validate_email(text, check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        raise UnusableError(Unusable.NOT_AN_EMAIL) from None
    local, _, domain = text.rpartition("@")
    if _applies(rules.fold_tags, domain):
        local = local.partition("+")[0]
    if _applies(rules.fold_dots, domain):
        local = local.replace(".", "")
    if rules.letters_and_digits:
        local = "".join(c for c in local if c.isalnum())
    if not local:
        raise UnusableError(Unusable.NOT_AN_EMAIL)
    return f"{local}@{domain}"


def phone(raw: str | None, *, platform: str = "plain", region: str | None = None) -> str:
    """Phone number in E.164, with or without its '+' as `platform` wants.

    `region` (ISO 3166 alpha-2) is the country of numbers written without a country code;
    without it they are refused.

    >>> phone("(650) 555-1212", region="US"), phone("0044 20 7946 0000", platform="meta")
    ('+16505551212', '442079460000')
    """
    import phonenumbers  # noqa: PLC0415  slow to import

    text = _clean(raw)
    if not _PHONE_TEXT.match(text) or not any(c.isdigit() for c in text):
        raise UnusableError(Unusable.NOT_A_PHONE)
    for candidate in _phone_candidates(text, region):
        try:
            number = phonenumbers.parse(candidate, region)
        except phonenumbers.NumberParseException as error:
            if error.error_type == phonenumbers.NumberParseException.INVALID_COUNTRY_CODE:
                raise UnusableError(Unusable.NO_COUNTRY_CODE) from None
            continue
        if phonenumbers.is_valid_number(number):
            form = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
            return form if rules_of(platform).phone_plus else form.removeprefix("+")
    raise UnusableError(Unusable.NOT_A_PHONE)


def _phone_candidates(text: str, region: str | None) -> tuple[str, ...]:
    """Ways to read a number: as written in the region, then with its leading zeros dropped."""
    digits = text.lstrip("+＋").strip()  # noqa: RUF001  the full-width plus
    if digits != text:  # a plus: what follows is a country code, whatever zeros people put first
        return ("+" + digits.lstrip("0"),)
    if digits.startswith("00"):
        return ("+" + digits.lstrip("0"), text)
    return (text, digits.lstrip("0")) if region else (text,)


def name(raw: str | None, *, platform: str = "plain") -> str:
    """First or last name: lower case, without punctuation unless `platform` keeps it.

    >>> name(" O'Brien-Smith "), name("Valéry"), name("정")
    ('obriensmith', 'valéry', '정')
    """
    text = _clean(raw).lower()
    if not rules_of(platform).keeps_punctuation:
        text = _without_punctuation(text)
    return _left(" ".join(text.split()), Unusable.NOT_A_NAME)


def city(raw: str | None) -> str:
    """City: lower case, letters and digits only.

    >>> city("São Paulo")
    'sãopaulo'
    """
    text = _without_punctuation(_clean(raw).lower())
    return _left("".join(text.split()), Unusable.NOT_A_NAME)


def state(raw: str | None) -> str:
    """State: two letters for the USA, otherwise like a city.

    >>> state("New York"), state("Bayern")
    ('ny', 'bayern')
    """
    text = city(raw)
    return STATES.get(text, text)


def postcode(raw: str | None) -> str:
    """Postcode: lower case, no space; five digits in the USA.

    >>> postcode("SW1A 1AA"), postcode("90210-1234")
    ('sw1a1aa', '90210')
    """
    text = _left("".join(_clean(raw).lower().split()), Unusable.NOT_A_POSTCODE)
    american = _US_POSTCODE.match(text)
    return american[1] if american else text


def country(raw: str | None) -> str:
    """Country: ISO 3166 alpha-2, lower case.

    >>> country(" US ")
    'us'
    """
    from phonenumbers import SUPPORTED_REGIONS  # noqa: PLC0415  slow to import

    text = _clean(raw).lower()
    if not _COUNTRY.match(text) or text.upper() not in SUPPORTED_REGIONS:
        raise UnusableError(Unusable.NOT_A_COUNTRY)
    return text


def gender(raw: str | None) -> str:
    """Gender: ``f`` or ``m``, the only codes platforms match on.

    >>> gender("Female")
    'f'
    """
    text = _clean(raw).lower()
    if text not in {"f", "m", "female", "male"}:
        raise UnusableError(Unusable.NOT_A_GENDER)
    return text[0]


def birth_year(raw: str | None) -> str:
    """Year of birth, four digits."""
    return str(_number(raw, _YEARS))


def birth_month(raw: str | None) -> str:
    """Month of birth, two digits; English names are read too.

    >>> birth_month("january"), birth_month("9")
    ('01', '09')
    """
    text = _clean(raw).lower()
    if text in MONTHS:
        return f"{MONTHS.index(text) + 1:02d}"
    return f"{_number(text, range(1, 13)):02d}"


def birth_day(raw: str | None) -> str:
    """Day of birth, two digits."""
    return f"{_number(raw, range(1, 32)):02d}"


def device_id(raw: str | None) -> str:
    """Advertising id of a device: lower case, hyphens kept."""
    text = _clean(raw).lower()
    if not _DEVICE.match(text) or set(text) <= set("0-"):
        raise UnusableError(Unusable.NOT_A_DEVICE_ID)
    return text


def handle(raw: str | None) -> str:
    """Account name without its '@', lower case."""
    return _left(_clean(raw).removeprefix("@").lower(), Unusable.NOT_A_NAME)


PLAIN_KINDS: Final[dict[str, Callable[[str | None], str]]] = {
    "city": city,
    "state": state,
    "postcode": postcode,
    "country": country,
    "gender": gender,
    "birth_year": birth_year,
    "birth_month": birth_month,
    "birth_day": birth_day,
    "device_id": device_id,
    "handle": handle,
}
"""Kinds of identifiers that every platform writes alike."""


def normalise(
    kind: str, raw: str | None, *, platform: str = "plain", region: str | None = None
) -> str:
    """Normal form of an identifier of any kind.

    Raises:
        UnusableError: When it has none.
        KeyError: When the kind or the platform is not known.
    """
    match kind:
        case "email":
            return email(raw, platform=platform)
        case "phone":
            return phone(raw, platform=platform, region=region)
        case "first_name" | "last_name":
            return name(raw, platform=platform)
        case _:
            return PLAIN_KINDS[kind](raw)


def _clean(raw: str | None) -> str:
    """Trimmed, NFC, without characters nobody sees; refuses what is empty then."""
    text = unicodedata.normalize("NFC", raw or "").translate(_INVISIBLE).strip()
    return _left(text, Unusable.MISSING)


def _left(text: str, otherwise: Unusable) -> str:
    if not text:
        raise UnusableError(otherwise)
    return text


def _without_punctuation(text: str) -> str:
    # Categories P* (punctuation) and S* (symbols); letters, marks and digits of any script stay.
    return "".join(c for c in text if unicodedata.category(c)[0] not in "PS")


def _number(raw: str | None, allowed: range) -> int:
    text = _clean(raw)
    if not (text.isascii() and text.isdigit()) or int(text) not in allowed:
        raise UnusableError(Unusable.NOT_A_DATE)
    return int(text)


def _applies(domains: tuple[str, ...], domain: str) -> bool:
    return domain in domains or EVERY_DOMAIN in domains

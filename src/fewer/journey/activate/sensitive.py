"""Sensitive subjects in names, events and paths of items: what platforms forbid or restrict.

A finding is a hint to look, never a verdict: words have several meanings. Each subject names the
policy that it comes from. Word beginnings are compared, without regard to case and accents.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

GOOGLE: Final = "https://support.google.com/adspolicy/answer/143465 (2026-11)"
META: Final = (
    "https://developers.facebook.com/documentation/ads-commerce/marketing-api/audiences/guides/"
    "custom-audiences: names may not imply health or finances (2026-11)"
)
GDPR: Final = "Regulation (EU) 2016/679, article 9: special categories"
COPPA: Final = "16 CFR part 312: children under 13"


@dataclass(frozen=True, slots=True)
class Subject:
    """One sensitive subject: what begins with these words, and who says so."""

    id: str
    title: str
    words: tuple[str, ...]
    sources: tuple[str, ...]


SUBJECTS: Final = (
    Subject("health", "health", (
        "health", "medic", "pharm", "drugstore", "prescription", "diabet", "insulin", "cancer",
        "depress", "anxiety", "therapy", "clinic", "hospital", "doctor", "fertil", "pregnan",
        "contracept", "condom", "feminine hyg", "menstru", "tampon", "incontinen", "diet",
        "weight loss", "smoking cess", "hearing aid", "disabil", "vitamin", "first aid",
        "cold and flu", "analgesic", "laxative", "antacid", "hiv", "std test", "gesundheit",
        "apotheke", "arznei", "schwanger", "sante", "pharmacie", "salud", "embarazo",
    ), (GOOGLE, META, GDPR)),
    Subject("alcohol", "alcohol", (
        "alcohol", "beer", "wine", "liquor", "spirits", "whisk", "vodka", "rum", "gin", "cider",
        "champagne", "brandy", "ale", "malt beverage", "cocktail", "bier", "wein", "schnaps",
        "biere", "vin", "cerveza", "vino",
    ), (GOOGLE,)),
    Subject("tobacco", "tobacco", (
        "tobacco", "cigar", "cigarette", "vape", "vaping", "nicotine", "smok", "tabak",
        "zigarette", "tabac", "tabaco", "snus",
    ), (GOOGLE,)),
    Subject("adult", "adult content", (
        "adult toy", "adult content", "sex", "erotic", "porn", "lingerie fetish", "escort",
        "erotik",
    ), (GOOGLE, GDPR)),
    Subject("religion", "religion or belief", (
        "religio", "church", "mosque", "synagog", "temple", "bible", "quran", "koran", "torah",
        "christian", "muslim", "islam", "jewish", "judai", "hindu", "buddh", "atheis", "kirche",
        "eglise", "iglesia",
    ), (GOOGLE, GDPR)),
    Subject("politics", "politics or unions", (
        "politic", "election", "campaign donor", "democrat", "republican", "conservative part",
        "labour part", "trade union", "union member", "petition", "ballot", "gewerkschaft",
        "wahlkampf",
    ), (GOOGLE, GDPR)),
    Subject("children", "children", (
        "kids under", "children under", "child directed", "toddler app", "baby", "infant",
        "diaper", "nappy", "nappies", "kindergarten", "preschool", "toys for age", "windel",
    ), (GOOGLE, COPPA)),
    Subject("finance", "financial hardship", (
        "debt", "bankrupt", "credit score", "payday", "foreclos", "low income", "overdue",
        "collections agency", "loan default", "schulden", "insolven", "dettes", "deudas",
    ), (GOOGLE, META)),
    Subject("ethnicity", "ethnic origin", (
        "ethnic", "race ", "immigrant", "refugee", "hispanic only", "black only",
    ), (GOOGLE, GDPR)),
    Subject("orientation", "sexual orientation", (
        "gay", "lesbian", "bisexual", "transgender", "lgbt", "queer",
    ), (GOOGLE, GDPR)),
    Subject("crime", "crime or hardship", (
        "criminal", "prison", "convict", "arrest record", "domestic violence", "abuse victim",
        "divorce",
    ), (GOOGLE,)),
    Subject("gambling", "gambling", (
        "gambl", "casino", "betting", "lottery", "poker", "wetten", "lotto",
    ), (GOOGLE,)),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Finding:
    """A text in which a subject is named."""

    subject: str
    where: str  # "name", "event", "item category", ...
    text: str

    @property
    def words(self) -> str:
        """``alcohol in item category 'Beer / Ale'``."""
        return f"{title(self.subject)} in {self.where} {self.text!r}"


def title(subject: str) -> str:
    """How a subject is called in front of people."""
    return next(one.title for one in SUBJECTS if one.id == subject)


def sources(subject: str) -> tuple[str, ...]:
    """Who restricts it."""
    return next(one.sources for one in SUBJECTS if one.id == subject)


def subjects_in(text: str) -> list[str]:
    """Ids of the subjects that a text names, in their order.

    >>> subjects_in("BEERS/ALES > Domestic"), subjects_in("Feminine hygiene"), subjects_in("rumour")
    (['alcohol'], ['health'], [])
    """
    plain = _plain(text)
    return [one.id for one, pattern in _PATTERNS if pattern.search(plain)]


def find(texts: Iterable[tuple[str, str]]) -> list[Finding]:
    """Subjects in texts, each given with where it stands; each text once."""
    found = {
        Finding(subject, where, text): None
        for where, text in texts
        for subject in subjects_in(text)
    }
    return list(found)


_WHOLE: Final = frozenset(("rum", "gin", "ale", "vin", "gay", "sex", "smok", "race ", "hiv"))
"""Short words that begin too many others: they stand alone, or with a plural's s."""


def _plain(text: str) -> str:
    folded = unicodedata.normalize("NFKD", text).casefold()
    letters = "".join(c if c.isalnum() else " " for c in folded if not unicodedata.combining(c))
    return " ".join(letters.split())


def _pattern(words: Iterable[str]) -> re.Pattern[str]:
    return re.compile("|".join(_begins(word) for word in words))


def _begins(word: str) -> str:
    if word in _WHOLE:
        return rf"\b{re.escape(word.strip())}(?:s|ing|ers?)?\b"
    return rf"\b{re.escape(word)}"


_PATTERNS: Final = tuple((one, _pattern(one.words)) for one in SUBJECTS)

"""Properties whose values have several types, and numbers that are stored as text."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from fewer.journey.audit.base import Draft, Evidence, Figure, Gate, Table, check
from fewer.journey.audit.facts import PropertyFacts, percent
from fewer.journey.audit.survey import Survey

CODE: Final = re.compile(
    r"(^|[_.\s])(id|ids|code|no|number|nr|sku|upc|ean|gtin|zip|postcode|phone|key|hash|version|invoice|order|basket|receipt)$"
    r"|(id|code|no|sku|upc)$",
    re.IGNORECASE,
)
NEARLY_ALL: Final = 0.99
VARIED: Final = 20  # distinct values; fewer are codes


@check("AU012", "Does each property have one type?")
def mixed_types(survey: Survey) -> Iterator[Draft]:
    """One finding for properties of several types, one for numbers stored as text."""
    facts = (*survey.properties, *survey.traits, *survey.attributes)
    mixed = _mixed(facts)
    if mixed:
        yield Draft(
            severity="warning",
            title=_mixed_title(mixed),
            detail="A condition tests one type, and does not match values of another.",
            evidence=Evidence(
                figures=(Figure(label="properties of several types", value=len(mixed)),),
                table=Table(
                    columns=("of", "property", "types and rows"),
                    rows=tuple(
                        (group[0].event or "people or items", group[0].name, _types(group))
                        for group in mixed
                    ),
                    total=len(mixed),
                ),
            ),
            fix="Give the property a `type:` in fewer.yaml: text | number | boolean | timestamp.",
            gates=(Gate(kind="segments", text="conditions on them miss part of the people"),),
            events=tuple(sorted({g[0].event for g in mixed if g[0].event})),
        )
    known = {(group[0].event, group[0].name) for group in mixed}
    texts = [f for f in facts if (f.event, f.name) not in known and _reads_as_number(f)]
    if texts:
        yield Draft(
            severity="info",
            title=(
                f"{texts[0].name} is stored as text but holds numbers"
                if len(texts) == 1
                else f"{len(texts)} properties are stored as text but hold numbers"
            ),
            detail="`at_least` and sums need numbers; on text they match no one.",
            evidence=Evidence(
                figures=(Figure(label="properties", value=len(texts)),),
                table=Table(
                    columns=("of", "property", "rows", "% that read as numbers"),
                    rows=tuple(
                        (
                            f.event or "people or items",
                            f.name,
                            f.filled,
                            percent(f.numeric, f.filled),
                        )
                        for f in texts
                    ),
                    total=len(texts),
                ),
            ),
            fix="Set `type: number` on the property in fewer.yaml, unless it is a code.",
            gates=(Gate(kind="value goals", text="they can't be summed or compared"),),
        )


def _mixed(facts: tuple[PropertyFacts, ...]) -> list[list[PropertyFacts]]:
    groups: dict[tuple[str, str], list[PropertyFacts]] = defaultdict(list)
    for each in facts:
        groups[each.event, each.name].append(each)
    return [sorted(g, key=lambda f: -f.filled) for g in groups.values() if len(g) > 1]


def _mixed_title(mixed: list[list[PropertyFacts]]) -> str:
    if len(mixed) == 1:
        first = mixed[0][0]
        return f"{first.name}{f' of {first.event}' if first.event else ''} has several types"
    return f"{len(mixed)} properties have several types"


def _types(group: list[PropertyFacts]) -> str:
    return ", ".join(f"{facts.type} {facts.filled:,}" for facts in group)


def _reads_as_number(facts: PropertyFacts) -> bool:
    return (
        facts.type == "text"
        and facts.distinct >= VARIED
        and facts.numeric >= NEARLY_ALL * facts.filled
        and not CODE.search(facts.name)
    )

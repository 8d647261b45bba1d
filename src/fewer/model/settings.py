"""Project settings: what ``fewer.yaml`` says."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, model_validator

from fewer.model.ads import AdSettings
from fewer.model.base import Frozen, Name, SegmentId, Text
from fewer.model.destination import Destinations, DestinationSettings
from fewer.model.in_place import EngineChoice, OwnTables
from fewer.model.mapping import SourceSettings, Zone
from fewer.model.number import Number
from fewer.model.window import Duration, Span

Currency = Annotated[str, StringConstraints(strict=True, pattern=r"^[A-Z]{3}$")]
"""ISO 4217 code."""


class Identity(Frozen):
    """How people and their visits are told apart."""

    session_gap: Span = Field(Duration(30, "m"), description="A pause this long ends a session.")
    phone_region: Annotated[str, StringConstraints(strict=True, pattern=r"^[A-Z]{2}$")] | None = (
        Field(None, description="Country of phone numbers without country code, ISO 3166.")
    )


class ConsentRule(Frozen):
    """Whom exports may contain."""

    purpose: Name = Field(description="Exports keep people whose consent for it is granted.")


class HoldoutRule(Frozen):
    """People held out of every campaign at random, so that its effect can be measured."""

    list: Name = Field(description="List of the people held out; made before the launch.")
    percent: Annotated[Number, Field(gt=0, lt=100)] = Field(description="Share planned.")


CheckCode = Annotated[str, StringConstraints(strict=True, pattern=r"^(AU|IP)\d{3}$")]
"""Code of a check; those of tables in place begin with IP."""


class AuditRule(Frozen):
    """What the audit leaves out."""

    ignore: tuple[CheckCode, ...] = ()


def _unique_ids(sources: tuple[SourceSettings, ...]) -> tuple[SourceSettings, ...]:
    seen: set[str] = set()
    for source in sources:
        if source.id in seen:
            msg = f"each source id once: {source.id!r} is used twice"
            raise ValueError(msg)
        seen.add(source.id)
    return sources


class ProjectSettings(Frozen):
    """A project: its name, clock, currency, sources and defaults.

    >>> ProjectSettings(version=1, name="Grocer").timezone
    'UTC'
    """

    version: Literal[1] = 1
    name: Name
    about: Text | None = Field(None, description="One sentence for the head of reports.")
    data: Literal["real", "simulated"] = Field(
        "real", description="simulated: every output carries a watermark."
    )
    timezone: Zone = "UTC"
    currency: Currency | None = None
    identity: Identity = Identity()
    sources: Annotated[
        tuple[SourceSettings, ...],
        BeforeValidator(lambda v: () if v is None else v),
        AfterValidator(_unique_ids),
    ] = ()
    engine: EngineChoice | None = Field(
        None, description="Name of an engine, or how to reach one. Default: the one inside."
    )
    tables: OwnTables | None = Field(
        None, description="Your own tables, read where they are instead of sources."
    )
    exclude: tuple[SegmentId, ...] = Field((), description="Segments left out of every segment.")
    consent: ConsentRule | None = None
    holdout: HoldoutRule | None = None
    destinations: Destinations = ()
    ads: AdSettings = AdSettings()
    audit: AuditRule = AuditRule()

    @model_validator(mode="after")
    def _exclusions_once(self) -> Self:
        if len(set(self.exclude)) < len(self.exclude):
            msg = "each segment once in 'exclude'"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        if self.tables is not None and self.sources:
            msg = "either 'sources', which are read into the store, or 'tables', read in place"
            raise ValueError(msg)
        if self.tables is not None and self.engine is None:
            msg = "'engine' beside 'tables': where they are"
            raise ValueError(msg)
        return self

    def destination(self, destination_id: str) -> DestinationSettings | None:
        """The destination of that id, or None."""
        return next((d for d in self.destinations if d.id == destination_id), None)

    def source(self, source_id: str) -> SourceSettings | None:
        """The source of that id, or None."""
        return next((s for s in self.sources if s.id == source_id), None)

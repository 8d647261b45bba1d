"""Destinations: where audiences go, under ``destinations`` of ``fewer.yaml``."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, model_validator

from fewer.model.base import Frozen, FrozenMap, Name, SegmentId, Text, freeze
from fewer.model.window import Duration, Span

DestinationId = Annotated[str, StringConstraints(strict=True, pattern=r"^[a-z][a-z0-9_]{0,62}$")]
VariableName = Annotated[str, StringConstraints(strict=True, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]


class Secret(Frozen):
    """Where a secret is found; never the secret itself."""

    env: VariableName | None = Field(None, description="Environment variable that holds it.")
    file: Text | None = Field(None, description="File that holds it, for its owner only.")

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.env is None) == (self.file is None):
            msg = "either 'env' or 'file': where the secret is"
            raise ValueError(msg)
        return self


class Caps(Frozen):
    """How often a person may be reached through a destination."""

    at_once: int | None = Field(
        None, ge=1, strict=True, description="Audiences a person may be in; 1 is a waterfall."
    )
    per_period: int | None = Field(
        None, ge=1, strict=True, description="Different audiences a person may come into."
    )
    period: Span = Field(Duration(30, "d"), description="The period of `per_period`.")


def _frozen(value: dict[str, object]) -> FrozenMap[str, object]:
    return freeze(value)


class DestinationSettings(Frozen):
    """One place that audiences are sent to."""

    id: DestinationId
    type: Name = Field(description="Kind of destination: webhook, meta, google, klaviyo, ...")
    segments: tuple[SegmentId, ...] = Field(
        (), description="Segments to send. Default: every active one."
    )
    keys: Literal["contacts", "person"] = Field(
        "contacts", description="contacts: hashed e-mail and phone; person: your own id, hashed."
    )
    purpose: Name | None = Field(
        None, description="Consent that people need here. Default: that of the project."
    )
    prefix: Text = Field("", description="Put before the name of every audience there.")
    secret: Secret | None = None
    base_url: Text | None = Field(
        None, description="Another address of the platform, such as a sandbox."
    )
    exclusions: tuple[SegmentId, ...] = Field(
        (), description="Segments sent as audiences to leave out of ads."
    )
    holdouts: bool = Field(
        default=True,
        description="Send who is held out as an audience to leave out, where anybody is.",
    )
    caps: Caps = Caps()
    full: bool = Field(
        default=False, description="Replace whole audiences instead of sending changes."
    )
    allow_small: bool = Field(
        default=False, description="Send audiences below the platform's minimum, too."
    )
    options: Annotated[dict[str, str | int | float | bool], AfterValidator(_frozen)] = Field(
        default_factory=lambda: freeze({}), description="What this type of destination asks for."
    )


def unique(found: tuple[DestinationSettings, ...]) -> tuple[DestinationSettings, ...]:
    """The same, each id once; ValueError otherwise."""
    seen: set[str] = set()
    for one in found:
        if one.id in seen:
            msg = f"each destination id once: {one.id!r} is used twice"
            raise ValueError(msg)
        seen.add(one.id)
    return found


Destinations = Annotated[
    tuple[DestinationSettings, ...],
    BeforeValidator(lambda v: () if v is None else v),
    AfterValidator(unique),
]

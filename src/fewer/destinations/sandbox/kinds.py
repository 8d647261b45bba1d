"""Which stand-ins there are.

They share no code with the destinations: each checks and holds what it is sent by itself.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

from fewer.errors import NotFoundError

if TYPE_CHECKING:
    from fewer.destinations.sandbox.server import Faults, StandIn

STAND_INS: Final[dict[str, str]] = {
    "webhook": "webhook:Receiver",
    "meta": "meta:Meta",
    "klaviyo": "klaviyo:Klaviyo",
}
"""Type of a destination -> ``module:class`` below this package, made with (key, faults)."""

OPTIONS: Final[dict[str, dict[str, str]]] = {
    "meta": {"ad_account": "act_42"},
}
"""Options that a destination needs to use its stand-in; any values do."""

PATHS: Final[dict[str, str]] = {"meta": "/v25.0/", "klaviyo": "/api/"}
"""What follows the stand-in's address in `base_url`."""


def stand_in(name: str, key: str, faults: Faults | None = None) -> StandIn:
    """The stand-in of a type of destination, not started yet.

    Raises:
        NotFoundError: There is none of that name.
    """
    if name not in STAND_INS:
        raise NotFoundError("stand-in", name, STAND_INS)
    module, _, attribute = STAND_INS[name].partition(":")
    made: StandIn = getattr(import_module(f"{__package__}.{module}"), attribute)(key, faults)
    return made

"""Small audiences from what people did: defined exactly, delivered, and measured honestly.

    project = fewer.Project.open("shop")
    project.ingest()
    build = project.build(as_of="2026-03-31")
    build.size("pricing_hot"), build.members("pricing_hot")

Definitions are objects too: `Segment`, `Goal`, and the conditions `Did`, `AllOf`, `SequenceOf` ...;
`describe` puts them in plain words, `to_yaml`, `to_json` and `to_python` write them down.

The names below load when they are first used, so that ``import fewer`` and ``fewer --help`` stay
quick. Everything else is internal and may move.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fewer.errors import DefinitionError, FewerError, GuardError, NotFoundError
    from fewer.language.files import load_goals, load_segments
    from fewer.language.json import from_json, to_json
    from fewer.language.python import to_python
    from fewer.language.words import describe
    from fewer.language.write import to_yaml
    from fewer.model.condition import (
        AllOf,
        AnyOf,
        Consent,
        Did,
        DidNot,
        First,
        InList,
        InSegment,
        Last,
        NoneOf,
        Not,
        Sample,
        SequenceOf,
        Trait,
    )
    from fewer.model.goal import Goal
    from fewer.model.segment import Segment
    from fewer.project.project import Project
    from fewer.project.snapshot import Snapshot

__version__ = "0.1.0"

__all__ = [
    "AllOf",
    "AnyOf",
    "Consent",
    "DefinitionError",
    "Did",
    "DidNot",
    "FewerError",
    "First",
    "Goal",
    "GuardError",
    "InList",
    "InSegment",
    "Last",
    "NoneOf",
    "Not",
    "NotFoundError",
    "Project",
    "Sample",
    "Segment",
    "SequenceOf",
    "Snapshot",
    "Trait",
    "__version__",
    "describe",
    "from_json",
    "load_goals",
    "load_segments",
    "to_json",
    "to_python",
    "to_yaml",
]

_HOMES = {
    "errors": ("DefinitionError", "FewerError", "GuardError", "NotFoundError"),
    "language.files": ("load_goals", "load_segments"),
    "language.json": ("from_json", "to_json"),
    "language.python": ("to_python",),
    "language.words": ("describe",),
    "language.write": ("to_yaml",),
    "model.condition": (
        *("AllOf", "AnyOf", "Consent", "Did", "DidNot", "First", "InList", "InSegment", "Last"),
        *("NoneOf", "Not", "Sample", "SequenceOf", "Trait"),
    ),
    "model.goal": ("Goal",),
    "model.segment": ("Segment",),
    "project.project": ("Project",),
    "project.snapshot": ("Snapshot",),
}
"""Module below this package -> public names that it defines."""

_HOME = {name: f"fewer.{module}" for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    """A public name, imported from its home on first use."""
    if name not in _HOME:
        raise AttributeError(f"module 'fewer' has no attribute {name!r}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

"""Small audiences from what people did: defined exactly, delivered, and measured honestly.

The names below load when they are first used, so that ``import fewer`` and ``fewer --help`` stay
quick. Everything else is internal and may move.
"""

from __future__ import annotations

from importlib import import_module

__version__ = "0.1.0"

_HOMES: dict[str, str] = {}
"""Public name -> module that defines it."""

__all__ = ["__version__"]


def __getattr__(name: str) -> object:
    """A public name, imported from its home on first use."""
    if name not in _HOMES:
        raise AttributeError(f"module 'fewer' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

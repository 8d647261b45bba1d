"""Every error a user can meet. Imports nothing from the package.

* FewerError
  x DefinitionError          a definition is wrong: fix the file
    - CycleError             segments refer to one another in a circle
  x SettingsError            the project file or its folder is wrong
  x SourceError              a source file can't be read at all (single bad rows go to quarantine)
  x StoreError               the store is damaged, locked or newer than this program
  x EngineError              an engine refused or failed a query
    - UnsupportedByEngineError
    - MissingExtraError      an optional dependency is not installed
    - StoppedError           the caller asked to stop
  x CheckError             an installed audit check can't be used
  x NotFoundError            no segment, build, person, goal ... of that name
    - PersonNotFoundError
  x GuardError               refused on purpose: consent, size, deletion limit
  x DeliveryError            an export or a destination failed
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from difflib import get_close_matches


def did_you_mean(word: str, known: Collection[str]) -> str:
    """Sentence that names the nearest known words, or an empty text.

    >>> did_you_mean("pricing_veiwed", ["pricing_viewed", "order"])
    " Did you mean 'pricing_viewed'?"
    """
    near = get_close_matches(word, sorted(known), n=3, cutoff=0.6)
    return f" Did you mean {' or '.join(map(repr, near))}?" if near else ""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong in one place of a file the user wrote.

    Lines and columns count from 1; both are 0 when the place is not known.
    """

    code: str  # stable, snake_case
    message: str  # what is wrong, and what was expected
    file: str = ""
    line: int = 0
    column: int = 0
    text: str = ""  # the offending text, as written
    hint: str = ""  # the next step

    @property
    def place(self) -> str:
        """``file:line:column``, as editors understand it."""
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file

    def __str__(self) -> str:
        """One line: place, code, what is wrong, next step."""
        start = f"{self.place}: " if self.place else ""
        hint = f" {self.hint}" if self.hint else ""
        return f"{start}error[{self.code}]: {self.message}{hint}"


class FewerError(Exception):
    """Base class: catch this to catch everything raised on purpose."""

    code = "fewer_error"  # stable; shown by the command, returned by interfaces


class DefinitionError(FewerError, ValueError):
    """Definitions are invalid. Carries every problem found, not only the first.

    >>> str(DefinitionError([Problem("unknown_key", "No key 'wihtin' here.", "a.yaml", 3, 5)]))
    "a.yaml:3:5: error[unknown_key]: No key 'wihtin' here."
    """

    code = "definition_error"

    def __init__(self, problems: Sequence[Problem] | str) -> None:
        if isinstance(problems, str):
            problems = [Problem(self.code, problems)]
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


class CycleError(DefinitionError):
    """Segments refer to one another in a circle; the message names the whole circle."""

    code = "segment_cycle"


class SettingsError(DefinitionError):
    """``fewer.yaml`` or the project folder is wrong."""

    code = "settings_error"


class SourceError(FewerError):
    """A source file can't be read at all; single bad rows go to quarantine instead."""

    code = "source_error"


class StoreError(FewerError):
    """The store is damaged, locked, or was written by a newer version."""

    code = "store_error"


class EngineError(FewerError):
    """An engine refused or failed a query."""

    code = "engine_error"


class UnsupportedByEngineError(EngineError):
    """The engine can't do this; the message says what to do instead."""

    code = "unsupported_by_engine"


class MissingExtraError(EngineError):
    """An optional dependency is not installed; the message names the extra."""

    code = "missing_extra"

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} needs an optional part. Run: pip install 'fewer[{extra}]'")


class StoppedError(EngineError):
    """The caller asked an evaluation to stop; nothing of it was kept."""

    code = "stopped"


class CheckError(FewerError):
    """An installed audit check can't be used: two share a code, or one is not a check."""

    code = "check_error"


class NotFoundError(FewerError, LookupError):
    """Nothing of that kind has that name."""

    code = "not_found"

    def __init__(
        self, kind: str, name: str, known: Collection[str] = (), *, hint: str = ""
    ) -> None:
        self.kind = kind
        near = did_you_mean(name, known) or (f" There are {len(known)}." if known else "")
        super().__init__(f"No {kind} {name!r}.{near}{f' {hint}' if hint else ''}")


class PersonNotFoundError(NotFoundError):
    """No person of that id; the id itself is not repeated, as it may be an address."""

    def __init__(self) -> None:
        super().__init__("person", "")
        words = (
            "No person of that id in the data. `fewer segments sample SEGMENT` prints ids as the"
            " sources write them."
        )
        self.args = (words,)


class GuardError(FewerError):
    """Refused on purpose: consent, minimum size, deletion limit."""

    code = "refused_by_guard"


class DeliveryError(FewerError):
    """An export or a destination failed; nothing was half-written."""

    code = "delivery_error"

"""A first ``claims.yaml``: the headline claims with the project's own segments, events and goal."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from fewer.errors import GuardError
from fewer.journey.measure.claims.headlines import HEADLINES
from fewer.journey.measure.claims.result import ClaimResult
from fewer.language.write import to_yaml
from fewer.model.claim import Claim, PeopleClaim
from fewer.project.claims import checker
from fewer.project.claims_headlines import Templates
from fewer.project.claims_reading import read_claims
from fewer.project.engines import need_store
from fewer.project.folder import CLAIMS

if TYPE_CHECKING:
    from fewer.project.guarding import Tell
    from fewer.project.project import Project

_HEAD: Final = """\
# Statements about these people that can be checked: `fewer claims`, or `fewer claims ID` in full.
# Keys: docs/claims.md. Change what you like; a claim with one of these five ids takes the place of
# the one that `fewer claims` would make up.
"""
_ABOUT_PEOPLE: Final = """\

# {title}.
# At every index time T `group` and `against` read what was done before T, and the outcome is
# counted from T + gap on: never both in the same days. No `index`: Mondays of half a year.
"""
_ABOUT_REPORTS: Final = """\

# {title}.
# From ad reports: segments against the broad audience on the same days.
"""
_LACKS: Final = """\

# {title}
# ({id}): {because}.
# It would take {needed}.
"""


@dataclass(frozen=True, slots=True)
class Drafted:
    """The file that was written, the claims in it, and those that the project can't state yet."""

    path: Path
    ids: tuple[str, ...]
    lacking: tuple[ClaimResult, ...]


def draft(project: Project, *, goal: str | None, tell: Tell) -> Drafted:
    """Write the headline claims to ``claims.yaml``.

    Raises:
        GuardError: There is such a file already, or no goal.
        NotFoundError: No goal of that id.
    """
    need_store(project, "Writing claims")
    for name in CLAIMS:
        if (project.folder.root / name).exists():
            raise GuardError(
                f"{name} is there already and is not written over. `fewer claims` checks what is"
                " in it, and the headline claims that are not."
            )
    with checker(project, tell) as found:
        if not project.definitions.goals:
            raise GuardError(f"There is no goal to make claims about. It takes {found.a_goal()}.")
        tell("looking at events and segments")
        made, lacking = Templates(found).made(HEADLINES, goal)
    made.sort(key=lambda claim: HEADLINES.index(claim.id))
    parts = [_part(claim) for claim in made]
    parts += [
        _LACKS.format(title=one.title, id=one.id, because=one.because, needed=one.needed)
        for one in lacking
    ]
    path = project.folder.root / CLAIMS[0]
    path.write_text(_HEAD + "".join(parts), encoding="utf-8")
    read_claims(project)
    return Drafted(path, tuple(claim.id for claim in made), tuple(lacking))


def _part(claim: Claim) -> str:
    about = _ABOUT_PEOPLE if isinstance(claim, PeopleClaim) else _ABOUT_REPORTS
    return about.format(title=claim.title) + to_yaml([claim])

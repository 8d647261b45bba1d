"""The file of claims: read whole, and every name in it looked up."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING

from pydantic import TypeAdapter

from fewer.errors import DefinitionError, Problem, did_you_mean
from fewer.language.node import Node
from fewer.language.yaml import in_order, load, validate
from fewer.model.claim import Claim, ReportClaim
from fewer.model.condition import Condition, InSegment, walk
from fewer.project.folder import CLAIMS

if TYPE_CHECKING:
    from fewer.project.project import Project

Named = tuple[str, str, Sequence[str | int]]
"""A kind of thing, the id of one, and where below the claim it was written."""


def read_claims(project: Project) -> tuple[Claim, ...]:
    """The project's own claims; none without a file of them.

    Raises:
        DefinitionError: Every mistake, with its place.
    """
    found: list[Claim] = []
    problems: list[Problem] = []
    known = {
        "goal": {goal.id for goal in project.definitions.goals},
        "segment": set(project.definitions.segment_ids),
    }
    for path in (project.folder.root / name for name in CLAIMS):
        if not path.is_file():
            continue
        try:
            node = load(path.read_bytes(), file=path.name)
            if node.value is None:
                continue
            top = ("claims",) if isinstance(node.value, dict) and "claims" in node.value else ()
            read = validate(node, TypeAdapter(list[Claim]), at=top)
        except DefinitionError as error:
            problems += error.problems
            continue
        for n, claim in enumerate(read):
            if any(claim.id == other.id for other in found):
                message = f"The id {claim.id!r} is used twice."
                problems.append(node.place((*top, n, "id")).problem("duplicate_id", message))
            found.append(claim)
            problems += _strangers(claim, known, node, (*top, n))
    if problems:
        raise DefinitionError(in_order(problems))
    return tuple(found)


def _strangers(
    claim: Claim, known: dict[str, set[str]], node: Node, at: tuple[str | int, ...]
) -> Iterator[Problem]:
    """Goals and segments that the claim names and the project does not have."""
    for kind, name, path in _names(claim):
        there: Collection[str] = known[kind]
        if name in there or name.partition("@")[0] in there:
            continue
        hint = did_you_mean(name, there).strip() or f"Define it, or name one of {len(there)}."
        message = f"There is no {kind} {name!r}."
        yield node.place((*at, *path)).problem(f"unknown_{kind}", message, hint)


def _names(claim: Claim) -> Iterator[Named]:
    if isinstance(claim, ReportClaim):
        yield from (("segment", name, ("segments", n)) for n, name in enumerate(claim.segments))
        return
    yield "goal", claim.outcome, ("outcome",)
    yield from (("segment", name, ("exclude", n)) for n, name in enumerate(claim.exclude))
    parts: tuple[tuple[str, Condition | None], ...] = (
        ("population", claim.population), ("group", claim.group), ("against", claim.against),
    )  # fmt: skip
    for key, condition in parts:
        if condition is not None:
            for part in walk(condition):
                if isinstance(part, InSegment):
                    yield "segment", part.in_segment, (key,)

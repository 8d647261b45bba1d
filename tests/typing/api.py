"""The public API as a type checker sees it. Not run: `tests/typing/test_api.py` checks it."""

from __future__ import annotations

from typing import assert_type

import fewer
from fewer import AllOf, Did, DidNot, Goal, Project, Segment, Snapshot


def define() -> Segment:
    hot = AllOf(all=(Did(did=("page_view",)), DidNot(did_not=("purchase",))))
    return Segment(id="hot", name="Saw pricing", type="engagement", where=hot)


def read(text: str) -> None:
    assert_type(fewer.from_json(text, Goal), Goal)
    assert_type(fewer.describe(define()), str)
    assert_type(fewer.to_yaml(define()), str)


def use(project: Project) -> None:
    build = project.build(as_of="end")
    assert_type(build, Snapshot)
    assert_type(build.size("hot"), int)
    assert_type(fewer.Project.open("shop"), Project)


def ask(project: Project) -> None:
    found = project.preview({"did": "page_view", "within": "7d"}, as_of="end")
    assert_type(found.size, int)
    assert_type([point.size for point in found.history()], list[int])
    assert_type([one.both for one in found.overlap()], list[int])
    assert_type(found.sample(), list[str])
    project.preview("did: page_view")
    project.preview(define())
    project.preview(Did(did=("page_view",)))

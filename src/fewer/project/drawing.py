"""Pictures of a project by name, for notebooks: ``project.forest()``, ``project.funnel()``, ..."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from fewer.pictures.page import Picture
    from fewer.project.project import Project


class Drawing:
    """What `Project` draws of its newest refresh, or of the one named."""

    def picture(self, name: str, *, build_id: str | None = None) -> Picture:
        """A picture of a refresh: ``sizes``, ``forest``, ...; see `project.pictures.KINDS`.

        Raises:
            NotFoundError: There is no such picture; the names there are come with it.
            GuardError: What it would show is not there yet, with what it needs.
        """
        from fewer.project.pictures import draw

        return draw(cast("Project", self), name, build_id)

    def sizes(self, *, build_id: str | None = None) -> Picture:
        """People of each segment beside the size that is wanted."""
        return self.picture("sizes", build_id=build_id)

    def funnel(self, *, build_id: str | None = None) -> Picture:
        """People removed from each segment, by reason."""
        return self.picture("funnel", build_id=build_id)

    def size_history(self, *, build_id: str | None = None) -> Picture:
        """Sizes at past refreshes."""
        return self.picture("history", build_id=build_id)

    def overlap(self, *, build_id: str | None = None) -> Picture:
        """Share of people that each two segments have in common."""
        return self.picture("overlap", build_id=build_id)

    def combinations(self, *, build_id: str | None = None) -> Picture:
        """Largest combinations of segments (UpSet plot)."""
        return self.picture("combinations", build_id=build_id)

    def forest(self, goal: str = "", *, build_id: str | None = None) -> Picture:
        """Conversions against everyone else, or against the holdout; the first without `goal`.

        A comparison with people held out at random is ``EXPERIMENT:GOAL``.
        """
        return self.picture(_named("forest", goal), build_id=build_id)

    def decay(self, segment: str = "", *, build_id: str | None = None) -> Picture:
        """How a rate falls with the days since the action, of a segment with lookback windows."""
        return self.picture(_named("lookback", segment), build_id=build_id)

    def costs(self, name: str = "", *, build_id: str | None = None) -> Picture:
        """Cost against conversion; see `Picture.name` of the others."""
        return self.picture(_named("costs", name), build_id=build_id)

    def claims_checked(self) -> Picture:
        """Claims as `Project.claims` last found them, each beside what was claimed."""
        return self.picture("claims")


def _named(kind: str, which: str) -> str:
    return f"{kind}:{which}" if which else kind

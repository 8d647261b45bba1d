"""How the first rows of a source look, beside what the mapping makes of them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text

if TYPE_CHECKING:
    from fewer.data.sources.preview import Made, Preview


def show(out: Console, found: Preview) -> None:
    """The columns with their types, then each row and what it becomes."""
    out.print(Text(f"{found.source}: {found.file}", style="bold"))
    columns = ", ".join(f"{name} ({kind})" for name, kind in found.columns.items())
    out.print(Text(f"columns: {columns}", style="dim"), soft_wrap=True)
    for note in found.notes:
        out.print(Text(note, style="yellow"), soft_wrap=True)
    for row in found.rows:
        raw = row.read if isinstance(row.read, str) else json.dumps(row.read, ensure_ascii=False)
        out.print(Text(f"row {row.row}: {raw}", style="dim"), soft_wrap=True)
        for made in row.made:
            out.print(_line(made), soft_wrap=True)
        if not row.made:
            out.print(Text("  nothing: left out by `when`"))


def _line(made: Made) -> Text:
    if made.refused:
        return Text(f"  rejected: {made.refused}", style="yellow")
    values = ", ".join(f"{name}={value}" for name, value in made.values.items())
    line = Text(f"  {made.table}: {values}")
    for lost in made.lost:
        line.append(f" · value left out: {lost}", style="yellow")
    return line


def to_json(found: Preview) -> dict[str, Any]:
    """Plain data."""
    return found.model_dump(mode="json")

"""Ingest the project in a folder; run by tests that kill it, or watch its memory."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from fewer.data.sources.ingest import ingest
from fewer.data.store.store import Store
from fewer.model.settings import ProjectSettings


def _peak_kb() -> int:
    """Most memory that this process held. `ru_maxrss` would begin with that of the parent."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))


def main(folder: Path, control_url: str | None) -> None:
    settings = ProjectSettings.model_validate_json((folder / "settings.json").read_text())
    with Store.open(folder / ".fewer", control_url=control_url) as store:
        print("begin", flush=True)  # noqa: T201
        result = ingest(store, settings, folder)
    peak = _peak_kb()
    print(json.dumps({"fingerprint": result.fingerprint, "peak_kb": peak}))  # noqa: T201


if __name__ == "__main__":
    main(Path(sys.argv[1]), (sys.argv[2:] or [None])[0])

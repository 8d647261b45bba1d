"""Ingest the project in a folder; run by tests that kill it, or watch its memory."""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path

from fewer.data.sources.ingest import ingest
from fewer.data.store.store import Store
from fewer.model.settings import ProjectSettings


def main(folder: Path, control_url: str | None) -> None:
    settings = ProjectSettings.model_validate_json((folder / "settings.json").read_text())
    with Store.open(folder / ".fewer", control_url=control_url) as store:
        print("begin", flush=True)  # noqa: T201
        result = ingest(store, settings, folder)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"fingerprint": result.fingerprint, "peak_kb": peak}))  # noqa: T201


if __name__ == "__main__":
    main(Path(sys.argv[1]), (sys.argv[2:] or [None])[0])

"""Every example of docs/mapping.md is run: file, entry, and what the preview shows."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from fewer.data.sources.preview import preview
from fewer.language import yaml
from fewer.model.mapping import (
    AdReportMapping,
    EventMapping,
    EventName,
    FileOptions,
    Flatten,
    ItemsMapping,
    Join,
    ListsMapping,
    PeopleMapping,
    PersonKey,
    SourceSettings,
    Time,
    Value,
)

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "mapping.md").read_text()
FENCE = re.compile(r"^```(\w+)(?: title=\"([^\"]+)\")?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def examples():
    files, entry = {}, None
    for language, title, body in FENCE.findall(PAGE):
        if title:
            files[title] = body
        elif language == "yaml":
            entry = body
        elif language == "json":
            yield pytest.param(dict(files), entry, body, id=next(iter(files)))
            files, entry = {}, None


EXAMPLES = list(examples())


def test_there_are_examples():
    assert len(EXAMPLES) >= 14


@pytest.mark.parametrize("files,entry,shown", EXAMPLES)
def test_example(bench, files, entry, shown):
    for name, content in files.items():
        bench.write(name, content)
    loaded = yaml.load(entry, file="fewer.yaml").value
    bench.sources(*loaded)
    source = bench.settings.sources[0]
    found = preview(bench.store, bench.settings, bench.folder, source.id, 20)
    assert found.notes == ()
    lines = []
    for row in found.rows:
        for made in row.made:
            assert made.lost == ()
            refused = {"refused": made.refused, "row": row.row}
            lines.append(refused if made.refused else made.values)
    assert lines == [json.loads(line) for line in shown.splitlines()]
    stored = bench.ingest().rows
    assert stored.refused == sum("refused" in line for line in lines)


MODELS = (
    SourceSettings, FileOptions, Join, EventMapping, EventName, Value, Flatten, PersonKey, Time,
    PeopleMapping, ItemsMapping, ListsMapping, AdReportMapping,
)  # fmt: skip


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_option_is_on_the_page(model):
    hidden = {"flatten"}  # written "*"
    named = {field.alias or name for name, field in model.model_fields.items()}
    for name in named - hidden:
        assert re.search(rf"\b{name}\b", PAGE), name


def test_every_reason_is_on_the_page():
    found = set()
    for path in (ROOT / "src" / "fewer" / "data" / "sources").glob("*.py"):
        text = path.read_text()
        found |= set(re.findall(r'refuse\(.*?"([a-z_]+)"\)', text, re.DOTALL))
        found |= set(re.findall(r'return "([a-z]+_[a-z_]+)", None', text))
    found -= {"no_contact"}
    assert len(found) > 8
    assert {reason for reason in found if f"`{reason}`" not in PAGE} == set()

"""Segments of the type that they declare."""

from __future__ import annotations

import pytest

from fewer.journey.define.lint import lint
from fewer.language.files import load_segments
from journey.define.linting import told


@pytest.mark.parametrize(
    "kind,condition,fits",
    [
        ("engagement", "{did: purchase}", True),
        ("engagement", "{all: [{in_list: vip}, {sequence: [{did: purchase}]}]}", True),
        ("engagement", "{not: {did_not: purchase}}", True),
        ("engagement", "{in_list: vip}", False),
        ("engagement", "{did_not: purchase}", False),
        ("engagement", "{not: {did: purchase}}", False),
        ("content", "{did: page_view, where: {path: {starts_with: /x}}}", True),
        ("content", "{last: {did: page_view}, having: {path: /x}}", True),
        ("content", "{did: page_view}", False),
        ("content", "{not: {did: page_view, where: {path: /x}}}", False),
        ("recency_frequency", "{did: purchase, count: {at_least: 3}}", True),
        ("recency_frequency", "{last: {did: purchase}, within: 7d}", True),
        ("recency_frequency", "{did_not: purchase, within: 7d}", True),
        ("recency_frequency", "{did: purchase, within: 7d}", False),
        ("recency_frequency", "{last: {did: purchase}}", False),
        ("interest", "{did: purchase, where: {item.category: hats}}", True),
        ("interest", "{did: purchase, distinct: {of: path, at_least: 3}}", True),
        ("interest", "{trait: country, equals: DE}", True),
        ("interest", "{did: purchase, where: {path: /x}}", False),
        ("lookback", "{did: purchase, within: 7d}", False),
        ("custom", "{in_list: vip}", True),
    ],
)
def test_types(kind, condition, fits):
    found = told(f"- {{id: a, type: {kind}, where: {condition}}}")
    assert found == ([] if fits else ["1:17 not_of_its_type"])


def test_lookback_type_has_variants():
    text = (
        "- {id: a, type: lookback, where: {did: purchase, within: 7d}, variants: {lookback: [3d]}}"
    )
    assert told(text) == []


def test_a_wrong_type_names_the_right_ones():
    found = lint(load_segments("- {id: a, type: lookback, where: {did: x, count: {at_least: 2}}}"))
    assert found[0].hint == "As it is, it could be engagement or recency_frequency or custom."

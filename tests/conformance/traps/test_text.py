"""Traps about text: case, normal forms, wildcards, quotes, injection, patterns, paths."""

# ruff: noqa: RUF001  letters that look alike are the subject

from __future__ import annotations

import re
import sys
import unicodedata
from typing import Any

import pytest

from oracle.drawn import at, draw
from oracle.world import World

NASTY = (
    *("'", "''", '"', '""', "`", "\\", "\\\\", "\\'", "%", "_", "a%", "a_b", "$1", "?", ":v", "{}"),
    *("--", "/*", "*/", ";", "'; DROP VIEW events; --", "$$", "\n", "\t", "\r\n", " ", "  a  "),
    *(
        "é",
        "İ",
        "ı",
        "ß",
        "Σ",
        "ς",
        "🙂",
        "👩\u200d👧",
        "שלום",
        "\u202eabc",
        "\u00a0",
        "\ufeff",
        "ﬁ",
    ),
    *(
        "null",
        "NULL",
        "true",
        "1",
        "1e3",
        "nan",
        "x" * 5000,
        "*",
        "item.x",
        "e'\\x41'",
        "U&'\\0041'",
    ),
)


def people_with(*texts: str) -> World:
    """One person for each text, who is called by it."""
    return draw(traits={text: {"v": text} for text in dict.fromkeys(texts)})


class TestQuotesAndInjection:
    """Whatever a name or a value holds, it is compared, not run."""

    def test_values(self, engine):
        world = people_with(*NASTY)
        each = engine.ask(world, *({"trait": "v", "equals": text} for text in NASTY))
        assert each == [{text} for text in NASTY]
        [all_] = engine.ask(world, {"trait": "v", "in": list(NASTY)})
        assert all_ == set(NASTY)

    @pytest.mark.parametrize("test", ["contains", "starts_with", "ends_with"])
    def test_parts(self, engine, test):
        """% and _ are no wildcards, a backslash is no escape."""
        world = people_with(*NASTY, "a\\b", "axb", "a%b")
        holds = {
            "contains": lambda text, part: part in text,
            "starts_with": str.startswith,
            "ends_with": str.endswith,
        }[test]
        parts = ["%", "_", "\\", "'", '"', "\\'", "a_b", "a%", "\n", "🙂", "\u200d", "", "Σ", "--"]
        expected = [{t for t in world.persons.values() if holds(t, part)} for part in parts]
        assert engine.ask(world, *({"trait": "v", test: part} for part in parts)) == expected

    def test_names_of_events(self, engine):
        names = [name for name in NASTY if name != "*"]
        world = draw(**{name: [at("-1d", name)] for name in names})
        assert engine.ask(world, *({"did": name} for name in names)) == [{n} for n in names]
        assert engine.ask(world, {"did": names}, {"did_not": names[:5]}) == [
            set(names),
            set(names[5:]),
        ]

    def test_names_of_properties_traits_attributes_and_lists(self, engine):
        names = [name for name in NASTY if not name.startswith("item.") and name != "item_id"]
        world = draw(
            ann=[at("-1d", item_id="a", properties=dict.fromkeys(names, "x"))],
            traits={"ann": dict.fromkeys(names, "x"), "bob": {}},
            items={"a": dict.fromkeys(names, "x")},
            lists={name: ["ann"] for name in names},
            consents={("ann", name): "granted" for name in names},
        )
        asked: list[dict[str, Any]] = []
        for name in names:
            asked += [
                {"trait": name, "equals": "x"},
                {"did": "view", "where": {name: "x"}},
                {"did": "view", "where": {f"item.{name}": "x"}},
                {"did": "view", "distinct": {"of": name, "exactly": 1}},
                {"in_list": name},
                {"consent": name},
            ]
        assert engine.ask(world, *asked) == [{"ann"}] * len(asked)

    def test_an_event_called_star_is_one_among_others(self, engine):
        world = draw(ann=[at("-1d", "*")], bob=[at("-1d", "view")])
        assert engine.ask(world, {"did": "*"}, {"did": ["view"]}) == [{"ann", "bob"}, {"bob"}]

    def test_names_are_case_sensitive(self, engine):
        world = draw(
            ann=[at("-1d", "view", Path="x")],
            bob=[at("-1d", "View", path="x")],
            traits={"ann": {"Plan": 1}, "bob": {"plan": 1}},
        )
        found = engine.ask(
            world,
            {"did": "view"},
            {"did": "View"},
            {"did": "*", "where": {"path": "x"}},
            {"did": "*", "where": {"Path": "x"}},
            {"trait": "Plan", "exists": True},
            {"trait": "plan", "exists": True},
        )
        assert found == [{"ann"}, {"bob"}, {"bob"}, {"ann"}, {"ann"}, {"bob"}]


class TestNormalForms:
    """Text is stored in NFC; a literal written in another form means the same."""

    def test_a_decomposed_literal(self, engine):
        composed = ["é", "Å", "각", "ñandú"]
        world = draw(
            **{text: [at("-1d", text, properties={text: text})] for text in composed},
            traits={text: {"v": text} for text in composed},
        )
        for form in ("NFD", "NFC"):
            written = [unicodedata.normalize(form, text) for text in composed]
            each = [{text} for text in composed]
            assert engine.ask(world, *({"trait": "v", "equals": w} for w in written)) == each
            assert engine.ask(world, *({"trait": "v", "starts_with": w} for w in written)) == each
            assert engine.ask(world, *({"did": w, "where": {w: w}} for w in written)) == each
            assert (
                engine.ask(world, *({"trait": "v", "matches": f"^{w}$"} for w in written)) == each
            )

    def test_compatibility_forms_stay_apart(self, engine):
        """NFC keeps ﬁ, ² and full-width letters: they equal only themselves."""
        texts = ["ﬁ", "fi", "²", "2", "Ａ", "A"]
        world = people_with(*texts)
        found = engine.ask(world, *({"trait": "v", "equals": text} for text in texts))
        assert found == [{text} for text in texts]


class TestIgnoreCase:
    """Both sides in lower case by Unicode's simple mapping: one character for one."""

    def test_words(self, engine):
        texts = ["İ", "i", "I", "ı", "i\u0307", "ß", "ẞ", "SS", "ss", "Σ", "σ", "ς", "ΑΣ", "ας",
                 "ασ", "ǅ", "ǆ", "Ǆ", "K", "k", "\u13a0", "\uab70", "𐐀", "𐐨", "É", "é"]  # fmt: skip
        world = people_with(*texts)

        def lower(text: str) -> str:
            return "".join("i" if c == "İ" else c.lower() for c in text)

        asked = [{"trait": "v", "equals": text, "ignore_case": True} for text in texts]
        expected = [
            {
                t
                for t in world.persons.values()
                if lower(t) == lower(unicodedata.normalize("NFC", text))
            }
            for text in texts
        ]
        assert engine.ask(world, *asked) == expected
        assert expected[texts.index("İ")] == {"İ", "i", "I"}
        assert expected[texts.index("ς")] == {"ς"}
        assert expected[texts.index("ß")] == {"ß", "ẞ"}
        assert expected[texts.index("ΑΣ")] == {"ΑΣ", "ασ"}

    def test_every_character_with_a_lower_case(self, engine):
        """A new Unicode in one of two libraries must not move anybody.

        Each person holds a capital; the literal is the small letter that this Python maps it to.
        """
        capitals = [
            char
            for char in map(chr, range(sys.maxunicode + 1))
            if not 0xD800 <= ord(char) <= 0xDFFF
            and unicodedata.is_normalized("NFC", char)
            and char.lower() != char
        ]
        assert len(capitals) > 1_300
        world = draw(traits={c: {"v": f"{ord(c):x} {c}"} for c in capitals})
        small = [f"{ord(c):x} {'i' if c == 'İ' else c.lower()}" for c in capitals]
        [found] = engine.ask(world, {"trait": "v", "in": small, "ignore_case": True})
        assert set(capitals) - found == set()

    def test_what_has_no_lower_case_stays(self, engine):
        """Nor does an engine fold what the simple mapping leaves alone."""
        pairs = [
            ("ß", "ss"),
            ("ı", "i"),
            ("ς", "σ"),
            ("ﬁ", "fi"),
            ("ŉ", "ʼn"),
            ("ſ", "s"),
            ("ᾳ", "αι"),
        ]
        world = draw(traits={c: {"v": c} for c, _ in pairs})
        folded = [{"trait": "v", "equals": other, "ignore_case": True} for _, other in pairs]
        assert engine.ask(world, *folded) == [set()] * len(pairs)

    @pytest.mark.parametrize("test", ["contains", "starts_with", "ends_with", "under", "in"])
    def test_all_tests_of_text(self, engine, test):
        literal: Any = ["WEAR > ŞIK İ"] if test == "in" else "WEAR > ŞIK İ"
        world = people_with("Wear > Şik i", "wear > şIK İ", "wear > sik i", "wear > şık i")
        found = engine.ask(
            world,
            {"trait": "v", test: literal, "ignore_case": True},
            {"trait": "v", test: literal},
        )
        assert found == [{"Wear > Şik i", "wear > şIK İ"}, set()]

    def test_negated(self, engine):
        world = people_with("A", "a", "b")
        found = engine.ask(
            world,
            {"trait": "v", "not_equals": "A", "ignore_case": True},
            {"trait": "v", "not_in": ["A", "x"], "ignore_case": True},
            {"trait": "v", "not_in": ["B"], "ignore_case": True, "equals": "A"},
        )
        assert found == [{"b"}, {"b"}, {"a", "A"}]


class TestCategoryPaths:
    """Equal or below: a step of a path is a whole name, not its beginning."""

    def test_under(self, engine):
        texts = ["a", "a > b", "a > bc", "a > b > c", "ab", "a >b", "a> b", "a > ", "A > b", "",
                 " > a", "x > a > b", "a%", "a% > b", "a_ > b", "ax > b"]  # fmt: skip
        world = people_with(*texts)
        found = engine.ask(
            world,
            *({"trait": "v", "under": top} for top in ("a", "a > b", "", "a%", "a_", "a > ")),
            {"trait": "v", "under": "A > B", "ignore_case": True},
        )
        assert found == [
            {"a", "a > b", "a > bc", "a > b > c", "a > "},
            {"a > b", "a > b > c"},
            {"", " > a"},
            {"a%", "a% > b"},
            {"a_ > b"},
            {"a > "},
            {"a > b", "a > b > c", "A > b"},
        ]


class TestPatterns:
    """One meaning for a pattern everywhere; Python, RE2, Java and PostgreSQL all differ here."""

    VALUES = (
        *(
            "",
            "a",
            "b",
            "ab",
            "abc",
            "aab",
            "A",
            "a\n",
            "\n",
            "a\nb",
            "\na",
            "a b",
            "a\tb",
            "a\x0bb",
        ),
        *(
            "a\u00a0b",
            "a\u2028b",
            "a\x85b",
            "5",
            "٣",
            "²",
            "é",
            "É",
            "_",
            "-",
            "a-b",
            "]",
            "[",
            "^",
            "$",
        ),
        *(
            "\\",
            "a.b",
            "axb",
            "🙂",
            "🙂🙂",
            "İ",
            "ı",
            "ß",
            "\r",
            "a\r",
            "a\r\n",
            "{2}",
            "(",
            "|",
            "/",
            "'",
        ),
    )

    @pytest.mark.parametrize(
        "pattern, same_in_python",
        [
            (r"^a$", r"\Aa\Z"),
            (r"^$", r"\A\Z"),
            (r"a$", r"a\Z"),
            (r"^.$", r"\A[^\n]\Z"),
            (r"^..$", r"\A[^\n]{2}\Z"),
            (r"^.*$", r"\A[^\n]*\Z"),
            (r"\d", r"[0-9]"),
            (r"^\w+$", r"\A[0-9A-Za-z_]+\Z"),
            (r"\s", r"[\t\n\x0b\x0c\r ]"),
            (r"^\W$", r"\A[^0-9A-Za-z_]\Z"),
            (r"^\S+$", r"\A[^\t\n\x0b\x0c\r ]+\Z"),
            (r"\D", r"[^0-9]"),
            (r"^[^a]$", r"\A[^a]\Z"),
            (r"^[\w-]+$", r"\A[0-9A-Za-z_\-]+\Z"),
            (r"[\]\[^$]", r"[\]\[\^$]"),
            (r"[a^-]", r"[a\^\-]"),
            (r"[.]", r"\."),
            (r"a.b", r"a[^\n]b"),
            (r"a\.b", r"a\.b"),
            (r"\\", r"\\"),
            (r"^(a|b)+$", r"\A(?:a|b)+\Z"),
            (r"a|^$", r"a|\A\Z"),
            (r"a|", r""),
            (r"^(a{2}b|x)$", r"\A(?:aab|x)\Z"),
            (r"^a{1,2}b?$", r"\Aaa?b?\Z"),
            (r"^a{0}b$", r"\Ab\Z"),
            (r"\{2\}", r"\{2\}"),
            (r"^🙂{2}$", "\\A🙂{2}\\Z"),
            (r"[🙂-🛌]", "[🙂-🛌]"),
            (r"[à-ÿ]", "[à-ÿ]"),
            (r"\n", None),
            (r"a b", r"a\ b"),
            (r"#", r"\#"),
            (r"a(b)c", r"abc"),
            (r"\/", r"/"),
            (r"\'", r"'"),
            (r"-", r"\-"),
            (r"x*", r""),
            (r"b()", r"b"),
        ],
    )
    def test_one_meaning(self, engine, pattern, same_in_python):
        world = people_with(*self.VALUES)
        if same_in_python is None:
            with pytest.raises(ValueError, match="not portable"):
                engine.ask(world, {"trait": "v", "matches": pattern})
            return
        expected = {v for v in world.persons.values() if re.search(same_in_python, v)}
        found = engine.ask(
            world, {"trait": "v", "matches": pattern}, {"not": {"trait": "v", "matches": pattern}}
        )
        assert found == [expected, set(world.persons.values()) - expected]

    def test_ignoring_case(self, engine):
        world = people_with(
            "İSTANBUL", "istanbul", "ISTANBUL", "ıstanbul", "STRASSE", "straße", "ΟΔΟΣ"
        )
        found = engine.ask(
            world,
            *(
                {"trait": "v", "matches": pattern, "ignore_case": True}
                for pattern in ("^İ", "^[A-J]stan", "STRA(SS|ẞ)E", "[Σ]$", r"^\S+$", r"\D\W?", "ı")
            ),
        )
        everyone = set(world.persons.values())
        assert found == [
            {"İSTANBUL", "istanbul", "ISTANBUL"},
            {"İSTANBUL", "istanbul", "ISTANBUL"},
            {"STRASSE", "straße"},
            {"ΟΔΟΣ"},
            everyone,
            everyone,
            {"ıstanbul"},
        ]

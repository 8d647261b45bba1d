"""One creative, compiled and checked: what can be wrong with it whatever the people.

Mistakes in templates, values that no template has, plain texts that are too long, fallbacks
that are not plain: each with file, line and column.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from fewer.errors import Problem, did_you_mean
from fewer.journey.tailor.formats import Format
from fewer.journey.tailor.landing import has_fixed_host
from fewer.journey.tailor.template import (
    MissingValueError,
    Template,
    TemplateError,
    compile_template,
)
from fewer.language.node import Node, Path, Place
from fewer.model.catalog import ITEM_PREFIX
from fewer.model.creative import Creative, Texts

LAST: Final = {
    "event": "name of the last action",
    "days_ago": "whole days since then",
    "item": "name of its item; the item's id when it has no name",
    "item_id": "id of its item",
    "brand": "brand of the item",
    "category": "category path of the item, such as Home > Kitchen > Mixers",
    "category_top": "first part of the path",
    "category_leaf": "last part of the path",
    "value": "its value, revenue or price",
    "currency": "its currency",
}
COUNTS: Final = {
    "last_7_days": "actions of the same kind in the last 7 days",
    "last_30_days": "actions of the same kind in the last 30 days",
}
SEGMENT: Final = {"id": "id of the segment", "name": "name of the segment"}

CONTEXT: Final[dict[str, str]] = {
    **{f"last.{name}": text for name, text in LAST.items()},
    **{f"counts.{name}": text for name, text in COUNTS.items()},
    **{f"segment.{name}": text for name, text in SEGMENT.items()},
}
"""Values that every template may show, and what they are; a creative's own traits and
properties come on top, as ``traits.NAME``, ``last.NAME`` and ``item.NAME``."""

UTM: Final = "utm"


@dataclass(frozen=True, slots=True)
class Compiled:
    """A creative with its templates, and the plain words for those it does not fit."""

    creative: Creative
    format: Format
    texts: Mapping[str, tuple[Template, ...]]  # field -> templates
    utm: Mapping[str, Template]
    fallback: Mapping[str, tuple[Template, ...]] | None
    place: Place

    @property
    def variables(self) -> tuple[str, ...]:
        """Values it shows or tests, sorted."""
        templates = [t for lines in self.texts.values() for t in lines] + list(self.utm.values())
        return tuple(sorted({name for t in templates for name in t.variables}))


def allowed_variables(creative: Creative) -> dict[str, str]:
    """Values that the templates of a creative may show, and what they are."""
    own = {f"traits.{name}": "a trait" for name in creative.traits}
    for name in creative.properties:
        is_item = name.startswith(ITEM_PREFIX)
        own[name if is_item else f"last.{name}"] = "a property of the last action"
    return CONTEXT | own


@dataclass
class Checker:
    """Compiles one creative and finds what is wrong with it whatever the people."""

    creative: Creative
    shown: Format
    node: Node
    path: Path
    problems: list[Problem] = field(default_factory=list)

    def compiled(self, place: Place) -> Compiled:
        """The creative with its templates; what is wrong is in `problems` then."""
        texts = dict(self._texts(self.creative, ()))
        self._check_fields(texts, self.creative, ())
        allowed = allowed_variables(self.creative)
        for name, templates in texts.items():
            for number, template in enumerate(templates):
                self._check_variables(template, allowed, self._at((), name, number))
        utm = {}
        for key, text in self.creative.utm.items():
            parameter = self._compile(text, (UTM, key))
            if parameter is not None:
                self._check_variables(parameter, allowed, (UTM, key))
                utm[key] = parameter
        fallback = self._fallback(texts)
        return Compiled(self.creative, self.shown, texts, utm, fallback, place)

    def _texts(self, texts: Texts, below: Path) -> Iterator[tuple[str, tuple[Template, ...]]]:
        for name, lines in texts.fields().items():
            compiled = [
                self._compile(line, self._at(below, name, number))
                for number, line in enumerate(lines)
            ]
            yield name, tuple(template for template in compiled if template is not None)

    def _fallback(
        self, texts: Mapping[str, tuple[Template, ...]]
    ) -> Mapping[str, tuple[Template, ...]] | None:
        written = self.creative.fallback
        if written is None:
            return None
        own = dict(self._texts(written, ("fallback",)))
        for name, templates in own.items():
            for number, template in enumerate(templates):
                where = self._at(("fallback",), name, number)
                personal = _personal(template)
                if personal:
                    self._problem(
                        where,
                        "fallback_not_plain",
                        f"A fallback shows nothing about the person, and this shows {personal[0]}.",
                        "Write plain words.",
                        template,
                        personal[0],
                    )
        inherited = {name: lines for name, lines in texts.items() if name not in own}
        for name, templates in inherited.items():
            if any(_personal(template) for template in templates):
                self._problem(
                    ("fallback",),
                    "fallback_not_plain",
                    f"The fallback has no {name!r} of its own, and the creative's shows values of"
                    " the person.",
                    f"Add plain words for {name!r} to the fallback.",
                )
        both = {**inherited, **own}
        self._check_fields(own, written, ("fallback",), required=False)
        return {name: both[name] for name in Texts.model_fields if name in both}

    def _check_fields(
        self,
        texts: Mapping[str, tuple[Template, ...]],
        written: Texts,
        below: Path,
        *,
        required: bool = True,
    ) -> None:
        limits = self.shown.limits
        for name, lines in written.fields().items():
            if name not in limits:
                message = f"{self.creative.format} shows no {name!r}."
                hint = f"It shows: {', '.join(limits)}."
                self._problem((*below, name), "field_not_shown", message, hint)
            elif not limits[name].at_least <= len(lines) <= limits[name].at_most:
                least, most = limits[name].at_least, limits[name].at_most
                wanted = f"{max(1, least)} to {most}" if most > max(1, least) else f"{most}"
                message = f"{self.creative.format} takes {wanted} of {name!r}, not {len(lines)}."
                self._problem((*below, name), "number_of_texts", message)
        for name, limit in limits.items():
            if required and limit.at_least and name not in written.fields():
                message = f"{self.creative.format} needs {name!r}."
                self._problem(("format",), "field_missing", message, f"Add {name!r}.")
        for name, templates in texts.items():
            if name not in limits:
                continue
            for number, template in enumerate(templates):
                self._check_text(name, template, self._at(below, name, number))

    def _check_text(self, name: str, template: Template, where: Path) -> None:
        if name == "landing_url" and not has_fixed_host(template.text.strip()):
            message = "A landing address starts with https:// and a host written out."
            self._problem(where, "landing_url", message, "Values may follow after the host.")
        if template.is_plain:
            try:
                length = self.shown.length(template.render({}))
            except MissingValueError as error:
                self._problem(where, "template", f"This never renders: {error}.")
                return
            most = self.shown.limits[name].most
            if length > most:
                message = f"{length} characters; {self.creative.format} takes {most} in {name!r}."
                self._problem(where, "text_too_long", message, "Shorten it.")

    def _check_variables(self, template: Template, allowed: Mapping[str, str], where: Path) -> None:
        for name in template.variables:
            if name in allowed:
                continue
            hint = f"Templates show: {', '.join(allowed)}."
            root, _, rest = name.partition(".")
            if root == "traits" and rest:
                hint = f"List it first: traits: [{rest}]."
            elif root in ("last", "item") and rest:
                declared = rest if root == "last" else name
                hint = f"If it is a property, list it first: properties: [{declared}]. {hint}"
            message = f"Templates have no value {name!r}.{did_you_mean(name, allowed)}"
            self._problem(where, "unknown_value", message, hint, template, name)

    def _compile(self, text: str, where: Path) -> Template | None:
        try:
            return compile_template(text)
        except TemplateError as error:
            place = self._inside(where, text, error.index)
            self.problems.append(place.problem("template", error.message, error.hint))
            return None

    def _at(self, below: Path, name: str, number: int) -> Path:
        """Path of one text: fields with one text may be written without a list."""
        several = isinstance(self.node.at((*self.path, *below, name)), list)
        return (*below, name, number) if several else (*below, name)

    def _problem(
        self,
        where: Path,
        code: str,
        message: str,
        hint: str = "",
        template: Template | None = None,
        variable: str = "",
    ) -> None:
        place = self.node.place((*self.path, *where))
        if template is not None:
            place = self._inside(where, template.text, template.places[variable])
        self.problems.append(place.problem(code, message, hint))

    def _inside(self, where: Path, text: str, index: int) -> Place:
        """Place in the file of a character of a template, however the YAML is quoted or folded."""
        place = self.node.place((*self.path, *where))
        source = self.node.source
        line_start = _offset_of_line(source.text, place.line)
        piece = text[index:].partition("\n")[0][:24].rstrip()
        found = source.text.find(piece, line_start + place.column - 1) if piece else -1
        return source.place(found, found + len(piece)) if found >= 0 else place


def _personal(template: Template) -> list[str]:
    return [name for name in template.variables if not name.startswith("segment.")]


def _offset_of_line(text: str, line: int) -> int:
    return sum(len(before) + 1 for before in text.split("\n")[: max(0, line - 1)])

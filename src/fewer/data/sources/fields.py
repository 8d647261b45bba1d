"""Fields of raw rows: what a mapping's column names refer to, as SQL with a shape.

A `Scope` is one read of a file's rows. It resolves names (a column, or a dotted path into
objects), computes shared expressions once, and collects the names that the file does not have,
so that all of them are reported together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import duckdb
import sqlglot.expressions as exp

from fewer.data.store.sql import call, column, fill, raw
from fewer.errors import did_you_mean

Shape = Literal[
    "text", "int", "float", "decimal", "bool", "naive", "nanos", "aware", "date", "json", "list",
    "struct", "map", "other",
]  # fmt: skip

_BY_TYPE: Final[dict[str, Shape]] = {
    "varchar": "text",
    "boolean": "bool",
    "float": "float",
    "double": "float",
    "decimal": "decimal",
    "timestamp": "naive",
    "timestamp_s": "naive",
    "timestamp_ms": "naive",
    "timestamp_ns": "nanos",
    "timestamp with time zone": "aware",
    "date": "date",
    "json": "json",
    "list": "list",
    "array": "list",
    "struct": "struct",
    "map": "map",
    **dict.fromkeys(("tinyint", "smallint", "integer", "bigint", "hugeint"), "int"),
    **dict.fromkeys(("utinyint", "usmallint", "uinteger", "ubigint", "uhugeint"), "int"),
}


@dataclass(frozen=True, slots=True)
class Field:
    """A value of each row.

    Attributes:
        sql: The value, NULL when missing.
        shape: How it is held.
        type: DuckDB's type, for nested values.
    """

    sql: exp.Expr
    shape: Shape
    type: Any = None


def shape_of(type_: Any) -> Shape:
    """Shape of values of a DuckDB type."""
    if str(type_).upper() == "JSON":
        return "json"
    return _BY_TYPE.get(type_.id, "other")


@dataclass(slots=True)
class Relation:
    """Raw rows: something to select from, with a column ``line``.

    Attributes:
        source: Tree to put after FROM.
        columns: Name in the file -> field. Empty for JSON lines, whose keys differ by row.
        document: The JSON column ``doc``, for JSON lines.
        marked: Whether numbers in it are marked (`fewer.data.sources.digits`).
        known: Names to suggest for one that does not exist.
        missing: Texts that mean missing.
        raw: The row as kept in quarantine, as JSON text.
    """

    source: exp.Expr
    columns: dict[str, Field]
    missing: Sequence[str]
    raw: exp.Expr
    document: bool = False
    marked: bool = False
    known: Sequence[str] = ()


class Scope:
    """Names and shared expressions over one `Relation`."""

    def __init__(self, relation: Relation) -> None:
        self.relation = relation
        self.unknown: list[str] = []
        self._levels: list[list[tuple[str, exp.Expr]]] = []
        self._let: dict[exp.Expr, tuple[str, int]] = {}
        self._pointers: dict[str, int] = {}
        self._element: tuple[str, Field] | None = None
        self._elements: exp.Expr | None = None
        self._asked: dict[str, None] = {}

    # ------------------------------------------------------------------------------- names

    def has(self, name: str) -> bool:
        """Whether the file has a column of exactly this name."""
        return name in self.relation.columns

    def get(self, name: str) -> Field:
        """The field that `name` refers to; a missing value when there is none (it is noted)."""
        found = self._find(name)
        if found is None:
            self.unknown.append(name)
            return Field(fill("CAST(NULL AS VARCHAR)"), "text")
        return found

    def _find(self, name: str) -> Field | None:
        if self._element is not None:
            prefix, element = self._element
            if name == prefix:
                return element
            if name.startswith(prefix + "."):
                return self._inside(element, name[len(prefix) + 1 :])
        if self.relation.document and name not in self.relation.columns:
            self._asked[name] = None
            return self._clean(self._json(column("doc"), name.split("."), whole=name))
        if name in self.relation.columns:
            return self._clean(self.relation.columns[name])
        parts = name.split(".")
        for cut in range(len(parts) - 1, 0, -1):
            outer = self.relation.columns.get(".".join(parts[:cut]))
            if outer is not None:
                inner = self._inside(outer, ".".join(parts[cut:]))
                return self._clean(inner) if inner else None
        return None

    def _inside(self, outer: Field, path: str) -> Field | None:
        """The value at a dotted path within an object; None when the type has no such path."""
        if outer.shape in ("json", "text"):
            document = outer.sql
            if outer.shape == "text":
                document = self.let(fill("TRY_CAST($x AS JSON)", x=document))
            return self._json(document, path.split("."), whole=path)
        head, _, tail = path.partition(".")
        if outer.shape == "struct":
            inner = next((t for name, t in outer.type.children if name == head), None)
            if inner is None:
                return None
            value = Field(call("struct_extract", outer.sql, head), shape_of(inner), inner)
            return self._inside(value, tail) if tail else value
        if outer.shape == "map":
            inner = dict(outer.type.children)["value"]
            return Field(call("map_extract_value", outer.sql, path), shape_of(inner), inner)
        return None

    def _json(self, document: exp.Expr, parts: Sequence[str], *, whole: str) -> Field:
        """Value at a path; a key that holds the dots itself comes first."""
        nested = self._pointer(document, "/" + "/".join(_escape(part) for part in parts))
        if len(parts) == 1:
            return Field(nested, "json")
        flat = self._pointer(document, "/" + _escape(whole))
        return Field(call("coalesce", flat, nested), "json")

    def _pointer(self, document: exp.Expr, pointer: str) -> exp.Expr:
        if not (isinstance(document, exp.Column) and document.name == "doc"):
            return call("json_extract", document, pointer)
        # One parse of the line for all paths of a mapping.
        at = self._pointers.setdefault(pointer, len(self._pointers) + 1)
        return call("list_extract", column("found"), at)

    def _clean(self, value: Field) -> Field:
        if value.shape != "text":
            return value
        sql = value.sql
        for word in self.relation.missing:
            sql = call("nullif", sql, word)
        return Field(sql, "text")

    def unseen(self) -> list[str]:
        """A sentence for each key of JSON lines that was asked for and is in none of the first."""
        known = self.relation.known
        if not known:
            return []
        missed = [n for n in self._asked if n not in known and n.split(".")[0] not in known]
        return [
            f"The first rows have no key {name!r}.{did_you_mean(name, known)}" for name in missed
        ]

    # ------------------------------------------------------------------------------ arrays

    def explode(self, name: str) -> bool:
        """Make one row of each element of the array `name`; False when it is no array."""
        array = self.get(name)
        match array.shape:
            case "list":
                inner = array.type.children[0][1]
                self._elements = array.sql
                self._element = (name, Field(column("element"), shape_of(inner), inner))
            case "json" | "text":
                document = array.sql
                if array.shape == "text":
                    document = fill("TRY_CAST($x AS JSON)", x=document)
                self._elements = _json_list(document)
                self._element = (name, Field(column("element"), "json"))
            case _:
                return False
        return True

    # ------------------------------------------------------------------------------ shared

    def let(self, expression: exp.Expr) -> exp.Column:
        """A column that holds `expression`, computed once however often it is used."""
        key = expression
        if key not in self._let:
            used = {c.name for c in expression.find_all(exp.Column)}
            above = [depth for name, depth in self._let.values() if name in used]
            depth = max(above, default=-1) + 1
            name = f"v{len(self._let)}"
            self._let[key] = (name, depth)
            while len(self._levels) <= depth:
                self._levels.append([])
            self._levels[depth].append((name, expression))
        return column(self._let[key][0])

    @property
    def added(self) -> list[str]:
        """Columns that `query` adds to the relation's own."""
        found = ["found"] if self._pointers else []
        return ["part", *found, *(name for level in self._levels for name, _ in level)]

    def query(self, when: exp.Expr | None = None) -> exp.Select:
        """All rows for which `when` holds, with the shared columns and ``part``."""
        # Trees can be large (a zone's clock changes), and each belongs to this query: no copies.
        base = exp.select("*").from_(self.relation.source)
        if self._pointers:
            pointers = exp.Array(expressions=[exp.Literal.string(p) for p in self._pointers])
            found = call("json_extract", column("doc"), pointers)
            base = base.select(exp.alias_(found, "found"), copy=False)
        if self._elements is not None:
            base = over(
                base,
                exp.alias_(call("unnest", self._elements), "element"),
                exp.alias_(fill("generate_subscripts($x, 1)", x=self._elements), "part"),
            )
        else:
            base = base.select(exp.alias_(exp.Literal.number(0), "part"), copy=False)
        query = base
        for level in self._levels:
            added = [exp.alias_(expression, name, copy=False) for name, expression in level]
            query = over(query, *added)
        if when is not None:
            query = over(query).where(when, copy=False)
        return query


def over(query: exp.Select, *added: exp.Expr) -> exp.Select:
    """All columns of `query`, and some more."""
    select = exp.Select(expressions=[exp.Star(), *added])
    return select.from_(query.subquery("r", copy=False), copy=False)


def _escape(part: str) -> str:
    """A key as a step of a JSON pointer (RFC 6901)."""
    return part.replace("~", "~0").replace("/", "~1")


def _json_list(value: exp.Expr) -> exp.Expr:
    array: exp.Expr = fill("CASE WHEN json_type($x) = 'ARRAY' THEN CAST($x AS JSON[]) END", x=value)
    return array


def describe(db: duckdb.DuckDBPyConnection, query: str) -> dict[str, Field]:
    """Fields of a query's columns, in order, by name."""
    relation = db.sql(query)
    return {
        name: Field(raw(name), shape_of(type_), type_)
        for name, type_ in zip(relation.columns, relation.types, strict=True)
    }

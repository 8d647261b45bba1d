"""The store's relations as tables of PostgreSQL: copied once, found again, dropped when old.

Each copy is one table, named by the project, by what the data is and by the query that reads it.
It is made in one transaction, so whoever finds it finds all of it; while an engine uses a table
it holds a shared lock of the table's name, so nobody drops it.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from typing import Final

import duckdb
import pyarrow as pa
from sqlglot import exp

from fewer.errors import EngineError, UnsupportedByEngineError
from fewer.evaluate.engines.base import Dataset
from fewer.evaluate.engines.postgres_session import Session
from fewer.evaluate.engines.staging import RELATIONS
from fewer.evaluate.sql.functions.postgres import MOST_COLUMNS, collated
from fewer.evaluate.sql.tree import call, column, identifier, table

LAYOUT: Final = "1"
"""Changes whenever copies made before can't be used any more."""

SCHEMA: Final = "fewer"
"""Schema of the copies, unless the option `schema` names another."""

_CHUNK: Final = 122_880

_ESCAPES: Final = (
    ("\\", r"\\"),
    ("\n", r"\n"),
    ("\r", r"\r"),
    ("\t", r"\t"),
    # What `escaped` makes of the code points that it takes away, as COPY writes them.
    ("\0", r"\x01\x02\x02"),
    ("\1", r"\x01\x02\x03"),
    ("\2", r"\x01\x03\x02"),
    ("\3", r"\x01\x03\x03"),
)


def load(session: Session, dataset: Dataset, schema: str) -> int:
    """Make a view of every canonical relation over a copy of it; the number of copies made."""
    if not dataset.fingerprint:
        for name in RELATIONS:
            _copied(session, dataset, name, exp.Table(this=identifier(name)), "TEMPORARY")
        return len(RELATIONS)
    names = {name: _name(dataset, name) for name in RELATIONS}
    _make_schema(session, schema)
    made = sum(_ensure(session, dataset, r, _place(schema, n)) for r, n in names.items())
    for relation, name in names.items():
        _view(session, relation, _place(schema, name))
    if made:
        _drop_old(session, schema, _project(dataset), set(names.values()))
    return made


def _project(dataset: Dataset) -> str:
    """What tells this project's copies from those of others in the same database."""
    return sha256(str(dataset.cache or "").encode()).hexdigest()[:8]


def _name(dataset: Dataset, relation: str) -> str:
    sql = dataset.relations[relation].sql(dialect="duckdb")
    key = sha256(f"{LAYOUT} {dataset.fingerprint} {sql}".encode()).hexdigest()[:24]
    return f"{_project(dataset)}_{relation}_{key}"


def _place(schema: str, name: str) -> exp.Table:
    quoted = exp.Identifier(this=schema, quoted=True)
    return exp.Table(this=exp.Identifier(this=name, quoted=True), db=quoted)


def _lock(place: exp.Table) -> int:
    """The number under which PostgreSQL knows the lock of a table's name."""
    digest = sha256(f"fewer {place.db} {place.name}".encode()).digest()
    return int.from_bytes(digest[:8], signed=True)


def _make_schema(session: Session, schema: str) -> None:
    found = session.execute("SELECT 1 FROM pg_namespace WHERE nspname = $1", [schema]).fetchone()
    if found:
        return
    with session.transaction():
        # Two that find none at once would both make it.
        session.execute("SELECT pg_advisory_xact_lock($1)", [_lock(_place(schema, ""))])
        named = exp.Table(db=exp.Identifier(this=schema, quoted=True))
        session.execute(exp.Create(this=named, kind="SCHEMA", exists=True).sql("postgres"))


def _ensure(session: Session, dataset: Dataset, relation: str, place: exp.Table) -> bool:
    """Hold a whole copy of the relation; whether it had to be made."""
    lock, made = _lock(place), False
    while True:
        session.execute("SELECT pg_advisory_lock_shared($1)", [lock])
        if _exists(session, place):
            return made
        session.execute("SELECT pg_advisory_unlock_shared($1)", [lock])
        with session.transaction():
            session.execute("SELECT pg_advisory_xact_lock($1)", [lock])
            if not _exists(session, place):
                _copied(session, dataset, relation, place, "UNLOGGED")
                made = True


def _exists(session: Session, place: exp.Table) -> bool:
    query = "SELECT 1 FROM pg_tables WHERE schemaname = $1 AND tablename = $2"
    return session.execute(query, [place.db, place.name]).fetchone() is not None


def _view(session: Session, relation: str, place: exp.Table) -> None:
    temporary = exp.Properties(expressions=[exp.TemporaryProperty()])
    query = exp.select("*").from_(place)
    view = exp.Create(this=table(relation), kind="VIEW", expression=query, properties=temporary)
    session.execute(view.sql("postgres"))


def _drop_old(session: Session, schema: str, project: str, kept: set[str]) -> None:
    """Drop the project's copies that nobody uses, and that are not `kept`."""
    query = "SELECT tablename FROM pg_tables WHERE schemaname = $1 AND left(tablename, 9) = $2"
    found = session.execute(query, [schema, f"{project}_"]).fetchall()
    for (name,) in found:
        if name in kept:
            continue
        place = _place(schema, name)
        with session.transaction():
            locked = session.execute("SELECT pg_try_advisory_xact_lock($1)", [_lock(place)])
            if (locked.fetchone() or [False])[0]:
                session.execute(f"DROP TABLE IF EXISTS {place.sql('postgres')}")


def _copied(session: Session, dataset: Dataset, relation: str, place: exp.Table, kind: str) -> None:
    """Make the table, and fill it with the rows of the relation."""
    query = dataset.relations[relation]
    with duckdb.connect(":memory:") as source:
        try:
            columns = _columns(source, query)
            if len(columns) > MOST_COLUMNS:
                raise UnsupportedByEngineError(
                    f"Relation {relation!r} has {len(columns):,} columns, and a table of"
                    f" PostgreSQL at most 1,600. Use `--engine duckdb`."
                )
            session.execute(_create(place, columns, kind))
            names = ", ".join(exp.Identifier(this=n, quoted=True).sql("postgres") for n in columns)
            into = place.sql("postgres")
            with session.copy(f"COPY {into} ({names}) FROM STDIN") as copy:
                for lines in _lines(source, query, columns):
                    copy.write(lines)
        except duckdb.Error as error:
            raise EngineError(
                f"Relation {relation!r} could not be read from the store:"
                f" {type(error).__name__}. Run `fewer doctor`."
            ) from None
    session.execute(f"ANALYZE {into}")


def _create(place: exp.Table, columns: dict[str, str], kind: str) -> str:
    typed = []
    for name, type_ in columns.items():
        collate = exp.CollateColumnConstraint(this=exp.Identifier(this="C", quoted=True))
        typed.append(
            exp.ColumnDef(
                this=exp.Identifier(this=name, quoted=True),
                kind=exp.DataType.build(type_),
                constraints=[exp.ColumnConstraint(kind=collate)] if type_ == "TEXT" else [],
            )
        )
    how = exp.TemporaryProperty() if kind == "TEMPORARY" else exp.UnloggedProperty()
    return exp.Create(
        this=exp.Schema(this=place.copy(), expressions=typed),
        kind="TABLE",
        properties=exp.Properties(expressions=[how]),
    ).sql("postgres")


def _columns(source: duckdb.DuckDBPyConnection, query: exp.Query) -> dict[str, str]:
    """Name -> type in PostgreSQL."""
    relation = source.sql(query.sql(dialect="duckdb"))
    types = zip(relation.columns, relation.types, strict=True)
    return {name: _TYPES.get(str(type_), "BIGINT") for name, type_ in types}


_TYPES: Final = {"VARCHAR": "TEXT", "BOOLEAN": "BOOLEAN"}
"""Everything else that a relation holds is a whole number of 64 bits."""


def _lines(
    source: duckdb.DuckDBPyConnection, query: exp.Query, columns: dict[str, str]
) -> Iterator[memoryview]:
    """Rows as COPY reads them, a chunk of lines at a time."""
    cells = [
        exp.Coalesce(
            this=_cell(exp.column(exp.Identifier(this=name, quoted=True)), type_),
            expressions=[exp.Literal.string(r"\N")],
        )
        for name, type_ in columns.items()
    ]
    line = exp.DPipe(
        this=call("concat_ws", call("chr", exp.Literal.number(9)), *cells),
        expression=call("chr", exp.Literal.number(10)),
    )
    rows = exp.select(exp.alias_(line, "line")).from_(query.subquery("r"))
    for chunk in source.sql(rows.sql(dialect="duckdb")).to_arrow_reader(_CHUNK):
        text = chunk.column(0).cast(pa.large_binary())
        if not len(text):
            continue
        # The lines lie one after another in one buffer: it is the stream that COPY wants.
        offsets = memoryview(text.buffers()[1]).cast("q")[text.offset :][: len(text) + 1]
        yield memoryview(text.buffers()[2])[offsets[0] : offsets[-1]]


def _cell(value: exp.Expr, type_: str) -> exp.Expr:
    if type_ != "TEXT":
        return exp.cast(value, "VARCHAR", dialect="duckdb")
    for old, new in _ESCAPES:
        found: exp.Expr = exp.Literal.string(old)
        if not old.isprintable():
            found = call("chr", exp.Literal.number(ord(old)))
        value = call("replace", value, found, exp.Literal.string(new))
    return value


def distinct_values(stored: str, relation: str) -> exp.Select:
    """Query for every value of a column of text."""
    value = exp.alias_(collated(column(stored)), "value")
    present = exp.Not(this=exp.Is(this=column(stored), expression=exp.Null()))
    return exp.select(value).distinct().from_(table(relation)).where(present)

"""Files of experiments: assignments and results brought from elsewhere, assignments taken out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from fewer.data.store import experiments as stored
from fewer.errors import GuardError, SourceError, did_you_mean
from fewer.journey.measure.assign_balance import Balance, balance
from fewer.journey.measure.assign_import import LIFT_COLUMNS, Refused, read_arms, read_lifts
from fewer.model.window import Moment, from_utc_micros, local_date, local_midnight, to_utc_micros
from fewer.project import clock
from fewer.project.assigning import ready
from fewer.project.knowing import Knowing

if TYPE_CHECKING:
    import pyarrow as pa

    from fewer.model.experiment import Experiment
    from fewer.project.experiments import Assigned
    from fewer.project.project import Project

_NAMES: Final = {
    "person": ("person", "person_id", "user_id", "customer_id", "id"),
    "arm": ("arm", "variant", "variation", "group", "cell"),
    "time": ("time", "assigned_at", "timestamp", "exposed_at"),
}


@dataclass(frozen=True, slots=True)
class Imported:
    """What came of reading a file: rows taken, rows refused."""

    experiment: str
    rows: int
    taken: int
    refused: Refused
    sizes: Mapping[str, int]
    hash: str
    left_out: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    balance: Balance | None = None

    def to_json(self) -> dict[str, Any]:
        """Counts, never people."""
        return {
            "experiment": self.experiment,
            "rows": self.rows,
            "taken": self.taken,
            "refused": self.refused.total,
            "refused_by_reason": self.refused.to_json(),
            "arms": dict(self.sizes),
            "people_left_out": {k: dict(v) for k, v in self.left_out.items()},
            "balance": self.balance.to_json() if self.balance else None,
            "hash": self.hash,
        }


def import_arms(
    project: Project,
    experiment_id: str,
    path: Path,
    *,
    columns: Mapping[str, str | None],
    at: str | None = None,
) -> Imported:
    """Bring an assignment made elsewhere; arms are matched by id or name.

    Args:
        project: The project.
        experiment_id: An experiment of ``tests: elsewhere``.
        path: CSV with headings, or Parquet.
        columns: ``person``, ``arm`` and ``time`` -> name of the column; None: by usual names.
            ``saw`` -> column with what each person was shown, if there is one.
        at: From when people without a time count; the start of the experiment when not given.

    Raises:
        GuardError: not registered as made elsewhere, people are assigned already, no row could
            be taken, or people have no time and `at` is not given.
        SourceError: the file can't be read, or has no such column.
    """
    registered = ready(project, experiment_id)
    experiment = registered.experiment
    records = project.experiments.records(experiment_id)
    _may_import(experiment, assigned=any(r.kind == "assigned" for r in records))
    found = _read(path)
    person, arm, time = (_column(found, kind, columns.get(kind)) for kind in _NAMES)
    usual = experiment.starts.resolve(project.zone) if experiment.starts else None
    if at is not None:
        usual = project.as_of(at)
    if time is None and usual is None:
        raise GuardError(
            "The file has no time of assignment, so it isn't known from when outcomes count."
            " Say it with --at DATE (or `starts` in the experiment), or name a column with --time."
        )
    ids = {a.title: a.id for a in experiment.groups} | {a.id: a.id for a in experiment.groups}
    saw = _column(found, "saw", columns["saw"]) if columns.get("saw") else None
    read = read_arms(
        _rows(found, person, arm, time, ids),
        arms=list(ids.values()),
        other_version=_other_version(experiment, found, str(arm), saw, ids),
        number=project.keys.numbers().get,
        moment=lambda value: _moment(project, value),
        usual_us=usual,
        day_start=lambda us: local_midnight(local_date(us, project.zone), project.zone),
    )
    if not read.taken:
        reasons = ", ".join(f"{k}: {n:,}" for k, n in read.refused.counts.items()) or "no rows"
        strangers = read.refused.counts.get("person not in the data", 0) == found.num_rows
        hint = " Read the people first: fewer ingest." if strangers else ""
        raise GuardError(
            f"No row of {path.name} could be taken ({reasons}). Nothing was stored.{hint}"
        )
    sizes = {
        a.id: sum(len(arms.get(a.id, ())) for arms in read.moments.values())
        for a in experiment.groups
    }
    record = stored.append(
        project.store,
        experiment_id,
        "assigned",
        {
            "plan": registered.hash,
            "file": path.name,
            "moments": list(read.moments),
            "rows": found.num_rows,
            "refused": read.refused.to_json(),
            "left_out": read.left_out,
            "sizes": sizes,
        },
        at_us=clock.now_us(),
        people={
            f"{n}/arm:{arm}": who
            for n, arms in enumerate(read.moments.values())
            for arm, who in arms.items()
        },
        after=records[-1].seq,
    )
    return Imported(
        experiment_id,
        found.num_rows,
        read.taken,
        read.refused,
        sizes,
        record.hash,
        read.left_out,
        _balance(project, project.experiments.assigned(experiment_id)),
    )


def _balance(project: Project, assigned: Assigned) -> Balance:
    """How alike the arms are in what was known before the first of them was assigned."""
    one = assigned.assignment
    with Knowing(project, min(batch.at_us for batch in assigned.batches)) as known:
        things = known.things_known(assigned.everyone)
    return balance(one.arms, one.shares, one.control, things)


def import_lifts(project: Project, path: Path) -> list[Imported]:
    """Bring results of studies made elsewhere: one record for each study of the file.

    The same rows brought again are not stored twice.
    """
    found = _read(path)
    missing = [name for name in ("study", "metric") if name not in found.column_names]
    if missing:
        raise SourceError(
            f"{path.name} has no column {missing[0]!r}. A file of results has"
            f" {', '.join(LIFT_COLUMNS)}."
        )
    taken, refused = read_lifts(found.to_pylist())
    studies: dict[str, list[dict[str, Any]]] = {}
    for row in taken:
        studies.setdefault(str(row["study"]), []).append(row)
    known = [(r.experiment, r.body["rows"], r.hash) for r in project.experiments.records()
             if r.kind == "lift"]  # fmt: skip
    made = []
    for study, rows in studies.items():
        held = next((h for e, old, h in known if e == study and old == rows), None)
        if held is None:
            body = {"rows": rows, "file": path.name}
            held = stored.append(project.store, study, "lift", body, at_us=clock.now_us()).hash
        made.append(Imported(study, len(rows), len(rows), Refused({}, {}), {}, held))
    nobody = Imported("", refused.total, 0, refused, {}, "")
    return [*made, nobody] if refused.total else made


def assignment_table(project: Project, assigned: Assigned) -> pa.Table:
    """(person, arm, segment, assigned_at): everyone assigned, by number of person."""
    import pyarrow as pa

    rows: list[tuple[int, str, str, str]] = []
    segments = {n: s for s, people in assigned.segments.items() for n in people}
    for batch in assigned.batches:
        when = from_utc_micros(batch.at_us).isoformat()
        for arm, people in batch.named("arm").items():
            rows += [(n, arm, segments.get(n, ""), when) for n in people]
    rows.sort()
    keys = project.keys.table(assigned.everyone)
    ids = dict(zip(keys["person"].to_pylist(), keys["key"].to_pylist(), strict=True))
    kept = [(ids[n], *rest) for n, *rest in rows if n in ids]
    names = ("person", "arm", "segment", "assigned_at")
    return pa.table({n: [r[i] for r in kept] for i, n in enumerate(names)})


def write_table(table: pa.Table, path: Path) -> None:
    """Write to CSV, or to Parquet where the name ends so; whole or not at all."""
    import pyarrow.csv
    import pyarrow.parquet

    from fewer.destinations.file import write_atomically

    if path.suffix == ".parquet":
        write_atomically(path, lambda file: pyarrow.parquet.write_table(table, file))
    else:
        write_atomically(path, lambda file: pyarrow.csv.write_csv(table, file))


def _may_import(experiment: Experiment, *, assigned: bool) -> None:
    if experiment.tests != "elsewhere":
        raise GuardError(
            f"Experiment {experiment.id!r} tests {experiment.tests}: its people are assigned"
            " here. An assignment made elsewhere needs tests: elsewhere, with its arms."
        )
    if assigned:
        raise GuardError(
            f"Experiment {experiment.id!r} has people already. An assignment is brought once and"
            " whole; for another one, write an experiment with a new id."
        )


def _read(path: Path) -> pa.Table:
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.parquet

    try:
        if path.suffix == ".parquet":
            return pyarrow.parquet.read_table(path)
        with pyarrow.csv.open_csv(path) as head:
            names = head.schema.names
        as_text = pyarrow.csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()),
            strings_can_be_null=True,
            null_values=[""],
            quoted_strings_can_be_null=True,
        )
        return pyarrow.csv.read_csv(path, convert_options=as_text)
    except FileNotFoundError as error:
        raise SourceError(f"There is no file {path}.") from error
    except (OSError, pa.ArrowInvalid) as error:
        raise SourceError(
            f"{path.name} can't be read as {'Parquet' if path.suffix == '.parquet' else 'CSV'}."
            " Save it as UTF-8 with a line of headings."
        ) from error


def _column(table: pa.Table, kind: str, given: str | None) -> str | None:
    names = table.column_names
    if given is not None:
        if given not in names:
            near = did_you_mean(given, names)
            raise SourceError(f"The file has no column {given!r}.{near}")
        return given
    found = next((name for name in _NAMES.get(kind, ()) if name in names), None)
    if found is None and kind != "time":
        raise SourceError(
            f"The file has no column {' or '.join(_NAMES[kind])}. Name it with --{kind} COLUMN;"
            f" there are {', '.join(names)}."
        )
    return found


def _rows(
    table: pa.Table, person: str | None, arm: str | None, time: str | None, ids: Mapping[str, str]
) -> Iterator[tuple[Any, Any, Any]]:
    people = table[person].to_pylist()
    arms: Sequence[Any] = [ids.get(str(a), a) for a in table[arm].to_pylist()]
    times = table[time].to_pylist() if time else [None] * len(people)
    return zip(people, arms, times, strict=True)


def _other_version(
    experiment: Experiment, table: pa.Table, arm: str, saw: str | None, ids: Mapping[str, str]
) -> Callable[[int], bool]:
    """Whether a row, counted from 1, shows what another arm than its own is given."""
    if saw is None:
        return lambda _: False
    given: dict[str, set[str]] = {}
    for one in experiment.groups:
        for name in {one.id, one.title, one.landing_page, one.creative, one.offer} - {None}:
            given.setdefault(str(name), set()).add(one.id)
    shown, arms = table[saw].to_pylist(), table[arm].to_pylist()
    strangers = sorted({str(s) for s in shown if s is not None and str(s) not in given})
    if strangers:
        raise GuardError(
            f"Column {saw!r} says {', '.join(map(repr, strangers[:3]))}, which is no version of an"
            f" arm of {experiment.id!r}. Write what each arm is shown in the experiment, such as"
            f" landing_page: {strangers[0]}, and register it so."
        )

    def other(row: int) -> bool:
        what, own = shown[row - 1], ids.get(str(arms[row - 1]))
        return what is not None and own not in given[str(what)]

    return other


def _moment(project: Project, value: Any) -> int | None:
    if isinstance(value, datetime):
        return to_utc_micros(value if value.tzinfo else value.replace(tzinfo=project.zone))
    try:
        return Moment.parse(str(value)).resolve(project.zone)
    except ValueError:
        return None

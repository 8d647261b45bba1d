"""A file as destination: an audience as CSV or Parquet, ready to upload by hand, and its manifest.

A file appears whole or not at all, readable by its owner only. Beside it stands
``NAME.manifest.json`` with counts, reasons, moment and fingerprint, and no identifier.
"""

from __future__ import annotations

import csv
import io
import json
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import IO, Any, Final, Literal, cast

from fewer.destinations.base import Audience, Book, Delta, Limits, Receipt
from fewer.destinations.prepare import Consent, Keys, Prepared, prepare
from fewer.errors import DeliveryError, GuardError

Format = Literal["csv", "parquet"]
FORMATS: Final[dict[str, Format]] = {".csv": "csv", ".parquet": "parquet", ".pq": "parquet"}
MINIMUM: Final = 100
"""People an export should have: Meta, Google, X and Pinterest match nothing useful below."""


@dataclass(frozen=True, slots=True)
class Export:
    """What was written."""

    path: Path
    manifest_path: Path
    manifest: dict[str, Any]
    prepared: Prepared
    receipt: Receipt


class FileDestination:
    """Writes each audience to one file; the file is the whole audience."""

    limits = Limits(
        identifiers=("email", "phone"),
        batch_size=10_000_000,
        minimum_matched=MINIMUM,
        removes=False,
        source="smallest minimum of the platforms such files are uploaded to (2026-11)",
    )

    def __init__(self, path: Path, *, file_format: Format | None = None) -> None:
        self.path = path
        self.format = file_format or _format_of(path)

    def push(self, audience: Audience, deltas: Iterable[Delta]) -> Iterator[Receipt]:
        """Write the rows of each delta, one after another replacing the file.

        Raises:
            DeliveryError: A delta removes people, or the file can't be written.
        """
        for delta in deltas:
            if delta.remove:
                raise DeliveryError(
                    f"A file holds a whole audience and can't remove anyone from {audience.id!r}."
                    " Export the audience anew instead."
                )
            write_atomically(self.path, partial(self._write, delta))
            yield Receipt(sent=len(delta.add), accepted=len(delta.add))

    def _write(self, delta: Delta, file: IO[bytes]) -> None:
        if self.format == "csv":
            text = io.TextIOWrapper(file, encoding="utf-8", newline="")
            writer = csv.writer(text)
            writer.writerow(delta.columns)
            writer.writerows(delta.add)
            text.flush()
            text.detach()
            return
        import pyarrow as pa  # noqa: PLC0415  a CSV export does without it
        import pyarrow.parquet as pq  # noqa: PLC0415

        columns = list(zip(*delta.add, strict=True)) or [()] * len(delta.columns)
        table = pa.table(
            [pa.array(map(_plain, column), type=pa.string()) for column in columns],
            names=list(delta.columns),
        )
        # Statistics would repeat the smallest and largest digest in the footer.
        pq.write_table(table, file, compression="zstd", write_statistics=False)


def export(
    audience: Audience,
    path: Path,
    *,
    book: Book,
    keys: Keys = "contacts",
    platform: str = "plain",
    region: str | None = None,
    consent: Consent | None = None,
    minimum: int = MINIMUM,
    allow_small: bool = False,
    file_format: Format | None = None,
) -> Export:
    """Write an audience to `path` with hashed identifiers, and its manifest beside it.

    Args:
        audience: Who is sent.
        path: ``.csv`` or ``.parquet``; folders are made. A file there is replaced if it has a
            manifest, that is, if an export wrote it.
        book: Where identifiers are looked up.
        keys: Identify people by ``contacts``, or by the project's own id (``person``).
        platform: Whose way of writing identifiers to follow.
        region: Country of phone numbers without country code.
        consent: People without it are removed and counted; None: not checked, and said so.
        minimum: Fewest people worth sending.
        allow_small: Write also fewer, or none.
        file_format: Default: from the extension.

    Raises:
        GuardError: Fewer than `minimum` people can be sent.
        DeliveryError: The file can't be written; nothing was.
    """
    destination = FileDestination(path, file_format=file_format)
    manifest_path = path.with_name(path.name + ".manifest.json")
    if path.exists() and not manifest_path.exists():
        raise DeliveryError(
            f"{path} exists and was not written by an export."
            " Choose another name, or remove it first."
        )
    prepared = prepare(audience, book, keys=keys, platform=platform, region=region, consent=consent)
    if prepared.sendable < max(1, minimum) and not allow_small:
        raise GuardError(_too_few(audience, prepared, keys=keys, minimum=minimum))
    [receipt] = destination.push(audience, [prepared.delta])
    manifest = _manifest(audience, prepared, path, keys=keys, platform=platform, consent=consent)
    text = json.dumps(manifest, indent=2, ensure_ascii=False) + "\n"
    write_atomically(manifest_path, lambda file: file.write(text.encode()))
    return Export(path, manifest_path, manifest, prepared, receipt)


def write_atomically(path: Path, write: Callable[[IO[bytes]], object]) -> None:
    """Call `write` with a new file, readable by the owner only, that then takes the name `path`.

    Whatever happens in between leaves the old file, or none.
    """
    temporary: str | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        number, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(number, "wb") as file:
            write(cast("IO[bytes]", file))
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
        temporary = None
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise DeliveryError(f"{path} can't be written: {reason}.") from error
    finally:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)


def _format_of(path: Path) -> Format:
    try:
        return FORMATS[path.suffix.lower()]
    except KeyError:
        raise DeliveryError(
            f"{path.name} ends neither in .csv nor in .parquet: name the format, or rename it."
        ) from None


def _plain(value: str | None) -> str | None:
    return None if value is None else str(value)


def _too_few(audience: Audience, prepared: Prepared, *, keys: Keys, minimum: int) -> str:
    reasons = "; ".join(f"{count:,} with {reason}" for reason, count in prepared.removed.items())
    lost = f" Not sendable: {reasons}." if reasons else ""
    hint = (
        " No one here has contacts: with keys 'person' the project's own ids are sent."
        if keys == "contacts" and not prepared.sendable and not prepared.unusable
        else " Widen the segment, or allow a small export."
    )
    return (
        f"{prepared.sendable:,} of the {prepared.members:,} people of {audience.id!r} can be sent,"
        f" and an export needs {max(1, minimum):,}.{lost}{hint}"
    )


def _manifest(
    audience: Audience,
    prepared: Prepared,
    path: Path,
    *,
    keys: Keys,
    platform: str,
    consent: Consent | None,
) -> dict[str, Any]:
    return {
        "format_version": 1,
        "data": audience.data,
        "segment": audience.id,
        "name": audience.name,
        "as_of": audience.as_of,
        "build": audience.build,
        "fingerprint": audience.fingerprint,
        "file": path.name,
        "sha256": sha256(path.read_bytes()).hexdigest(),
        "columns": list(prepared.delta.columns),
        "rows": prepared.rows,
        "people": {
            "members": prepared.members,
            "sent": prepared.sendable,
            "removed": prepared.removed,
            "coverage": prepared.coverage,
        },
        "unusable_identifiers": prepared.unusable,
        "keys": keys,
        "platform": platform,
        "consent": consent.purpose if consent else None,
    }

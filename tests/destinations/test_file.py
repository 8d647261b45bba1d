import csv
import hashlib
import json
import stat

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyroaring import BitMap

from fewer.destinations.base import Audience, Delta, Receipt, load
from fewer.destinations.file import FileDestination, export, write_atomically
from fewer.destinations.prepare import Consent, prepare
from fewer.errors import DeliveryError, GuardError, NotFoundError


def sha(text):
    return hashlib.sha256(text.encode()).hexdigest()


class Contacts:
    """Answers like the store, from a dictionary."""

    def __init__(self, contacts, keys=None):
        self.rows = contacts
        self.named = keys or {}

    def contacts(self, persons, kinds):
        rows = [row for row in self.rows if row[0] in persons and row[1] in kinds]
        columns = list(zip(*rows, strict=True)) or [(), (), ()]
        types = (pa.uint32(), pa.string(), pa.string())
        return pa.table(
            [pa.array(c, type=t) for c, t in zip(columns, types, strict=True)],
            names=["person", "kind", "value"],
        )

    def keys(self, persons):
        found = [(n, k) for n, k in self.named.items() if n in persons]
        return pa.table(
            {
                "person": pa.array([n for n, _ in found], type=pa.uint32()),
                "key": pa.array([k for _, k in found], type=pa.string()),
            }
        )


def audience(members, **changes):
    facts = {
        "id": "pricing_hot", "name": "Saw pricing", "members": BitMap(members),
        "as_of_us": 1_781_568_000_000_000, "build": "b1", "fingerprint": "f" * 16,
        "data": "simulated",
    }  # fmt: skip
    return Audience(**(facts | changes))


BOOK = Contacts(
    [
        (1, "email", " Ann@Example.com "), (1, "phone", "(212) 555-0101"), (1, "country", "us"),
        (2, "email", "bob@example.com"), (2, "email", "bob.work@example.com"),
        (2, "phone", "+1 212 555 0102"), (2, "country", "Atlantis"),
        (3, "email", "not an address"), (3, "phone", "555-0103"),
        (4, "phone", "+12125550104"), (4, "first_name", "Dana"),
        (5, "email", "eve@example.com"), (6, "first_name", "Fay"),
    ]
)  # fmt: skip


def test_rows_hold_digests_and_codes_only():
    prepared = prepare(audience([1, 2, 3, 4, 6, 7]), BOOK, region="US")
    assert prepared.delta.columns == (
        "email_sha256", "phone_sha256", "first_name_sha256", "country",
    )  # fmt: skip
    assert set(prepared.delta.add) == {
        (sha("ann@example.com"), sha("+12125550101"), None, "US"),
        (sha("bob@example.com"), sha("+12125550102"), None, None),
        (sha("bob.work@example.com"), None, None, None),
        (None, sha("+12125550104"), sha("dana"), None),
    }
    assert list(prepared.delta.add) == sorted(
        prepared.delta.add, key=lambda row: tuple(v or "" for v in row)
    )


def test_everyone_is_sent_or_counted_under_one_reason():
    consent = Consent("ads", BitMap([1, 2, 3, 4, 7]))
    prepared = prepare(audience([1, 2, 3, 4, 5, 6, 7]), BOOK, region="US", consent=consent)
    assert prepared.removed == {"no consent for ads": 2, "no usable identifier": 2}
    assert prepared.sendable == 3
    assert prepared.members == prepared.sendable + sum(prepared.removed.values())
    assert prepared.rows == 4
    assert prepared.unusable == {
        "email": {"not an e-mail address": 1},
        "phone": {"not a phone number": 1},
    }
    assert prepared.coverage == {
        "email_sha256": 2, "phone_sha256": 3, "first_name_sha256": 1, "country": 1,
    }  # fmt: skip


def test_identifiers_follow_the_platform():
    book = Contacts([(1, "email", "J.Doe+x@gmail.com"), (1, "phone", "+1 212 555 0101")])
    rows = {p: prepare(audience([1]), book, platform=p).delta.add for p in ("meta", "google")}
    assert rows["meta"] == ((sha("j.doe+x@gmail.com"), sha("12125550101")),)
    assert rows["google"] == ((sha("jdoe@gmail.com"), sha("+12125550101")),)


def test_platforms_without_rules_are_refused(tmp_path):
    path = tmp_path / "a.csv"
    with pytest.raises(DeliveryError, match=r"'mata'. Did you mean 'meta'\? Known: plain, meta"):
        export(audience([1]), path, book=BOOK, platform="mata", allow_small=True)
    assert not path.exists()


def test_projects_without_contacts_send_their_own_ids():
    book = Contacts([], {1: "hh-1", 2: "hh-2", 9: "hh-9"})
    prepared = prepare(audience([1, 2, 3]), book, keys="person")
    assert prepared.delta.columns == ("external_id_sha256",)
    assert set(prepared.delta.add) == {(sha("hh-1"),), (sha("hh-2"),)}
    assert prepared.removed == {"no usable identifier": 1}


@pytest.mark.parametrize("name", ["out/people.csv", "people.parquet"])
def test_the_file_and_its_manifest(tmp_path, name):
    path = tmp_path / name
    done = export(audience([1, 2, 4]), path, book=BOOK, region="US", minimum=3)
    if name.endswith(".csv"):
        rows = list(csv.reader(path.read_text().splitlines()))
        assert rows[0] == list(done.prepared.delta.columns)
        assert [tuple(v or None for v in row) for row in rows[1:]] == list(done.prepared.delta.add)
    else:
        table = pq.read_table(path)
        assert [tuple(row.values()) for row in table.to_pylist()] == list(done.prepared.delta.add)
        group = pq.ParquetFile(path).metadata.row_group(0)
        assert group.column(0).statistics is None
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    manifest = json.loads(done.manifest_path.read_text())
    assert manifest == done.manifest
    assert manifest["people"]["sent"] == 3
    assert manifest["rows"] == done.receipt.sent == 4
    assert manifest["data"] == "simulated"
    assert manifest["as_of"] == "2026-06-16T00:00:00+00:00"
    assert manifest["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert manifest["consent"] is None
    assert not [p for p in path.parent.iterdir() if p.name.startswith(".")]


def test_the_manifest_names_nobody(tmp_path):
    done = export(audience([1, 2, 3, 4]), tmp_path / "a.csv", book=BOOK, region="US", minimum=1)
    text = done.manifest_path.read_text() + repr(done.prepared.delta) + repr(done)
    for _, kind, value in BOOK.rows:
        assert kind == "country" or value.strip() not in text
    for row in done.prepared.delta.add:
        assert not any(value and len(value) == 64 and value in text for value in row)


def test_too_few_people_are_refused_with_the_reasons(tmp_path):
    path = tmp_path / "a.csv"
    consent = Consent("ads", BitMap([1, 3]))
    with pytest.raises(GuardError) as caught:
        export(audience([1, 2, 3]), path, book=BOOK, region="US", consent=consent, minimum=2)
    assert str(caught.value) == (
        "1 of the 3 people of 'pricing_hot' can be sent, and an export needs 2."
        " Not sendable: 1 with no consent for ads; 1 with no usable identifier."
        " Widen the segment, or allow a small export."
    )
    assert list(tmp_path.iterdir()) == []


def test_nobody_is_refused_even_when_no_minimum_is_set(tmp_path):
    with pytest.raises(GuardError, match=r"0 of the 2 people .* with keys 'person'"):
        export(audience([8, 9]), tmp_path / "a.csv", book=BOOK, minimum=0)


def test_a_small_or_empty_export_on_request(tmp_path):
    done = export(audience([1]), tmp_path / "a.csv", book=BOOK, region="US", allow_small=True)
    assert done.receipt == Receipt(sent=1, accepted=1)
    for name in ("b.csv", "b.parquet"):
        empty = export(audience([]), tmp_path / name, book=BOOK, allow_small=True)
        assert empty.receipt == Receipt(sent=0, accepted=0)


def test_only_files_of_exports_are_replaced(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("precious")
    with pytest.raises(DeliveryError, match="was not written by an export"):
        export(audience([1]), path, book=BOOK, allow_small=True)
    assert path.read_text() == "precious"
    path.unlink()
    export(audience([1]), path, book=BOOK, region="US", allow_small=True)
    export(audience([1, 2]), path, book=BOOK, region="US", allow_small=True)
    assert len(path.read_text().splitlines()) == 4


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"old")

    def breaks(file):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    with pytest.raises(DeliveryError, match="can't be written: No space left on device"):
        write_atomically(path, breaks)
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.csv"]


def test_a_folder_that_can_not_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DeliveryError, match="can't be written: "):
        export(audience([1]), tmp_path / "file" / "a.csv", book=BOOK, allow_small=True)


def test_unknown_extensions_ask_for_a_format(tmp_path):
    with pytest.raises(DeliveryError, match=r"neither in \.csv nor in \.parquet"):
        export(audience([1]), tmp_path / "a.txt", book=BOOK)
    done = export(audience([1]), tmp_path / "a.txt", book=BOOK, allow_small=True, file_format="csv")
    assert done.path.exists()


def test_a_file_can_not_remove_people(tmp_path):
    delta = Delta(("email_sha256",), remove=(("0" * 64,),))
    with pytest.raises(DeliveryError, match="can't remove anyone"):
        list(FileDestination(tmp_path / "a.csv").push(audience([1]), [delta]))


def test_destinations_that_are_not_installed():
    with pytest.raises(NotFoundError, match="No destination 'fax'"):
        load("fax")


def test_rows_for_tools_that_write_to_people():
    book = Contacts(
        [(1, "email", " Ann@Example.com "), (1, "first_name", " Ann-Marie "), (2, "phone", "x")],
        {1: "c-1", 2: "c-2"},
    )
    found = prepare(
        audience([1, 2]), book, kinds=("email", "first_name", "external_id"), plain=True
    )
    assert found.delta.columns == ("email", "first_name", "external_id")
    assert found.delta.add == (("ann@example.com", "Ann-Marie", "c-1"),)
    assert found.persons == (1,)
    assert "ann" not in repr(found).lower()

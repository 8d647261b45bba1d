"""The retailer, whole: what its audit finds equals what plain SQL counts in the file."""

from __future__ import annotations

import duckdb
import pytest

pytestmark = pytest.mark.demo


@pytest.fixture(scope="module")
def audit(retailer):
    return retailer.audit("2011-12-10")


@pytest.fixture(scope="module")
def raw(examples):
    """The file as it is, read by nothing of ours."""
    connection = duckdb.connect()
    path = examples / "retailer/data/online_retail.parquet"
    connection.read_parquet(str(path)).create_view("lines")
    return lambda sql, *values: connection.execute(sql, values).fetchone()


def find(audit, code):
    (finding,) = [finding for finding in audit.findings if finding.code == code]
    return finding, {figure.label: figure.value for figure in finding.evidence.figures}


def test_rows_without_a_customer(audit, raw):
    rows, nameless = raw("SELECT count(*), count(*) - count(CustomerID) FROM lines")
    finding, figures = find(audit, "AU004")
    assert figures["rows without a person"] == nameless == 135_080
    assert figures["rows read"] == rows == 541_909
    assert figures["share"] == 24.9
    assert finding.title == "24.9 % of the rows of invoices name no person"
    assert set(finding.events) == {"purchase", "cancellation"}


def test_cancellations(audit, raw):
    rows, people, pieces = raw(
        "SELECT count(*), count(DISTINCT CustomerID), sum(Quantity) FROM lines"
        " WHERE InvoiceNo LIKE 'C%' AND CustomerID IS NOT NULL"
    )
    finding, figures = find(audit, "AU015")
    assert figures["events that undo"] == rows == 8_905
    assert figures["people with cancellation"] == people == 1_589
    assert ("cancellation", "quantity", pieces) in finding.evidence.table.rows
    assert finding.severity == "info"  # every goal names them in reversed_by


def test_bulk_buyers(audit, raw):
    finding, figures = find(audit, "AU008")
    people, share = raw(
        """
        WITH totals AS (
          SELECT sum(Quantity) AS pieces FROM lines
          WHERE InvoiceNo NOT LIKE 'C%' AND CustomerID IS NOT NULL GROUP BY CustomerID
        )
        SELECT count(*) FILTER (WHERE pieces > $1),
               round(100 * sum(pieces) FILTER (WHERE pieces > $1) / sum(pieces), 1)
        FROM totals
        """,
        figures["bulk begins above"],
    )
    assert figures["bulk buyers"] == people
    assert figures["share of all quantity"] == share
    assert 10 <= people <= 60
    assert share > 20
    assert finding.severity == "warning"


def test_exact_copies(audit, raw):
    (copies,) = raw(
        "SELECT sum(n - 1) FROM (SELECT count(*) AS n FROM lines WHERE CustomerID IS NOT NULL"
        " GROUP BY InvoiceNo, StockCode, Quantity, InvoiceDate, UnitPrice, CustomerID, Country)"
    )
    finding, figures = find(audit, "AU003")
    assert figures["copies beyond the first"] == copies == 5_227
    assert "exact copies" in finding.title


def test_totals(audit, raw):
    customers, invoices = raw(
        "SELECT count(DISTINCT CustomerID),"
        " count(DISTINCT InvoiceNo) FILTER (WHERE CustomerID IS NOT NULL) FROM lines"
    )
    points = {point.event: point for point in audit.inventory.events}
    assert audit.inventory.people == customers == 4_372
    assert points["purchase"].rows + points["cancellation"].rows == 541_909 - 135_080
    seen = [p.distinct for e in points.values() for p in e.properties if p.name == "invoice"]
    assert sum(seen) == invoices
    countries = max(p.distinct for p in points["purchase"].properties if p.name == "country")
    assert countries == raw(
        "SELECT count(DISTINCT Country) FROM lines"
        " WHERE CustomerID IS NOT NULL AND InvoiceNo NOT LIKE 'C%'"
    )[0]  # fmt: skip


def test_every_rejected_row_is_kept_with_its_reason(retailer):
    assert [(c["reason"], c["rows"]) for c in retailer.quarantine_counts()] == [
        ("person_missing", 135_080)
    ]
    rows = retailer.quarantined(["person_missing"], 3)
    assert len(rows) == 3
    assert all("InvoiceNo" in row.raw for row in rows)


def test_segments(retailer, raw):
    build = retailer.build(as_of="2011-11-09")
    (abroad,) = raw(
        "SELECT count(DISTINCT CustomerID) FROM lines WHERE Country <> 'United Kingdom'"
        " AND InvoiceNo NOT LIKE 'C%' AND InvoiceDate < TIMESTAMP '2011-11-09'"
        " AND InvoiceDate >= TIMESTAMP '2011-11-09' - INTERVAL 120 DAY"
    )
    assert build.segments["abroad"].matched_size == abroad
    (once,) = raw(
        "SELECT count(*) FROM (SELECT CustomerID FROM lines WHERE InvoiceNo NOT LIKE 'C%'"
        " AND CustomerID IS NOT NULL AND InvoiceDate < TIMESTAMP '2011-11-09' GROUP BY 1"
        " HAVING count(DISTINCT InvoiceNo) = 1"
        " AND min(InvoiceDate) >= TIMESTAMP '2011-11-09' - INTERVAL 90 DAY)"
    )
    assert build.segments["one_order_only"].matched_size == once
    assert sum(s.verdict == "within" for s in build.segments.values()) >= 15

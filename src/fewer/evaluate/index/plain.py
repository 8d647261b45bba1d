"""Numpy forms of the kernels that a first question needs: slower, but nothing has to be loaded."""

from __future__ import annotations

import numpy as np

from fewer.evaluate.index import kernels
from fewer.evaluate.index.layout import Array


def _moved(rows: Array, kept: Array) -> int:
    rows[: kept.size] = kept
    return int(kept.size)


def select(codes: Array, wanted: Array, low: int, out: Array) -> int:
    """See the kernel."""
    return _moved(out, np.flatnonzero(wanted[codes]) + low)


def refine(rows: Array, codes: Array, wanted: Array) -> int:
    """See the kernel."""
    return _moved(rows, rows[wanted[codes[rows]]])


def _inside(values: Array, least: int, most: int) -> Array:
    flags: Array = (values >= least) & (values <= most) & (values != kernels.MISSING)
    return flags


def select_range(values: Array, least: int, most: int, low: int, out: Array) -> int:
    """See the kernel."""
    return _moved(out, np.flatnonzero(_inside(values, least, most)) + low)


def refine_range(rows: Array, values: Array, least: int, most: int) -> int:
    """See the kernel."""
    return _moved(rows, rows[_inside(values[rows], least, most)])


def refine_in(rows: Array, values: Array, wanted: Array, negated: bool) -> int:
    """See the kernel."""
    held = values[rows]
    return _moved(rows, rows[(np.isin(held, wanted) != negated) & (held != kernels.MISSING)])


def mark(bits: Array, persons: Array) -> None:
    """See the kernel."""
    flags = np.zeros(bits.size * 64, bool)
    flags[persons] = True
    bits |= np.packbits(flags, bitorder="little").view(np.uint64)


def mark_rows(bits: Array, persons: Array, rows: Array) -> None:
    """See the kernel."""
    mark(bits, persons[rows])


def expand(bits: Array, out: Array) -> int:
    """See the kernel."""
    return _moved(out, np.flatnonzero(np.unpackbits(bits.view(np.uint8), bitorder="little")))


def fill(
    bits: Array, keys: Array, sizes: Array, offsets: Array, most_listed: int, out: Array
) -> None:
    """See the kernel."""
    for key, at in zip(keys.tolist(), offsets.tolist(), strict=True):
        chunk = bits[key * 1_024 : (key + 1) * 1_024]
        if sizes[key] <= most_listed:
            places = np.flatnonzero(np.unpackbits(chunk.view(np.uint8), bitorder="little"))
            out[at : at + places.size] = places
        else:
            out[at : at + 4_096] = chunk.view(np.uint16)


def between(numbers: Array, least: int, most: int, bits: Array) -> None:
    """See the kernel."""
    flags = np.zeros(bits.size * 64, bool)
    flags[: numbers.size] = (numbers >= least) & (numbers <= most)
    bits[:] = np.packbits(flags, bitorder="little").view(np.uint64)


def count(numbers: Array, persons: Array, most: int) -> None:
    """See the kernel."""
    more = np.bincount(persons, minlength=numbers.size)
    numbers[:] = np.minimum(numbers + more, most)


def count_rows(numbers: Array, persons: Array, rows: Array, most: int) -> None:
    """See the kernel."""
    count(numbers, persons[rows], most)


FORMS = (
    select,
    refine,
    select_range,
    refine_range,
    refine_in,
    mark,
    mark_rows,
    expand,
    fill,
    between,
    count,
    count_rows,
)


def know() -> None:
    """Tell the kernels their numpy forms."""
    for form in FORMS:
        getattr(kernels, form.__name__).plain = form

"""The file of one part of the index: a header, then arrays that are used where they lie.

``magic, version, length and checksum of the header, header (JSON), sections``. Every section has
a checksum of its own, compared when the section is first touched: whatever was damaged is found
before it can change an answer, and opening a part reads its header only.
"""

from __future__ import annotations

import json
import os
import secrets
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import xxhash

MAGIC: Final = b"FEWERIDX"
VERSION: Final = 2
"""Raised with every change of the format or of what is stored: older parts are made anew."""

_START: Final = struct.Struct("<8sIIQ")
_ALIGN: Final = 64

Array = npt.NDArray[Any]


class DamagedPartError(Exception):
    """The file is no whole part of this version; whoever opened it makes it anew."""


def write(path: Path, facts: Mapping[str, Any], arrays: Mapping[str, Array]) -> None:
    """Write a part so that a reader sees all of it or nothing, even after a kill.

    `facts` must be JSON; `arrays` are found again by their names.
    """
    sections: dict[str, tuple[str, int, int, int]] = {}
    offset = 0
    for name, array in arrays.items():
        data = np.ascontiguousarray(array)
        sections[name] = (data.dtype.str, data.size, offset, checksum(data))
        offset += -(-data.nbytes // _ALIGN) * _ALIGN
    header = json.dumps({"facts": facts, "sections": sections, "bytes": offset}).encode()
    start = _START.pack(MAGIC, VERSION, len(header), xxhash.xxh3_64_intdigest(header))
    aside = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        with aside.open("wb") as file:
            file.write(start + header)
            file.write(b"\0" * (-file.tell() % _ALIGN))
            for array in arrays.values():
                file.write(_bytes(np.ascontiguousarray(array)))
                file.write(b"\0" * (-file.tell() % _ALIGN))
        aside.replace(path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise


def checksum(array: Array) -> int:
    """Checksum of an array's bytes."""
    return xxhash.xxh3_64_intdigest(_bytes(array))


def _bytes(array: Array) -> bytes | memoryview:
    """The array's bytes, not copied."""
    return array.view(np.uint8).data if array.size else b""


class PartFile:
    """A part, mapped into memory. Nothing but the header is read before it is asked for."""

    def __init__(self, path: Path) -> None:
        """Map the file.

        Raises:
            FileNotFoundError: there is no such file.
            DamagedPartError: it is not whole, or of another version.
        """
        with pa.memory_map(str(path)) as file:  # closed again: parts may outnumber descriptors
            size = file.size()
            self._map = file.read_buffer()
        if size < _START.size:
            raise DamagedPartError(path.name)
        magic, version, length, digest = _START.unpack_from(self._map)
        header = self._map[_START.size : _START.size + length].to_pybytes()
        sound = (magic, version) == (MAGIC, VERSION)
        if not sound or xxhash.xxh3_64_intdigest(header) != digest:
            raise DamagedPartError(path.name)
        read = json.loads(header)
        self._base = -(-(_START.size + length) // _ALIGN) * _ALIGN
        if self._base + read["bytes"] > size:
            raise DamagedPartError(path.name)
        self.path = path
        self.size = size
        self.facts: dict[str, Any] = read["facts"]
        self._sections: dict[str, tuple[str, int, int, int]] = read["sections"]
        self._touched: dict[str, Array] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._sections

    def array(self, name: str) -> Array:
        """An array of the part, read-only, where it lies in the file.

        Raises `DamagedPartError` when its bytes are not those that were written.
        """
        found = self._touched.get(name)
        if found is None:
            dtype, count, offset, digest = self._sections[name]
            found = np.frombuffer(self._map, dtype, count, self._base + offset)
            if checksum(found) != digest:
                raise DamagedPartError(self.path.name)
            self._touched[name] = found
        return found

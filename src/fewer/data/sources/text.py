"""Text files line by line: decompressed, decoded, and never more than a line in memory."""

from __future__ import annotations

import gzip
import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, cast

import pyarrow as pa

from fewer.data.sources.base import Progress
from fewer.errors import SourceError

MAX_LINE: Final = 16_000_000
"""Characters of the longest line that is read; longer ones are refused."""

_CHUNK: Final = 1 << 20
_UTF8: Final = ("utf-8", "utf8", "utf_8", "utf-8-sig", "ascii", "us-ascii")


@dataclass(frozen=True, slots=True)
class Scan:
    """What one pass over a file's bytes tells."""

    content_hash: str
    size: int
    has_nul: bool


def scan(path: Path, *, text: bool, progress: Progress) -> Scan:
    """Hash a file; for text, look for NUL bytes in what it decompresses to.

    Raises:
        SourceError: when the file can't be opened, or its compression is damaged or cut short.
    """
    digest = hashlib.sha256()
    size = 0
    nul = False
    compressed = path.suffix in (".gz", ".zst")
    with _opened(path) as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
            nul = nul or (text and not compressed and b"\0" in chunk)
            progress.advance(size)
    if text and compressed:
        with binary(path) as stream:
            for chunk in _chunks(stream, path):
                nul = nul or b"\0" in chunk
    return Scan(digest.hexdigest(), size, nul)


def _opened(path: Path) -> IO[bytes]:
    try:
        return path.open("rb")
    except OSError as error:
        raise SourceError(f"{path} can't be read: {error.strerror}.") from error


def binary(path: Path) -> IO[bytes]:
    """The decompressed bytes of a file."""
    if path.suffix == ".gz":
        return cast("IO[bytes]", gzip.open(path, "rb"))
    if path.suffix == ".zst":
        return cast("IO[bytes]", pa.input_stream(str(path), compression="zstd"))
    return _opened(path)


def _chunks(stream: IO[bytes], path: Path) -> Iterator[bytes]:
    try:
        while chunk := stream.read(_CHUNK):
            yield chunk
    except (EOFError, OSError, pa.ArrowException) as error:
        raise SourceError(_damaged(path, error)) from error


def _damaged(path: Path, error: Exception) -> str:
    return (
        f"{path} is damaged or was cut short while it was copied ({error}). "
        "Nothing was stored; get the file again."
    )


def is_utf8(encoding: str) -> bool:
    """Whether texts in this encoding are UTF-8 as they stand."""
    return encoding.lower() in _UTF8


def lines(path: Path, encoding: str) -> Iterator[str]:
    """Physical lines with their ends. Undecodable bytes show as lone surrogates or U+FFFD.

    A line longer than `MAX_LINE` comes cut off, without an end; its rest is skipped.
    """
    codec = "utf-8-sig" if is_utf8(encoding) else encoding
    errors = "surrogateescape" if is_utf8(encoding) else "replace"
    with binary(path) as stream:
        reader = io.TextIOWrapper(
            cast("IO[bytes]", _Readable(stream, path)), encoding=codec, errors=errors, newline=""
        )
        while line := reader.readline(MAX_LINE):
            yield line
            while len(line) == MAX_LINE and not line.endswith(("\n", "\r")):
                line = reader.readline(MAX_LINE)


class _Readable(io.BufferedIOBase):
    """A byte stream that TextIOWrapper accepts, with errors that name the file."""

    def __init__(self, stream: IO[bytes], path: Path) -> None:
        self._stream = stream
        self._path = path

    def readable(self) -> bool:
        return True

    def read1(self, size: int | None = -1, /) -> bytes:
        return self.read(size)

    def read(self, size: int | None = -1, /) -> bytes:
        try:
            return self._stream.read(_CHUNK if size is None or size < 0 else size)
        except (EOFError, OSError, pa.ArrowException) as error:
            raise SourceError(_damaged(self._path, error)) from error


def is_broken(text: str) -> bool:
    """Whether a decoded text holds bytes that the encoding does not have."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return "�" in text


def readable(text: str) -> str:
    """The text with undecodable bytes written out as escapes, for the quarantine."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")

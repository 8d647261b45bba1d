"""The project's key, and what is sealed with it: contacts and quarantined rows.

The key is 32 random bytes in ``.fewer/key`` (mode 0600), or in the environment variable
``FEWER_KEY`` as base64. Without it sealed values can't be read by anyone, us included.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from fewer.errors import StoreError

_KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_TOKEN_BYTES: Final = 16


class Vault:
    """Seals and opens values; each `purpose` has a key of its own.

    >>> vault = Vault(bytes(32))
    >>> vault.open("contacts", vault.seal("contacts", b"a", b"7"), b"7")
    b'a'
    """

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._ciphers: dict[str, AESGCM] = {}

    @classmethod
    def at(cls, folder: Path) -> Vault:
        """Vault of the project whose store is `folder`; makes the key file the first time."""
        text = os.environ.get("FEWER_KEY")
        return cls(_decode(text, "FEWER_KEY") if text else _key_file(folder / "key"))

    def seal(self, purpose: str, value: bytes, context: bytes = b"") -> bytes:
        """Encrypt with AES-256-GCM; `context` must be given again to open it."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher(purpose).encrypt(nonce, value, context)

    def open(self, purpose: str, sealed: bytes, context: bytes = b"") -> bytes:
        """Decrypt what `seal` made; StoreError when the key is not the one it was sealed with."""
        nonce, body = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        try:
            return self._cipher(purpose).decrypt(nonce, body, context)
        except InvalidTag:
            raise StoreError(
                "Sealed values can't be opened with this project's key. Restore the key file "
                "(.fewer/key) or FEWER_KEY that was in use when the data was ingested."
            ) from None

    def token(self, purpose: str, value: str) -> bytes:
        """Keyed digest of `value`: equal values have equal tokens, and nobody else can test one."""
        digest = hmac.digest(self._derived(f"token:{purpose}"), value.encode(), "sha256")
        return digest[:_TOKEN_BYTES]

    def _cipher(self, purpose: str) -> AESGCM:
        if purpose not in self._ciphers:
            self._ciphers[purpose] = AESGCM(self._derived(f"seal:{purpose}"))
        return self._ciphers[purpose]

    def _derived(self, label: str) -> bytes:
        return hmac.digest(self._key, label.encode(), hashlib.sha256)


def _key_file(path: Path) -> bytes:
    try:
        return _decode(path.read_text(encoding="ascii"), str(path))
    except FileNotFoundError:
        pass
    key = os.urandom(_KEY_BYTES)
    # Written aside and linked into place, so that a second process never reads half a key.
    draft = path.with_name(f"key.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(base64.b64encode(key) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)
    except FileExistsError:
        return _key_file(path)
    finally:
        draft.unlink()
    return key


def _decode(text: str, where: str) -> bytes:
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != _KEY_BYTES:
        raise StoreError(f"{where} must hold {_KEY_BYTES} bytes in base64; it does not.")
    return key

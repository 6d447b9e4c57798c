"""Passwords as a guest stores them."""

from __future__ import annotations

import base64
import hashlib
import re
import threading
from functools import lru_cache

from kvmspec.manifest.secrets import COST

ROUNDS = 50_000  # ten times crypt(3)'s default: 25 ms
_ONE_AT_A_TIME = threading.Lock()
_CRYPT = re.compile(r"\$(?P<scheme>1|2[aby]|5|6|7|y|gy)\$[./0-9A-Za-z=,$]{8,}")


def scheme(value: str) -> str | None:
    """The scheme of a hash such as `$6$salt$…` (crypt(5)); None where the value is a password itself."""
    match = _CRYPT.fullmatch(value)
    return match["scheme"] if match else None


@lru_cache(maxsize=4096)
def crypted(value: str, salt: str) -> str:
    """The password as a hash: itself where it is one, else sha512-crypt.

    The same value and salt give the same hash, so that the same manifest gives the same bytes. What
    salt there is in it is made with scrypt: it must not be a quicker way to the password than the hash.
    """
    if scheme(value):
        return value
    drawn = hashlib.scrypt(value.encode(), salt=salt.encode(), **COST, dklen=12)
    return _sha512_crypt(value, base64.b64encode(drawn, b"./").decode())


def _sha512_crypt(value: str, salt: str) -> str:
    """One at a time: passlib sets itself up at its first use, and two threads at once break that."""
    with _ONE_AT_A_TIME:
        from passlib.hash import sha512_crypt  # type: ignore[import-untyped, unused-ignore]

        hashed: str = sha512_crypt.using(salt=salt, rounds=ROUNDS).hash(value)
        return hashed

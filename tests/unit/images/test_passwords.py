"""Hashes of passwords, made for several guests at once."""

from __future__ import annotations

import subprocess
import sys

AT_ONCE = """
import hashlib, sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from kvmspec.images import passwords
import passlib.hash
start = Barrier(16)
def drawn(value, **cost):
    start.wait()
    return bytes(12)
hashlib.scrypt = drawn
passwords.ROUNDS = 1000
sys.setswitchinterval(1e-6)
with ThreadPoolExecutor(16) as pool:
    print(len(list(pool.map(lambda number: passwords.crypted(f"secret {number}", "salt"), range(16)))))
"""


def test_the_first_ones_may_be_made_side_by_side() -> None:
    """The library sets itself up at its first use: in a process that has not used it yet."""
    for _ in range(12):
        done = subprocess.run([sys.executable, "-c", AT_ONCE], capture_output=True, text=True, check=False)
        assert (done.stdout, done.stderr[-500:]) == ("16\n", "")

"""The seed's ISO, and what is revealed in it."""

import hashlib
import io
import os
import subprocess
import sys
import time
from pathlib import Path
from shutil import which

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kvmspec.images.passwords import crypted, scheme
from kvmspec.images.seed import iso, reveal_files
from kvmspec.images.user_data import kind_of
from kvmspec.manifest.secrets import SecretStore

ROOT = Path(__file__).resolve().parents[3]
FILES = {
    "meta-data": "instance-id: a\n",
    "user-data": "#cloud-config\npackages: [ä]\n",
    "network-config": "version: 2\n" * 1000,
    "vendor-data": "",
}
CODE = """\
import hashlib, sys
from kvmspec.images.seed import iso
print(hashlib.sha256(iso({"meta-data": "a", "user-data": "b"})).hexdigest())
"""


def read_back(image: bytes, form: str) -> dict[str, str]:
    import pycdlib

    disc = pycdlib.PyCdlib()
    disc.open_fp(io.BytesIO(image))
    found = {}
    for name in FILES:
        target = io.BytesIO()
        disc.get_file_from_iso_fp(target, **{form: f"/{name}"})
        found[name] = target.getvalue().decode()
    disc.close()
    return found


@pytest.mark.parametrize("form", ["rr_path", "joliet_path"])
def test_files_are_read_back_by_their_names(form: str) -> None:
    assert read_back(iso(FILES), form) == FILES


def test_other_processes_at_other_times_in_other_zones_make_the_same_bytes() -> None:
    sums = set()
    for zone in ("UTC", "Asia/Tokyo", "America/St_Johns"):
        ran = subprocess.run(
            [sys.executable, "-c", CODE],
            cwd=ROOT,
            env={**os.environ, "TZ": zone},
            capture_output=True,
            text=True,
        )
        sums.add(ran.stdout)
        time.sleep(1.1)  # the finest step of an ISO's dates
    assert len(sums) == 1 and "" not in sums


def test_other_files_are_other_bytes() -> None:
    assert iso(FILES) != iso({**FILES, "vendor-data": "x"})


@pytest.mark.skipif(which("isoinfo") is None, reason="isoinfo (genisoimage) is not installed")
def test_isoinfo_reads_it(tmp_path: Path) -> None:
    file = tmp_path / "seed.iso"
    file.write_bytes(iso(FILES))
    told = subprocess.run(
        ["isoinfo", "-d", "-i", str(file)], capture_output=True, text=True, check=True
    ).stdout
    assert "Volume id: cidata\n" in told and "Joliet with UCS level 3" in told and "Rock Ridge" in told
    for extension in ("-R", "-J"):
        command = ["isoinfo", extension, "-i", str(file), "-x", "/user-data"]
        assert subprocess.run(command, capture_output=True, check=True).stdout.decode() == FILES["user-data"]


@pytest.mark.skipif(which("blkid", path="/usr/sbin:/sbin:/usr/bin") is None, reason="blkid is not installed")
def test_blkid_finds_the_label(tmp_path: Path) -> None:
    """cloud-init looks for the seed with blkid."""
    file = tmp_path / "seed.iso"
    file.write_bytes(iso(FILES))
    blkid = which("blkid", path="/usr/sbin:/sbin:/usr/bin")
    told = subprocess.run(
        [str(blkid), "-p", "-o", "export", str(file)], capture_output=True, text=True
    ).stdout
    assert "LABEL=cidata\n" in told and "TYPE=iso9660\n" in told


@pytest.mark.parametrize(
    ("text", "mime"),
    [
        ("#cloud-config\n", "text/cloud-config"),
        ("\n#Cloud-Config", "text/cloud-config"),
        ("#cloud-config-archive\n", "text/cloud-config-archive"),
        ("#!/bin/sh", "text/x-shellscript"),
        ("## template: jinja\n#cloud-config", "text/jinja2"),
        ("#include-once\nhttp://x", "text/x-include-once-url"),
        ("#include\nhttp://x", "text/x-include-url"),
        ("MIME-Version: 1.0\n", "multipart/mixed"),
        ("packages: [a]", None),
        ("", None),
    ],
)
def test_kinds_of_user_data(text: str, mime: str | None) -> None:
    assert kind_of(text) == mime


HASHES = {
    "$6$rounds=4096$abcdefgh$abcdefgh": "6",
    "$y$j9T$abcdefgh$abcdefgh": "y",
    "$2b$12$abcdefghijklmnop": "2b",
    "$ecret": None,
    "$6$": None,
    "$9$abcdefgh$abcdefgh": None,
    "$6$abcdefgh$abc\nroot:x": None,
    "secret": None,
}


@pytest.mark.parametrize("value", HASHES)
def test_a_hash_is_known_by_its_scheme(value: str) -> None:
    assert scheme(value) == HASHES[value]
    assert (crypted(value, "salt") == value) == (HASHES[value] is not None)


@settings(max_examples=5, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=40))
def test_any_password_is_the_one_that_was_hashed(value: str) -> None:
    from passlib.hash import sha512_crypt

    secrets = SecretStore()
    node = {"kvmspec:password": {"value": secrets.token(value), "salt": "u/ops"}}
    text = reveal_files({"a": {"yaml": {"p": node}}}, secrets)["a"]
    hashed = text.removeprefix("p: ").strip()
    assert scheme(value) or sha512_crypt.verify(value, hashed)


def test_the_salt_is_no_quick_way_to_the_password() -> None:
    assert hashlib.sha256(b"u/opsgeheim").hexdigest()[:8] not in crypted("geheim", "u/ops")
    assert crypted("geheim", "u/ops") != crypted("geheim", "u/other")

"""The NoCloud seed of one guest: documents with tokens → texts with the secrets in them → the ISO's bytes.

A *document* is plain data that JSON can hold, with secrets as tokens. It is one of

    {"text": …}                   a text as it stands
    {"yaml": …, "head": …}        data, written as YAML below the line `head`
    {"parts": [{"mime": …, …}]}   documents as parts of a MIME message

A secret is put into the data, and the data is written then: whatever is in it, its quotes are right.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kvmspec.images.passwords import crypted
from kvmspec.images.user_data import BINARY, MULTIPART
from kvmspec.manifest.secrets import SecretStore

Document = Mapping[str, Any]
Files = Mapping[str, Document]
"""The name of a seed's file → its document."""

PASSWORD = "kvmspec:password"
"""The one key of a map that stands for a password's hash: `{PASSWORD: {"value": token, "salt": …}}`."""

_BOUNDARY = "==kvmspec=="  # no line of base64 begins with it


def reveal_files(files: Files, secrets: SecretStore) -> dict[str, str]:
    """The files' texts with every secret in its place. The hash of a password becomes a secret, too."""
    return {name: text(document, _Revealer(secrets)) for name, document in files.items()}


def masked_files(files: Files) -> dict[str, str]:
    """The files' texts as they may be shown: `(secret)` where a secret stands."""
    from kvmspec.manifest.secrets import SECRET, masked

    class Masker(_Revealer):
        def string(self, value: str) -> str:
            return masked(value)

        def password(self, value: str, salt: str) -> str:
            return SECRET

    return {name: text(document, Masker(SecretStore())) for name, document in files.items()}


class _Revealer:
    """Puts secrets into data."""

    def __init__(self, secrets: SecretStore) -> None:
        self.secrets = secrets

    def string(self, value: str) -> str:
        """A text with its secrets."""
        return self.secrets.reveal(value)

    def password(self, value: str, salt: str) -> str:
        """The hash of a password; no output shows it from now on."""
        hashed = crypted(self.secrets.reveal(value), salt)
        self.secrets.token(hashed)
        return hashed

    def data(self, value: Any) -> Any:
        """Plain data with its secrets."""
        if isinstance(value, str):
            return self.string(value)
        if isinstance(value, list):
            return [self.data(child) for child in value]
        if not isinstance(value, dict):
            return value
        if PASSWORD in value:
            return self.password(**value[PASSWORD])
        if BINARY in value:
            import base64

            return base64.b64decode(value[BINARY])
        return {self.string(key): self.data(child) for key, child in value.items()}


def text(document: Document, revealer: _Revealer) -> str:
    """One document as text."""
    if "parts" in document:
        return _message(document["parts"], revealer)
    if "text" in document:
        return revealer.string(document["text"])
    from kvmspec.images.yaml_text import dump

    return f"{document.get('head', '')}" + dump(revealer.data(document["yaml"]))


def _message(parts: list[Document], revealer: _Revealer) -> str:
    """A MIME message with the parts (RFC 2046), each as base64: nothing in it can end its part."""
    from email.message import Message
    from email.mime.multipart import MIMEMultipart
    from email.mime.text import MIMEText
    from email.parser import BytesParser

    message = MIMEMultipart(boundary=_BOUNDARY)
    for part in parts:
        content = text(part, revealer)
        inner: Message
        if part["mime"] == MULTIPART:
            inner = BytesParser().parsebytes(content.encode())
        else:
            inner = MIMEText(content, part["mime"].partition("/")[2], "utf-8")
        message.attach(inner)
    return message.as_bytes().decode()


def iso(files: Mapping[str, str]) -> bytes:
    """An ISO 9660 image with these files, labelled `cidata`, with Joliet and Rock Ridge for their names.

    Takes revealed text (see reveal_files). The same files give the same bytes, whatever the clock and
    the time zone. The label is what cloud-init's NoCloud looks for:
    https://cloudinit.readthedocs.io/en/latest/reference/datasources/nocloud.html
    """
    import io

    import pycdlib

    from kvmspec.images.iso_dates import without_dates

    image = pycdlib.PyCdlib()
    image.new(interchange_level=3, joliet=3, rock_ridge="1.09", vol_ident="cidata")
    for number, (name, content) in enumerate(sorted(files.items()), 1):
        data = content.encode()
        image.add_fp(
            io.BytesIO(data), len(data), f"/FILE{number}.;1",
            rr_name=name, joliet_path=f"/{name}", file_mode=0o100444,
        )  # fmt: skip
    target = io.BytesIO()
    image.write_fp(target)
    image.close()
    return without_dates(target.getvalue())

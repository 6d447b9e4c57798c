"""Secret values travel as opaque tokens; only the adapters put the value in, at the last moment."""

from __future__ import annotations

import hashlib
import re
import secrets as random
from dataclasses import dataclass, field
from html import escape

_TOKEN = re.compile(r"kvmspec-secret-[0-9a-f]{16}")
SECRET = "(secret)"
COST = {"n": 2**14, "r": 8, "p": 1}  # about 30 ms, RFC 7914's interactive setting


@dataclass
class SecretStore:
    """Token ↔ value, in memory for one run. Equal values get the same token within a run."""

    _values: dict[str, str] = field(default_factory=dict, repr=False)
    _tokens: dict[str, str] = field(default_factory=dict, repr=False)

    def token(self, value: str) -> str:
        """The token that stands for `value`."""
        if value not in self._tokens:
            token = f"kvmspec-secret-{random.token_hex(8)}"
            self._tokens[value], self._values[token] = token, value
        return self._tokens[value]

    def reveal(self, text: str) -> str:
        """`text` with every token replaced by its value. For adapters alone."""
        if not self._values or "kvmspec-secret-" not in text:
            return text
        return _TOKEN.sub(lambda match: self._values.get(match[0], match[0]), text)

    def reveal_xml(self, xml: str) -> str:
        """XML with every token replaced by its value, escaped. For adapters alone."""
        if not self._values or "kvmspec-secret-" not in xml:
            return xml
        return _TOKEN.sub(lambda match: escape(self._values.get(match[0], match[0])), xml)

    def hide(self, text: str) -> str:
        """`text` with every known secret value, escaped or not, replaced by `(secret)`: for
        libvirt's words, which may quote what it was given."""
        for value in sorted(self._tokens, key=len, reverse=True):
            for form in (escape(value), value):
                text = text.replace(form, SECRET) if form else text
        return text


def tokens(text: str) -> list[str]:
    """The different tokens in `text`, in their order."""
    return list(dict.fromkeys(_TOKEN.findall(text)))


def masked(text: str) -> str:
    """`text` with every token replaced by `(secret)`."""
    return _TOKEN.sub(SECRET, text)


def is_token(value: object) -> bool:
    """Whether `value` is a whole secret token."""
    return isinstance(value, str) and _TOKEN.fullmatch(value) is not None


def has_token(value: object) -> bool:
    """Whether a secret token occurs anywhere in `value`."""
    return isinstance(value, str) and _TOKEN.search(value) is not None


def digest(value: str, salt: str | None = None) -> str:
    """A salted scrypt digest, `salt$hash`: shows that a secret changed, and nothing else."""
    salt = salt or random.token_hex(8)
    hashed = hashlib.scrypt(value.encode(), salt=salt.encode(), **COST, dklen=16)
    return f"{salt}${hashed.hex()}"


def matches(value: str, stored: str) -> bool:
    """Whether `value` has the digest `stored`."""
    return random.compare_digest(digest(value, stored.partition("$")[0]), stored)

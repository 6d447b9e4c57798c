"""Text in XML. The standard library's xml.sax.saxutils imports all of its HTTP client for this."""

from __future__ import annotations

from markupsafe import escape as _escape


def escape(text: str) -> str:
    """Text between tags, or within quotes of an attribute on one line."""
    return str(_escape(text))


def quoteattr(value: str) -> str:
    """An attribute's value with its quotes; line ends and tabs are kept, which a parser would make blanks."""
    text = escape(value).replace("\n", "&#10;").replace("\r", "&#13;").replace("\t", "&#9;")
    return f'"{text}"'

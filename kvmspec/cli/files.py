"""Files that commands write."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from kvmspec.core.errors import KvmspecError


def write_private(file: Path, text: str) -> None:
    """Write a file that only its owner can read, wholly or not at all. Raises KvmspecError."""
    if file.exists() and not file.is_file():
        raise KvmspecError(f"cannot write {file}: it is there and is no file")
    try:
        handle, name = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)  # mode 0600
    except OSError as error:
        raise KvmspecError(f"cannot write {file}: {error.strerror}") from error
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(text.encode("utf-8", "surrogatepass"))
        Path(name).replace(file)
    except OSError as error:
        raise KvmspecError(f"cannot write {file}: {error.strerror}") from error
    finally:
        Path(name).unlink(missing_ok=True)

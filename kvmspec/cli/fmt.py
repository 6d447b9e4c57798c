"""`kvmspec fmt`."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from difflib import unified_diff
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kvmspec.cli.console import Console
from kvmspec.cli.exits import worst
from kvmspec.cli.options import Debug, NoColor, Verbose
from kvmspec.core.errors import ExitCode, ManifestError, UsageError

if TYPE_CHECKING:
    from kvmspec.manifest.layout.order import Shape
    from kvmspec.manifest.problems import Problems
    from kvmspec.manifest.sources import Document

Paths = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="PATH",
        help="Manifest files or directories; default: this directory. `-` reads stdin, writes stdout.",
        show_default=False,
    ),
]
Check = Annotated[
    bool, typer.Option("--check", help="Write nothing; list what would change, and exit 2 if there is any.")
]
Diff = Annotated[bool, typer.Option("--diff", help="Write nothing; show what would change.")]

_STDIN = Path("-")


def fmt(
    paths: Paths = None,
    check: Check = False,
    diff: Diff = False,
    no_color: NoColor = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> int:
    """Put manifests into canonical order and layout, and print the names of those that changed.

    Keys go into the order of the reference, the indentation is two. Comments stay with what they describe;
    names, quotes, long lines and columns that you aligned stay as they are. So does what the manifest says.
    """
    console = Console.of_process()
    if paths and _STDIN in paths and len(paths) > 1:
        raise UsageError("`-` stands alone: stdin is one manifest")
    run = _Run.begin(check=check, diff=diff, console=console)
    if paths == [_STDIN]:
        run.stdin()
    else:
        run.files(paths or [Path()])
    return run.end()


@dataclass
class _Run:
    """One call: how it writes, and what it has come to."""

    check: bool
    diff: bool
    console: Console
    shape: Shape
    problems: Problems
    changed: int = 0
    files_seen: int = 0
    faults: list[tuple[str, str]] = field(default_factory=list)

    @classmethod
    def begin(cls, *, check: bool, diff: bool, console: Console) -> _Run:
        from kvmspec.kinds.registry import SECTIONS
        from kvmspec.manifest.layout.order import root_shape
        from kvmspec.manifest.problems import Problems
        from kvmspec.manifest.secrecy import secret_keys

        problems = Problems(secret_keys=partial(secret_keys, tuple(section.spec for section in SECTIONS)))
        return cls(check, diff, console, root_shape(SECTIONS), problems)

    def stdin(self) -> None:
        """Format what comes in; with --check or --diff only tell."""
        data = sys.stdin.buffer.read()
        formatted = self._formatted(data, Path("<stdin>"))
        if formatted is None:
            return
        if self.check or self.diff:
            self._tell(data, formatted, "<stdin>")
        else:
            self.console.out(formatted.decode())

    def files(self, paths: list[Path]) -> None:
        """Format every file the paths name. One that cannot be read is no reason to leave the others."""
        from kvmspec.manifest.sources import find_files

        for path in find_files(paths, self.problems):
            self.files_seen += 1
            try:
                data = path.read_bytes()
            except OSError as error:
                self.problems.add(f"{path}: cannot be read: {error.strerror or error}")
                continue
            formatted = self._formatted(data, path)
            if formatted is not None and self._written(path, data, formatted):
                self._tell(data, formatted, str(path))
        self.console.err(self._summary())

    def _written(self, path: Path, before: bytes, after: bytes) -> bool:
        """Write the file where it changes and shall; False, noted, when that fails."""
        from kvmspec.adapters.files import replace_file

        if before == after or self.check or self.diff:
            return True
        try:
            replace_file(path, after)
        except OSError as error:
            self.faults.append((f"cannot write {path}: {error.strerror or error}", ""))
            return False
        return True

    def end(self) -> int:
        """What went wrong, and the exit code."""
        from kvmspec.cli.failures import report_failure
        from kvmspec.report.problems import error_text

        for fault, hint in self.faults:
            self.console.err(error_text(fault, hint, style=self.console.err_style))
        try:
            self.problems.stop()
        except ManifestError as error:
            report_failure(error, debug=False)
        return worst(
            (self.faults, ExitCode.FAILED),
            (self.problems, ExitCode.INVALID),
            (self.check and self.changed, ExitCode.CHANGES),
        )

    def _formatted(self, data: bytes, path: Path) -> bytes | None:
        """The canonical form, or None, noted, where there is none."""
        from kvmspec.manifest import yaml
        from kvmspec.manifest.layout import LayoutError, formatted
        from kvmspec.manifest.sources import document

        try:
            found = document(data, path)
            if found.data and found.data.keys().isdisjoint(self.shape.ordered):
                self._no_manifest(found)
                return None
            return formatted(found.text, str(path), self.shape).encode()
        except yaml.YamlError as error:
            self.problems.extend(error.problems)
        except LayoutError as error:
            hint = "the file was left as it is; please report it"
            self.faults.append((f"internal error: {error}", hint))
        return None

    def _no_manifest(self, found: Document) -> None:
        """Note a YAML file of some other kind, as the loader would."""
        key = next(iter(found.data))
        where = found.tree.where((key,), key=True)
        self.problems.add(f"this is no manifest: unknown key `{key}`", where)

    def _tell(self, before: bytes, after: bytes, name: str) -> None:
        """The file's name, or what changes in it."""
        if before == after:
            return
        self.changed += 1
        if self.diff:
            old, new = (text.decode("utf-8-sig").splitlines(keepends=True) for text in (before, after))
            for line in unified_diff(old, new, name, name):
                self.console.out(self.problems.mask_keys(line.rstrip("\r\n")) + "\n")
        else:
            self.console.out(f"{name}\n")

    def _summary(self) -> str:
        """`2 of 5 files would change.`"""
        from kvmspec.report.values import counted

        verb = "would change" if self.check or self.diff else "changed"
        return f"{self.changed} of {counted(self.files_seen, 'file')} {verb}.\n"

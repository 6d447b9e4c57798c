"""Collects everything that is wrong, and raises it all at once."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import Any, NoReturn

from kvmspec.core.errors import ManifestError
from kvmspec.core.problem import Problem, Where
from kvmspec.manifest.secrets import SecretStore

SHOWN = 100
_MASK = "(secret)"


def nearest(name: object, known: Iterable[str], *, listed: bool = True) -> str:
    """A hint with the known name that `name` may have meant; else, if `listed`, the few there are."""
    options = sorted(set(known))
    if match := get_close_matches(str(name)[:100], options, n=1, cutoff=0.6):
        return f"did you mean `{match[0]}`?"
    return f"known: {', '.join(options)}" if listed and 0 < len(options) <= 12 else ""


def _order(problem: Problem) -> tuple[str, int, int, str, str]:
    where = problem.where or Where("", 0, 0)
    return where.file, where.line, where.column, problem.message, problem.path


@dataclass
class Problems:
    """The problems and warnings found so far.

    secret_keys  gives the names of fields whose literal values no shown line may hold
    token_keys   gives the names of fields that may hold secret variables, for hints
    secrets      values that no message or shown line may hold
    """

    secrets: SecretStore = field(default_factory=SecretStore)
    secret_keys: Callable[[], Collection[str]] = tuple
    token_keys: Callable[[], Collection[str]] = tuple
    found: list[Problem] = field(default_factory=list)
    literals: list[Any] = field(default_factory=list, repr=False)  # data that may hold literal secrets

    def add(
        self,
        message: str,
        where: Where | None = None,
        *,
        path: str = "",
        hint: str = "",
        warning: bool = False,
    ) -> None:
        """Note one problem."""
        self.found.append(Problem(message, where, path, hint, warning))

    def extend(self, problems: Iterable[Problem]) -> None:
        """Note several."""
        self.found.extend(problems)

    def __bool__(self) -> bool:
        return any(not problem.warning for problem in self.found)

    def stop(self) -> None:
        """Raise what has been found, if any of it is an error. Raises ManifestError."""
        if self:
            self._raise()

    def warnings(self) -> tuple[Problem, ...]:
        """The warnings, in order of file and line."""
        return tuple(self._shown(problem for problem in self.found if problem.warning))

    def _raise(self) -> NoReturn:
        self._learn(self.literals, secret=False)
        shown = self._shown(problem for problem in self.found if not problem.warning)
        rest = len(shown) - SHOWN
        more = [Problem(f"and {rest} more problems")] if rest > 0 else []
        raise ManifestError(shown[:SHOWN] + more)

    def _learn(self, data: Any, *, secret: bool) -> None:
        """Take every line under a secret key into `secrets`, so that it is masked wherever it is shown."""
        if isinstance(data, dict):
            for key, value in data.items():
                self._learn(value, secret=secret or key in self.secret_keys())
        elif isinstance(data, list):
            for value in data:
                self._learn(value, secret=secret)
        elif secret and isinstance(data, str):
            for line in data.splitlines():
                if "${" not in line and line.strip():
                    self.secrets.token(line.strip())

    def _shown(self, problems: Iterable[Problem]) -> list[Problem]:
        """In order of file and line, each place and message once, nothing secret in them."""
        unique: dict[tuple[Where | str, str], Problem] = {}
        for problem in problems:
            unique.setdefault((problem.where or problem.path, problem.message), problem)
        return [self._masked(problem) for problem in sorted(unique.values(), key=_order)]

    def _masked(self, problem: Problem) -> Problem:
        hide = self.secrets.hide
        where = problem.where
        if where is not None:
            where = replace(where, source=hide(self.mask_keys(where.source)))
        return replace(problem, where=where, message=hide(problem.message), hint=hide(problem.hint))

    def mask_keys(self, line: str) -> str:
        """The line without what follows `password:` and its like, for texts that are not even YAML."""
        names = self.secret_keys()
        if not names:
            return line
        keys = "|".join(map(re.escape, sorted(names)))
        value = r"""("(?:[^"\\]|\\.)*"?|'[^']*'?|\$\{[^}]*\}|[^,}\]\s]+(?: +[^,}\]#\s]+)*)"""
        return re.sub(rf"""((?:^|[\s{{,"'])(?:{keys})["']?\s*:\s*){value}""", _keep_references, line)


def _keep_references(match: re.Match[str]) -> str:
    """A reference is no secret; anything else that follows a secret's key is."""
    return match[0] if "${" in match[2] else match[1] + _MASK

"""One field of the manifest, described: what `explain` prints and the references list."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FieldDoc:
    """All in words, for people; what there is nothing to say of is empty.

    path      without the names of objects: `vms.disks.cache`
    meaning   a sentence or two
    brief     its type in a word or two, for tables; type says it in full
    named     whether a name, or a position, may stand behind it: `vms.web`, `disks.root`
    required  whether its object cannot do without
    default   what holds when it is not given; creation: what a new object gets then
    short     `cpus: 2 is cpus: {count: 2}`
    impact    of a change: `live, or restart`; reason: why, or in which case
    example   lines of a manifest that has it
    fields    paths of the fields in it
    like      path of a section, or of another object, whose fields it has as well, less those named in `less`
    built     False for a field of the format that this version refuses
    """

    path: str
    meaning: str = ""
    brief: str = ""
    type: str = ""
    named: bool = False
    required: bool = False
    default: str = ""
    creation: str = ""
    short: str = ""
    impact: str = ""
    reason: str = ""
    example: str = ""
    fields: tuple[str, ...] = ()
    like: str = ""
    less: tuple[str, ...] = ()
    built: bool = True

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition(".")[2]

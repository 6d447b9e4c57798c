"""A VM's specification → libvirt XML, through templates/domain.xml.j2."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from kvmspec.adapters.jinja import Renderer
from kvmspec.core.observed import HostFacts
from kvmspec.kinds.domain import preset
from kvmspec.kinds.domain.controllers import Controller, controllers
from kvmspec.kinds.domain.devices import DiskSpec
from kvmspec.kinds.domain.further import displays, further
from kvmspec.kinds.domain.keys import disk_keys, number_of
from kvmspec.kinds.domain.nic_spec import NicSpec
from kvmspec.kinds.domain.sources import Source
from kvmspec.kinds.domain.spec import VmSpec
from kvmspec.kinds.fragments import merged
from kvmspec.kinds.nics import nic_keys
from kvmspec.kinds.records import KeyMap

if TYPE_CHECKING:
    from kvmspec.kinds.domain.controllers_spec import Placed

_LINES = frozenset({"serials", "parallels", "consoles", "channels"})
_OF_NARROW_SCSI = 7  # places on a controller, in libvirt's count


class Disk(NamedTuple):
    """A disk as the template sees it. `driver` is the format, None to leave it as it is, "" for none; `unit`
    its place on the first SCSI controller, where libvirt would put it elsewhere."""

    key: str
    target: str
    spec: DiskSpec
    source: Source
    driver: str | None
    unit: int | None


class Nic(NamedTuple):
    key: str
    mac: str
    spec: NicSpec


class Machine(NamedTuple):
    """All the template needs. `create`: everything a new VM gets; else only what is stated."""

    name: str
    uuid: str
    spec: VmSpec
    disks: tuple[Disk, ...]
    nics: tuple[Nic, ...]
    create: bool = False
    metadata: str = ""
    controllers: tuple[Controller, ...] = ()
    display: bool = False

    @property
    def features(self) -> Iterable[ET.Element]:
        """<features>, where any is stated."""
        if self.spec.features is None:
            return ()
        from kvmspec.kinds.domain.elements.features import features  # few need their models

        return features(self.spec.features)

    @property
    def displays(self) -> Iterable[ET.Element]:
        """Its displays."""
        return displays(self.spec, self.create or self.display) if self.spec.graphics else ()

    @property
    def further(self) -> Iterable[ET.Element]:
        """All that most VMs can do without."""
        spec = self.spec
        period = spec.memory is not None and spec.memory.stats_period is not None
        stated = spec.devices.model_fields_set or spec.filesystems or spec.tpm
        return further(spec, self.create) if self.create or stated or period else ()

    @property
    def lines(self) -> Iterable[ET.Element]:
        """Its ports, consoles and channels."""
        if _LINES.isdisjoint(self.spec.devices.model_fields_set):
            return ()
        from kvmspec.kinds.domain.elements.lines import lines  # few state any

        return lines(self.spec)

    @property
    def twin(self) -> str | None:
        """The type of the first serial port where libvirt makes the first console of it, and there are
        others: it would count these without it (9.0)."""
        ports = self.spec.devices.serials
        if not self.create or not ports or self.spec.console or not self.spec.devices.consoles:
            return None
        return ports[0].type if ports[0].has_twin else None

    @property
    def nvram_place(self) -> Source:
        """Where the firmware's variables are kept: it knows how libvirt is told a secret."""
        return self.disks[0].source if self.disks else Source(None)

    @property
    def placed(self) -> Sequence[Placed]:
        """The controllers that are stated, each with its number."""
        if not self.spec.controllers:
            return ()
        from kvmspec.kinds.domain.controllers_spec import placed

        return placed(self.spec.controllers)

    @property
    def brings_tablet(self) -> bool:
        """Whether the display comes with a tablet that is not stated itself."""
        listed = self.spec.devices.inputs or ()
        return self.display and not any((i.type, i.bus) == ("tablet", "usb") for i in listed)

    @property
    def brings_card(self) -> bool:
        """Whether the display comes with a video card that is not stated itself."""
        return self.display and not self.spec.devices.cards

    @property
    def shares_memory(self) -> bool:
        """Whether it needs memory that it shares with the host. A VM that exists gets it with the folder."""
        return self.create and any(folder.driver == "virtiofs" for folder in self.spec.filesystems or ())


def stated(
    renderer: Renderer,
    name: str,
    spec: VmSpec,
    sources: tuple[Source, ...],
    keys: KeyMap,
    new: frozenset[str],
    moved: frozenset[str] = frozenset(),
) -> str:
    """XML of what the manifest states, and nothing else: for comparison, never to be defined.

    new    keys of disks the VM does not have yet; they are rendered as created
    moved  keys of disks that get another bus; they get their place on it
    """
    disks = _disks(spec, sources, keys, new, new | moved)
    machine = Machine(name, "", spec, disks, _nics(spec, keys))
    return merged(renderer.render("domain.xml.j2", machine=machine), spec.xml)


def created(
    renderer: Renderer,
    name: str,
    uuid: str,
    spec: VmSpec,
    sources: tuple[Source, ...],
    keys: KeyMap,
    facts: HostFacts,
    metadata: str = "",
) -> str:
    """XML with which the VM is created: what is stated, and the preset."""
    full = preset.completed(spec, facts)
    display = bool(full.graphics) and spec.preset == "standard"
    every = frozenset(keys.disks)
    machine = Machine(
        name,
        uuid,
        full,
        _disks(full, sources, keys, every, every),
        _nics(full, keys),
        create=True,
        metadata=metadata,
        controllers=tuple(controllers(full, display)),
        display=display,
    )
    return merged(renderer.render("domain.xml.j2", machine=machine), spec.xml)


def _disks(
    spec: VmSpec,
    sources: tuple[Source, ...],
    keys: KeyMap,
    new: frozenset[str],
    placed: frozenset[str],
) -> tuple[Disk, ...]:
    return tuple(
        Disk(
            key,
            keys.disks[key],
            disk,
            source,
            source.format if key in new else disk.format,
            _unit(keys.disks[key], disk) if key in placed else None,
        )
        for key, disk, source in zip(disk_keys(spec.disks), spec.disks, sources, strict=True)
    )


def _unit(target: str, disk: DiskSpec) -> int | None:
    """libvirt puts every seventh SCSI disk on another controller, and where none of that number is defined
    adds an lsilogic one, for which few guests have a driver (measured on 9.0). virtio-scsi has room."""
    number = number_of(target)
    return number if disk.bus == "scsi" and number >= _OF_NARROW_SCSI and disk.address is None else None


def _nics(spec: VmSpec, keys: KeyMap) -> tuple[Nic, ...]:
    return tuple(
        Nic(key, nic.mac or keys.networks[key], nic)
        for key, nic in zip(nic_keys(spec.networks), spec.networks, strict=True)
    )

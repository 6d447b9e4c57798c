"""adapters.libvirt.Domains on both drivers. What a booted guest does is in tests/live."""

from __future__ import annotations

import re
import time
from pathlib import Path

import libvirt
import pytest

from kvmspec.adapters.libvirt import Host
from kvmspec.core.errors import Absent, LibvirtFailure
from kvmspec.core.observed import Observed
from kvmspec.manifest.secrets import SecretStore
from tests.contract.definitions import UUID, domain, pool, volume

MIB = 2**20
ELEMENT = '<kvmspec:vm xmlns:kvmspec="urn:kvmspec:1" project="shop">{"a":1}</kvmspec:vm>'
VNC = "<graphics type='vnc' port='-1' autoport='yes' passwd='{}'/>"


@pytest.fixture
def web(host: Host) -> str:
    """A stopped domain."""
    host.domains.define(domain(host))
    return "web"


@pytest.fixture
def running(host: Host, web: str) -> str:
    """A running one."""
    host.domains.start(web)
    return web


def listed(host: Host, name: str = "web") -> Observed | None:
    return next((found for found in host.domains.list() if found.name == name), None)


def vcpus(xml: str | None) -> str | None:
    found = re.search(r"<vcpu[^>]* current='(\d+)'", xml or "")
    return found[1] if found else None


# --- looking
def test_what_is_defined_is_listed_and_read(host: Host, web: str) -> None:
    found = host.domains.get(web)
    assert (found.kind, found.name, found.uuid) == ("vm", "web", UUID.format(3))
    assert (found.state, found.running, found.autostart) == ("stopped", False, False)
    assert (found.persistent, found.managed_save, found.active_xml) == (True, False, None)
    assert listed(host) == found
    assert host.domains.names()["web"] == UUID.format(3)


def test_a_running_one_has_both_definitions(host: Host, running: str) -> None:
    found = host.domains.get(running)
    assert found.state == "running" and found.running
    assert found.active_xml is not None and "<domain" in found.active_xml
    assert " id='" not in found.xml.partition(">")[0]
    seen = listed(host)
    assert seen is not None and seen.state == "running" and seen.active_xml is not None


def test_a_paused_one_is_running_and_says_paused(host: Host, running: str) -> None:
    host.conn.lookupByName(running).suspend()
    found = host.domains.get(running)
    assert found.state == "paused" and found.running and found.active_xml


def test_only_what_is_wanted_is_looked_into(host: Host) -> None:
    for number in range(12):  # more than are dumped one after the other
        host.domains.define(domain(host, f"vm-{number}", 10 + number))
    assert len([found for found in host.domains.list() if found.name.startswith("vm-")]) == 12
    seven = host.domains.list(lambda name, uuid: uuid == UUID.format(17))
    assert [found.name for found in seven] == ["vm-7"]


def test_a_transient_one_says_so(host: Host) -> None:
    host.conn.createXML(domain(host))
    assert not host.domains.get("web").persistent
    seen = listed(host)
    assert seen is not None and not seen.persistent


def test_what_is_not_there_is_absent(host: Host) -> None:
    domains = host.domains
    methods = (domains.get, domains.start, domains.power_off, domains.undefine, domains.remove_metadata)
    for method in methods:
        with pytest.raises(Absent, match="web"):
            method("web")
    for change in (domains.set_vcpus, domains.set_memory, domains.shutdown):
        with pytest.raises(Absent, match="web"):
            change("web", 1)
    with pytest.raises(Absent):
        domains.rename("web", "other")


def test_a_guest_without_a_lease_has_no_address(host: Host, running: str) -> None:
    assert host.guests.addresses(running) == []


# --- definitions
def test_defining_twice_is_as_good_as_once(host: Host, web: str) -> None:
    before = host.domains.get(web)
    host.domains.define(domain(host))
    assert host.domains.get(web) == before


def test_a_secret_is_put_in_at_the_last_moment_and_read_back(host: Host, secrets: SecretStore) -> None:
    token = secrets.token("geheim12")
    xml = domain(host, devices=VNC.format(token))
    host.domains.define(xml)
    assert "passwd='geheim12'" in host.domains.get("web").xml
    assert token not in host.domains.get("web").xml


def test_what_libvirt_does_not_know_is_refused(host: Host) -> None:
    with pytest.raises(LibvirtFailure, match=r"^define the domain: "):
        host.domains.define(domain(host, extra="<nonsense/>"))
    assert listed(host) is None


def test_a_failure_says_what_was_tried_and_libvirts_words(host: Host) -> None:
    with pytest.raises(LibvirtFailure, match=r"^define the domain: .+") as caught:
        host.domains.define("<domain type='qemu'><name>web</name></domain>")
    assert not isinstance(caught.value, Absent) and caught.value.code != 0


def test_a_name_with_another_uuid_is_not_overwritten(host: Host, web: str) -> None:
    with pytest.raises(LibvirtFailure):
        host.domains.define(domain(host, number=9))
    assert host.domains.get(web).uuid == UUID.format(3)


def test_autostart_is_seen_in_both_ways_of_looking(host: Host, web: str) -> None:
    for enabled in (True, True, False):
        host.domains.set_autostart(web, enabled)
        assert host.domains.get(web).autostart is enabled
        seen = listed(host)
        assert seen is not None and seen.autostart is enabled


def test_a_rename_keeps_the_uuid(host: Host, web: str) -> None:
    host.domains.rename(web, "www")
    assert host.domains.get("www").uuid == UUID.format(3)
    assert listed(host) is None


def test_undefined_it_is_gone(host: Host, web: str) -> None:
    host.domains.undefine(web)
    assert listed(host) is None


def test_a_managed_save_is_seen_and_goes_with_the_domain(host: Host, running: str) -> None:
    host.conn.lookupByName(running).managedSave()
    found = host.domains.get(running)
    assert (found.state, found.managed_save) == ("stopped", True)
    seen = listed(host)
    assert seen is not None and seen.managed_save
    host.domains.undefine(running)
    assert listed(host) is None


# --- live changes
def test_live_metadata_is_set_replaced_left_alone_and_removed(host: Host, running: str) -> None:
    set_metadata = host.domains.set_metadata
    set_metadata(running, title="Web", description="serves <all>", metadata=ELEMENT)
    active = host.domains.get(running).active_xml or ""
    assert "<title>Web</title>" in active and "serves &lt;all&gt;" in active and '{"a":1}' in active

    set_metadata(running, title="", description=None, metadata=ELEMENT.replace("1}", "2}"))
    active = host.domains.get(running).active_xml or ""
    assert "<title>" not in active and "serves &lt;all&gt;" in active
    assert '{"a":2}' in active and '{"a":1}' not in active

    host.domains.remove_metadata(running)
    found = host.domains.get(running)
    assert "kvmspec:vm" not in found.xml and "kvmspec:vm" not in (found.active_xml or "")


def test_vcpus_and_memory_of_the_running_one_change_within_their_ceilings(host: Host, running: str) -> None:
    host.domains.set_vcpus(running, 3)
    assert vcpus(host.domains.get(running).active_xml) == "3"
    host.domains.set_memory(running, 48 * MIB)
    with pytest.raises(LibvirtFailure, match="vCPUs of vm/web"):
        host.domains.set_vcpus(running, 5)
    with pytest.raises(LibvirtFailure, match="memory of vm/web"):
        host.domains.set_memory(running, 128 * MIB)


def test_a_live_change_needs_a_running_one(host: Host, web: str) -> None:
    with pytest.raises(LibvirtFailure) as caught:
        host.domains.set_vcpus(web, 3)
    assert not isinstance(caught.value, Absent)
    assert caught.value.code == libvirt.VIR_ERR_OPERATION_INVALID


def test_a_disk_grows_and_never_shrinks(host: Host, folder: Path) -> None:
    host.pools.define(pool(folder))
    host.pools.start("vms")
    host.volumes.create("vms", "root.qcow2", volume())
    disk = f"""<disk type='file' device='disk'><driver name='qemu' type='qcow2'/>
      <source file='{folder}/root.qcow2'/><target dev='vda' bus='virtio'/></disk>"""
    host.domains.define(domain(host, devices=disk))
    host.domains.start("web")

    for _ in range(2):
        host.domains.grow_disk("web", "vda", 128 * MIB)
        assert host.domains.block_capacity("web", "vda") == 128 * MIB
    with pytest.raises(LibvirtFailure, match="never shrunk"):
        host.domains.grow_disk("web", "vda", 64 * MIB)
    assert host.domains.block_capacity("web", "vda") == 128 * MIB


# --- power
def test_starting_and_powering_off_twice_is_as_good_as_once(host: Host, web: str) -> None:
    for _ in range(2):
        host.domains.start(web)
        assert host.domains.get(web).running
    for _ in range(2):
        host.domains.power_off(web)
        assert not host.domains.get(web).running


def test_one_that_is_off_is_shut_down_already(host: Host, web: str) -> None:
    assert host.domains.shutdown(web, 0)


def test_a_guest_that_ignores_the_request_is_left_running(host: Host, running: str) -> None:
    begun = time.monotonic()
    told: list[str] = []
    assert not host.domains.shutdown(running, 0.5, report=told.append)
    assert told == ["the guest was asked to shut down and has 0 s left …"]
    assert time.monotonic() - begun < 5
    assert host.domains.get(running).running

"""adapters.libvirt.Networks on both drivers."""

from __future__ import annotations

import libvirt
import pytest

from kvmspec.adapters.libvirt import Host
from kvmspec.core.action import NetworkChange
from kvmspec.core.errors import Absent, LibvirtFailure
from kvmspec.core.observed import Observed
from tests.contract.definitions import MAC, UUID, network

RESERVED = f"<host mac='{MAC}' ip='10.9.1.10'/>"


def listed(host: Host, name: str = "lan") -> Observed | None:
    return next((found for found in host.networks.list() if found.name == name), None)


def test_what_is_defined_is_listed_and_read(host: Host) -> None:
    host.networks.define(network())

    found = host.networks.get("lan")
    assert (found.kind, found.name, found.uuid) == ("network", "lan", UUID.format(1))
    assert (found.state, found.running, found.autostart, found.persistent) == ("stopped", False, False, True)
    assert found.active_xml is None and "10.9.1.1" in found.xml
    assert listed(host) == found


def test_defining_twice_is_as_good_as_once(host: Host) -> None:
    host.networks.define(network())
    host.networks.define(network())
    assert [found.name for found in host.networks.list()].count("lan") == 1


def test_starting_and_stopping_twice_is_as_good_as_once(host: Host) -> None:
    host.networks.define(network())
    for _ in range(2):
        host.networks.start("lan")
        running = host.networks.get("lan")
        assert running.running and running.active_xml and "10.9.1.1" in running.active_xml
    for _ in range(2):
        host.networks.stop("lan")
        assert not host.networks.get("lan").running


def test_autostart_is_seen_in_both_ways_of_looking(host: Host) -> None:
    host.networks.define(network())
    for enabled in (True, True, False):
        host.networks.set_autostart("lan", enabled)
        assert host.networks.get("lan").autostart is enabled
        seen = listed(host)
        assert seen is not None and seen.autostart is enabled


def test_an_update_reaches_what_it_is_meant_for(host: Host) -> None:
    host.networks.define(network())
    host.networks.start("lan")
    change = NetworkChange("add-last", "ip-dhcp-host", RESERVED)

    host.networks.update("lan", change, live=True)
    found = host.networks.get("lan")
    assert MAC in (found.active_xml or "")
    if not host.uri.startswith("test:"):  # which has one definition for both
        assert MAC not in found.xml
        host.networks.update("lan", change, live=False)
        assert MAC in host.networks.get("lan").xml

    host.networks.update("lan", NetworkChange("delete", "ip-dhcp-host", RESERVED), live=True)
    assert MAC not in (host.networks.get("lan").active_xml or "")


SECTIONS = {
    "ip-dhcp-range": "<range start='10.9.1.200' end='10.9.1.210'/>",
    "dns-host": "<host ip='10.9.1.1'><hostname>gw</hostname></host>",
    "dns-txt": "<txt name='shop.lan' value='text'/>",
    "dns-srv": "<srv service='ldap' protocol='tcp' target='dc.shop.lan' port='389'/>",
    "portgroup": "<portgroup name='web'/>",
    "forward-interface": "<interface dev='lo'/>",
}


@pytest.mark.parametrize("section", SECTIONS)
def test_every_section_takes_and_gives_up_an_entry(section: str, host: Host) -> None:
    host.networks.define(network().replace("<ip ", "<forward mode='nat'/><ip ", 1))
    host.networks.start("lan")
    before = host.networks.get("lan")
    for command in ("add-last", "delete"):
        change = NetworkChange(command, section, SECTIONS[section])  # type: ignore[arg-type]
        both = (True,) if host.uri.startswith("test:") else (False, True)
        for live in both:
            host.networks.update("lan", change, live=live)
        now = host.networks.get("lan")
        assert (now.active_xml == before.active_xml) is (command == "delete")
        if len(both) == 2:
            assert (now.xml == before.xml) is (command == "delete")


def test_deleting_and_undefining_twice_is_as_good_as_once(host: Host) -> None:
    host.networks.define(network())
    host.networks.start("lan")
    for _ in range(2):
        host.networks.delete("lan")
        host.networks.undefine("lan")
        assert listed(host) is None


def test_what_is_not_there_is_absent(host: Host) -> None:
    for method in (host.networks.get, host.networks.start, host.networks.stop):
        with pytest.raises(Absent, match="lan"):
            method("lan")
    with pytest.raises(Absent, match="lan"):
        host.networks.set_autostart("lan", True)


def test_a_transient_network_says_so(host: Host) -> None:
    host.conn.networkCreateXML(network())
    assert not host.networks.get("lan").persistent
    seen = listed(host)
    assert seen is not None and not seen.persistent and seen.running


def test_a_failure_says_what_was_tried_and_libvirts_words(host: Host) -> None:
    with pytest.raises(LibvirtFailure, match=r"^define the network: .*name") as caught:
        host.networks.define("<network><name/></network>")
    assert not isinstance(caught.value, Absent)
    assert caught.value.code != 0


def test_a_name_with_another_uuid_is_not_overwritten(host: Host) -> None:
    host.networks.define(network())
    with pytest.raises(LibvirtFailure) as caught:
        host.networks.define(network(number=7))
    assert caught.value.code in (libvirt.VIR_ERR_OPERATION_FAILED, libvirt.VIR_ERR_NETWORK_EXIST)
    assert host.networks.get("lan").uuid == UUID.format(1)


def test_without_guests_there_is_nothing_to_hold(host: Host) -> None:
    host.networks.define(network())
    host.networks.start("lan")
    before = {found.name for found in host.networks.list()}
    assert host.networks.hold("lan") == []
    assert host.networks.release("lan") == []
    assert {found.name for found in host.networks.list()} == before

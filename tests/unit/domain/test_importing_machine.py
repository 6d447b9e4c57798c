"""What a machine is by itself comes out of libvirt's XML in the manifest's words, with nothing left over."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.unit.domain.test_importing import BASE, domain, imported

Fields = dict[str, Any]
GENID = "92ea5862-a045-4be2-8f52-d40bdac14319"
CODE, VARS = "/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd"


def booting(inside: str, attributes: str = "") -> str:
    """A domain with more in its <os>."""
    return domain().replace("<boot dev='hd'/></os>", f"{inside}</os>").replace("<os>", f"<os{attributes}>")


def timed(clock: str) -> str:
    return domain().replace("<clock offset='utc'/>", clock)


CLOCK: dict[str, tuple[str, Fields]] = {
    "events": (
        domain().replace("<on_crash>destroy", "<on_crash>preserve").replace("restart</on_r", "destroy</on_r"),
        {"on_crash": "preserve", "on_reboot": "destroy"},
    ),
    "a lost lock": (domain(more="<on_lockfailure>pause</on_lockfailure>"), {"on_lockfailure": "pause"}),
    "power states": (
        domain(more="<pm><suspend-to-mem enabled='no'/><suspend-to-disk enabled='yes'/></pm>"),
        {"pm": {"suspend_to_mem": False, "suspend_to_disk": True}},
    ),
    "local time": (timed("<clock offset='localtime'/>"), {"clock": "localtime"}),
    "a time zone": (
        timed("<clock offset='timezone' timezone='Europe/Berlin'/>"),
        {"clock": {"offset": "timezone", "timezone": "Europe/Berlin"}},
    ),
    "what the guest sets": (
        timed("<clock offset='variable' adjustment='0' basis='utc'/>"),
        {"clock": "variable"},
    ),
    "what the guest has set": (
        timed("<clock offset='variable' adjustment='-60' basis='localtime'/>"),
        {"clock": {"offset": "variable", "adjustment": -60, "basis": "localtime"}},
    ),
    "what the guest sets is forgotten": (
        timed("<clock offset='utc' adjustment='reset'/>"),
        {"clock": {"offset": "utc", "adjustment": "reset"}},
    ),
    "timers": (
        timed(
            "<clock offset='utc'><timer name='rtc' tickpolicy='catchup' track='guest'>"
            "<catchup threshold='123' slew='120' limit='10000'/></timer><timer name='hpet' present='no'/>"
            "<timer name='tsc' frequency='3504000000' mode='native'/></clock>"
        ),
        {
            "clock": {
                "timers": {
                    "rtc": {
                        "tickpolicy": "catchup",
                        "track": "guest",
                        "catchup": {"threshold": 123, "slew": 120, "limit": 10000},
                    },
                    "hpet": False,
                    "tsc": {"frequency": 3504000000, "mode": "native"},
                }
            }
        },
    ),
}
FEATURES: dict[str, tuple[str, Fields]] = {
    "marks and states": (
        "<acpi/><apic eoi='on'/><pae/><pmu state='off'/><vmport state='off'/><ioapic driver='qemu'/>",
        {"acpi": True, "apic": {"eoi": True}, "pae": True, "pmu": False, "vmport": False, "ioapic": "qemu"},
    ),
    "hyperv": (
        "<hyperv mode='custom'><relaxed state='on'/><vapic state='off'/><spinlocks state='on' retries='8191'/>"
        "<vpindex state='on'/><synic state='on'/><stimer state='on'><direct state='on'/></stimer>"
        "<vendor_id state='on' value='KVM Hv'/></hyperv>",
        {
            "hyperv": {
                "relaxed": True,
                "vapic": False,
                "spinlocks": 8191,
                "vpindex": True,
                "synic": True,
                "stimer": {"direct": True},
                "vendor_id": "KVM Hv",
            }
        },
    ),
    "less of hyperv": (
        "<hyperv mode='custom'><spinlocks state='off'/><stimer state='off'/><vendor_id state='off'/></hyperv>",
        {"hyperv": {"spinlocks": False, "stimer": False, "vendor_id": False}},
    ),
    "all of hyperv": ("<hyperv mode='passthrough'/>", {"hyperv": "passthrough"}),
    "kvm": (
        "<kvm><hidden state='on'/><hint-dedicated state='off'/><dirty-ring state='on' size='4096'/></kvm>",
        {"kvm": {"hidden": True, "hint_dedicated": False, "dirty_ring": 4096}},
    ),
    "memory of SMM and TCG": (
        "<smm state='on'><tseg unit='MiB'>48</tseg></smm><tcg><tb-cache unit='KiB'>131072</tb-cache></tcg>",
        {"smm": {"tseg": "48MiB"}, "tcg": {"tb_cache": "128MiB"}},
    ),
    "values": ("<smm state='off'/><msrs unknown='ignore'/>", {"smm": False, "msrs": "ignore"}),
}
BOOT: dict[str, tuple[str, Fields]] = {
    "devices": (booting("<boot dev='fd'/><boot dev='hd'/>"), {"boot": ["floppy", "disk"]}),
    "a menu": (
        booting("<boot dev='network'/><bootmenu enable='yes' timeout='3000'/>"),
        {"boot": {"devices": ["network"], "menu": True, "menu_timeout": "3s"}},
    ),
    "the BIOS": (
        booting("<bootmenu enable='no'/><bios useserial='yes' rebootTimeout='-1'/>"),
        {"boot": {"menu": False, "serial": True, "reboot_timeout": "never"}},
    ),
    "a kernel": (
        booting("<kernel>/k</kernel><initrd>/i</initrd><cmdline>quiet</cmdline><dtb>/d</dtb>"),
        {"boot": {"kernel": "/k", "initrd": "/i", "cmdline": "quiet", "dtb": "/d"}},
    ),
    "an ACPI table": (
        booting("<acpi><table type='slic'>/srv/slic.bin</table></acpi>"),
        {"boot": {"slic": "/srv/slic.bin"}},
    ),
    "UEFI that libvirt finds": (
        booting(
            "<firmware><feature enabled='no' name='enrolled-keys'/><feature enabled='yes' name='secure-boot'/>"
            "</firmware><loader secure='yes'/>",
            " firmware='efi'",
        ),
        {"firmware": {"secure_boot": True, "enrolled_keys": False, "secure": True, "type": "uefi"}},
    ),
    "an image": (
        booting(
            f"<loader readonly='yes' type='pflash'>{CODE}</loader><nvram template='{VARS}'>/v.fd</nvram>"
        ),
        {"firmware": {"loader": CODE, "nvram": "/v.fd", "nvram_template": VARS, "type": "uefi"}},
    ),
    "variables where libvirt puts them": (
        booting(
            f"<loader readonly='yes' type='pflash'>{CODE}</loader>"
            "<nvram>/var/lib/libvirt/qemu/nvram/web_VARS.fd</nvram>"
        ),
        {"firmware": {"type": "uefi", "loader": CODE}},
    ),
    "variables on a server": (
        booting(
            f"<loader readonly='yes' type='pflash'>{CODE}</loader><nvram type='network'>"
            "<source protocol='nbd' name='bar'><host name='a' port='6000'/></source></nvram>"
        ),
        {
            "firmware": {
                "type": "uefi",
                "loader": CODE,
                "nvram_source": {
                    "protocol": "nbd",
                    "name": "bar",
                    "hosts": [{"name": "a", "port": 6000}],
                },
            }
        },
    ),
    "an image in memory": (
        booting("<loader type='rom'>/usr/share/seabios/bios.bin</loader>"),
        {"firmware": {"loader": "/usr/share/seabios/bios.bin", "loader_type": "rom", "type": "bios"}},
    ),
    "an image that the guest writes to": (
        booting("<loader readonly='no' type='pflash'>/b.fd</loader>"),
        {"firmware": {"loader": "/b.fd", "loader_type": "pflash", "readonly": False, "type": "bios"}},
    ),
    "a BIOS that libvirt finds": (
        booting("<loader stateless='yes'/>", " firmware='bios'"),
        {"firmware": {"type": "bios", "auto": True, "stateless": True}},
    ),
    "what the guest reads of its hardware": (
        booting("<smbios mode='sysinfo'/>").replace(
            "<clock",
            "<sysinfo type='smbios'><bios><entry name='vendor'>Example</entry></bios><oemStrings>"
            "<entry>a</entry><entry>b</entry></oemStrings></sysinfo><clock",
        ),
        {"sysinfo": {"bios": {"vendor": "Example"}, "oem_strings": ["a", "b"]}},
    ),
    "the host's": (booting("<smbios mode='host'/>"), {"sysinfo": "host"}),
    "the firmware's": (
        domain(
            more="<sysinfo type='fwcfg'><entry name='opt/a'>x</entry><entry name='opt/b' file='/b'/></sysinfo>"
        ),
        {"sysinfo": {"fw_cfg": {"opt/a": "x", "opt/b": {"file": "/b"}}}},
    ),
}
CPU: dict[str, tuple[str, Fields]] = {
    "a model": (
        "<cpu mode='custom' match='exact' check='full'><model fallback='forbid' vendor_id='GenuineIntel'>Nehalem"
        "</model><vendor>Intel</vendor><cache level='3' mode='emulate'/><feature policy='disable' name='svm'/></cpu>",
        {
            "model": "Nehalem",
            "check": "full",
            "fallback": "forbid",
            "vendor_id": "GenuineIntel",
            "vendor": "Intel",
            "cache": {"mode": "emulate", "level": 3},
            "features": {"svm": "disable"},
        },
    ),
    "the host's": (
        "<cpu mode='host-passthrough' check='none' migratable='off'><cache mode='passthrough'/>"
        "<maxphysaddr mode='emulate' bits='42'/></cpu>",
        {
            "mode": "host-passthrough",
            "migratable": False,
            "cache": "passthrough",
            "address_bits": {"mode": "emulate", "bits": 42},
        },
    ),
}


QEMU = "http://libvirt.org/schemas/domain/qemu/1.0"
OSINFO = "http://libosinfo.org/xmlns/libvirt/domain/1.0"
SECURITY: dict[str, tuple[str, Fields]] = {
    "the guest's system": (
        f"""<metadata>
    <o:libosinfo xmlns:o='{OSINFO}'>
      <o:os id='http://debian.org/debian/12'/>
    </o:libosinfo>
  </metadata>""",
        {"osinfo": "http://debian.org/debian/12"},
    ),
    "an id by which a copy is seen": (f"<genid>{GENID}</genid>", {"genid": GENID}),
    "an id that is drawn": ("<genid/>", {"genid": "auto"}),
    "labels": (
        "<seclabel type='none' model='dac'/><seclabel type='static' model='selinux' relabel='no'><label>a</label>"
        "</seclabel><seclabel type='dynamic' model='apparmor' relabel='yes'><baselabel>b</baselabel></seclabel>",
        {
            "seclabels": [
                {"model": "dac", "type": "none"},
                {"model": "selinux", "type": "static", "relabel": False, "label": "a"},
                {"model": "apparmor", "relabel": True, "baselabel": "b"},
            ]
        },
    ),
    "encrypted memory": (
        "<launchSecurity type='sev' kernelHashes='yes'><cbitpos>47</cbitpos><reducedPhysBits>1</reducedPhysBits>"
        "<policy>0x0003</policy><dhCert>AA==</dhCert><session>BB==</session></launchSecurity>",
        {
            "launch_security": {
                "type": "sev",
                "policy": "0x0003",
                "cbitpos": 47,
                "reduced_phys_bits": 1,
                "dh_cert": "AA==",
                "session": "BB==",
                "kernel_hashes": True,
            }
        },
    ),
    "protected virtualization": ("<launchSecurity type='s390-pv'/>", {"launch_security": "s390-pv"}),
    "wrapped keys": (
        "<keywrap><cipher name='aes' state='off'/><cipher name='dea' state='on'/></keywrap>",
        {"keywrap": {"aes": False, "dea": True}},
    ),
    "ids of users and groups": (
        "<idmap><uid start='0' target='1000' count='10'/><uid start='10' target='5000' count='1'/>"
        "<gid start='0' target='1000' count='10'/></idmap>",
        {
            "idmap": {
                "uid": [
                    {"start": 0, "target": 1000, "count": 10},
                    {"start": 10, "target": 5000, "count": 1},
                ],
                "gid": [{"start": 0, "target": 1000, "count": 10}],
            }
        },
    ),
    "its cgroup": (
        "<resource><partition>/machine/shop</partition></resource>",
        {"resource": "/machine/shop"},
    ),
    "its cgroup, and what its I/O is told by": (
        "<resource><partition>/machine/shop</partition><fibrechannel appid='shop web'/></resource>",
        {"resource": {"partition": "/machine/shop", "appid": "shop web"}},
    ),
    "what is counted": (
        "<perf><event name='cpu_cycles' enabled='yes'/><event name='instructions' enabled='no'/></perf>",
        {"perf": {"cpu_cycles": True, "instructions": False}},
    ),
    "arguments and environment of QEMU's": (
        f"<q:commandline xmlns:q='{QEMU}'><q:arg value='-s'/><q:arg value='-S'/><q:env name='A' value='1'/>"
        "</q:commandline>",
        {"qemu": {"args": ["-s", "-S"], "env": {"A": "1"}}},
    ),
    "what QEMU can": (
        f"<q:capabilities xmlns:q='{QEMU}'><q:add capability='a'/><q:del capability='b'/></q:capabilities>"
        f"<q:deprecation xmlns:q='{QEMU}' behavior='reject'/>",
        {"qemu": {"capabilities": {"a": True, "b": False}, "deprecation": "reject"}},
    ),
    "properties of a device": (
        f"<q:override xmlns:q='{QEMU}'><q:device alias='ua-disk'><q:frontend>"
        "<q:property name='a' type='string' value='on'/><q:property name='b' type='signed' value='-1'/>"
        "<q:property name='c' type='signed' value='1'/><q:property name='d' type='unsigned' value='1'/>"
        "<q:property name='e' type='bool' value='true'/><q:property name='f' type='remove'/>"
        "</q:frontend></q:device></q:override>",
        {
            "qemu": {
                "override": {
                    "ua-disk": {"a": "on", "b": -1, "c": {"signed": 1}, "d": 1, "e": True}
                    | {"f": {"remove": True}}
                }
            }
        },
    ),
}


@pytest.mark.parametrize("case", SECURITY)
def test_what_keeps_it_apart(case: str, tmp_path: Path) -> None:
    xml, wanted = SECURITY[case]
    assert imported(domain(more=xml), tmp_path) == BASE | wanted


@pytest.mark.parametrize("case", CLOCK)
def test_its_clock(case: str, tmp_path: Path) -> None:
    xml, wanted = CLOCK[case]
    assert imported(xml, tmp_path) == BASE | wanted


@pytest.mark.parametrize("case", FEATURES)
def test_its_features(case: str, tmp_path: Path) -> None:
    xml, wanted = FEATURES[case]
    assert imported(domain(more=f"<features>{xml}</features>"), tmp_path) == BASE | {"features": wanted}


@pytest.mark.parametrize("case", BOOT)
def test_what_it_starts(case: str, tmp_path: Path) -> None:
    xml, wanted = BOOT[case]
    assert imported(xml, tmp_path) == BASE | wanted


@pytest.mark.parametrize("case", CPU)
def test_its_cpu(case: str, tmp_path: Path) -> None:
    xml, wanted = CPU[case]
    assert imported(domain(more=xml), tmp_path) == BASE | {"cpus": {"count": 2, "max": 4} | wanted}


def test_metadata_stay_in_their_order(tmp_path: Path) -> None:
    system = f"""<libosinfo:libosinfo xmlns:libosinfo='{OSINFO}'>
      <libosinfo:os id='http://debian.org/debian/12'/>
    </libosinfo:libosinfo>"""
    others = "<a:note xmlns:a='urn:a'>$HOME</a:note>"
    entry = imported(domain(more=f"<metadata>{others}{system}</metadata>"), tmp_path)
    assert "osinfo" not in entry
    assert entry["xml"].index("<a:note") < entry["xml"].index("<libosinfo:")
    entry = imported(domain(more=f"<metadata>{system}{others}</metadata>"), tmp_path)
    assert entry["osinfo"] == "http://debian.org/debian/12" and "<libosinfo:" not in entry["xml"]

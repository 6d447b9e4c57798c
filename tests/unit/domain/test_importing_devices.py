"""libvirt's XML of devices → `devices:`, displays, folders and TPMs of a manifest, which renders them again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.unit.domain.test_importing import domain, imported

SOURCE = "<source><address domain='0x0000' bus='0x41' slot='0x00' function='0x0'/></source>"
LISTEN = "<listen type='address'/>"
STREAM = "<settings frequency='44100' channels='2' format='s16'/>"
MDEV = "c2177883-f1bb-47f0-914d-32a22e3a8804"

DEVICES: dict[str, tuple[str, dict[str, Any]]] = {
    "audio": (
        f"<audio id='1' type='oss' timerPeriod='50' exclusive='yes'><input mixingEngine='yes' "
        f"fixedSettings='yes' dev='/dev/dsp0'>{STREAM}</input></audio><audio id='2' type='alsa'/>",
        {
            "audio": [
                {
                    "type": "oss",
                    "timer_period": 50,
                    "exclusive": True,
                    "input": {
                        "mixing_engine": True,
                        "fixed_settings": True,
                        "dev": "/dev/dsp0",
                        "frequency": 44100,
                        "channels": 2,
                        "format": "s16",
                    },
                },
                "alsa",
            ]
        },
    ),
    "sound": (
        "<sound model='ich6'><codec type='micro'/><audio id='2'/></sound><sound model='sb16'/>",
        {"sound": [{"model": "ich6", "codecs": ["micro"], "audio": 2}, "sb16"]},
    ),
    "video": (
        "<video><driver name='vhostuser' packed='on'/><model type='virtio' heads='2' primary='yes'>"
        "<acceleration accel3d='yes' rendernode='/dev/dri/r'/><resolution x='1280' y='720'/></model></video>",
        {
            "video": {
                "model": "virtio",
                "heads": 2,
                "accel3d": True,
                "rendernode": "/dev/dri/r",
                "backend": "vhostuser",
                "resolution": "1280x720",
                "virtio": {"packed": True},
            }
        },
    ),
    "qxl twice": (
        "<video><model type='qxl' ram='65536' vram='65536' vgamem='8192' heads='1' primary='yes'/></video>"
        "<video><model type='qxl' ram='65536' vram='65536' vgamem='16384' heads='1'/></video>",
        {"video": [{"model": "qxl", "ram": "64MiB", "vram": "64MiB", "vgamem": "8MiB"}, "qxl"]},
    ),
    "a pci device": (
        f"<hostdev mode='subsystem' type='pci' managed='yes'><driver name='vfio'/>{SOURCE}<boot order='1'/>"
        "<rom bar='off' file='/rom'/></hostdev>",
        {
            "hostdevs": [
                {
                    "pci": "0000:41:00.0",
                    "driver": "vfio",
                    "boot_order": 1,
                    "rom": {"bar": False, "file": "/rom"},
                }
            ]
        },
    ),
    "a usb device": (
        "<hostdev mode='subsystem' type='usb' managed='no'><source startupPolicy='optional' guestReset='off'>"
        "<vendor id='0x1d6b'/><product id='0x0002'/></source></hostdev>",
        {"hostdevs": [{"usb": "1d6b:0002", "startup_policy": "optional", "guest_reset": "off"}]},
    ),
    "a usb device in its place": (
        "<hostdev mode='subsystem' type='usb' managed='yes'><source><vendor id='0x1d6b'/>"
        "<product id='0x0002'/><address bus='1' device='3'/></source></hostdev>",
        {"hostdevs": [{"usb": {"id": "1d6b:0002", "bus": 1, "device": 3}, "managed": True}]},
    ),
    "nvram": (
        "<nvram><address type='spapr-vio' reg='0x4000'/></nvram>",
        {"nvram": {"address": {"spapr_vio": "0x4000"}}},
    ),
    "a mediated device": (
        f"<hostdev mode='subsystem' type='mdev' managed='no' model='vfio-pci' display='on' ramfb='on'>"
        f"<source><address uuid='{MDEV}'/></source></hostdev>",
        {"hostdevs": [{"mdev": MDEV, "display": True, "ramfb": True}]},
    ),
    "iscsi": (
        "<hostdev mode='subsystem' type='scsi' managed='no'><source protocol='iscsi' name='iqn.a:b/1'>"
        "<host name='san' port='3260'/><auth username='web'><secret type='iscsi' usage='san'/></auth>"
        "<initiator><iqn name='iqn.c'/></initiator></source><readonly/></hostdev>"
        "<controller type='scsi' index='0' model='virtio-scsi'/>",
        {
            "hostdevs": [
                {
                    "iscsi": {
                        "name": "iqn.a:b/1",
                        "host": "san",
                        "auth": {"username": "web", "secret": "san"},
                        "initiator": "iqn.c",
                    },
                    "readonly": True,
                }
            ]
        },
    ),
    "a scsi target": (
        "<hostdev mode='subsystem' type='scsi_host' managed='no' model='virtio-transitional'>"
        "<source protocol='vhost' wwpn='naa.5123456789abcde0'/></hostdev>",
        {"hostdevs": [{"scsi_host": "naa.5123456789abcde0", "model": "virtio-transitional"}]},
    ),
    "inputs": (
        "<input type='tablet' bus='usb'/><input type='tablet' bus='usb'/><input type='passthrough' bus='virtio'>"
        "<source evdev='/dev/input/event1'/></input><input type='evdev'><source dev='/dev/input/event2' "
        "grab='all' grabToggle='alt-alt' repeat='on'/></input>",
        {
            "inputs": [
                "tablet",
                "tablet",
                {"type": "passthrough", "bus": "virtio", "source": "/dev/input/event1"},
                {
                    "type": "evdev",
                    "source": "/dev/input/event2",
                    "grab": "all",
                    "grab_toggle": "alt-alt",
                    "repeat": True,
                },
            ]
        },
    ),
    "entropy": (
        "<rng model='virtio'><backend model='egd' type='udp'><source mode='bind' host='1.2.3.4' service='1'/>"
        "<source mode='connect' host='5.6.7.8' service='2'/></backend><driver iommu='on'/></rng>",
        {
            "rng": [
                {
                    "egd": {
                        "type": "udp",
                        "host": "5.6.7.8",
                        "port": 2,
                        "bind_host": "1.2.3.4",
                        "bind_port": 1,
                    },
                    "virtio": {"iommu": True},
                }
            ]
        },
    ),
    "redirected devices": (
        "<redirdev bus='usb' type='tcp'><source mode='bind' host='::' service='4000'/>"
        "<protocol type='telnet'/><boot order='3'/></redirdev><redirfilter><usbdev class='0x08' "
        "vendor='0x15E1' product='0x2007' version='1.10' allow='yes'/><usbdev allow='no'/></redirfilter>",
        {
            "redirdevs": [
                {
                    "type": "tcp",
                    "host": "::",
                    "port": 4000,
                    "mode": "bind",
                    "protocol": "telnet",
                    "boot_order": 3,
                }
            ],
            "redirfilter": [
                {
                    "allow": True,
                    "class": "0x08",
                    "vendor": "0x15E1",
                    "product": "0x2007",
                    "version": "1.10",
                },
                {"allow": False},
            ],
        },
    ),
    "smartcards": (
        "<smartcard mode='host-certificates'><certificate>a</certificate><certificate>b</certificate>"
        "<certificate>c</certificate><database>/db</database></smartcard><smartcard mode='passthrough' "
        "type='tcp'><source mode='bind' host='::1' service='1'/><protocol type='raw'/></smartcard>",
        {
            "smartcard": [
                {"mode": "certificates", "certificates": ["a", "b", "c"], "database": "/db"},
                {"mode": "passthrough", "end": {"type": "tcp", "host": "::1", "port": 1, "mode": "bind"}},
            ]
        },
    ),
    "shared memory": (
        "<shmem name='a' role='master'><model type='ivshmem-plain'/><size unit='M'>8</size></shmem><shmem name='b'>"
        "<model type='ivshmem-doorbell'/><server path='/s'/><msi vectors='8' ioeventfd='on'/></shmem>",
        {
            "shmem": [
                {"name": "a", "size": "8MiB", "role": "master"},
                {"name": "b", "model": "ivshmem-doorbell", "path": "/s", "vectors": 8, "ioeventfd": True},
            ]
        },
    ),
    "the rest": (
        "<vsock model='virtio-transitional'><cid auto='no' address='4'/></vsock><panic model='isa'/>"
        "<panic model='hyperv'/><watchdog model='ib700' action='reset'/><hub type='usb'/><lease>"
        "<lockspace>s</lockspace><key>k</key><target path='/l' offset='8'/></lease>"
        "<crypto model='virtio' type='qemu'><backend model='lkcf' queues='2'/></crypto>",
        {
            "vsock": {"cid": 4, "model": "virtio-transitional"},
            "panic": ["isa", "hyperv"],
            "watchdog": "ib700",
            "hubs": ["usb"],
            "leases": [{"lockspace": "s", "key": "k", "path": "/l", "offset": 8}],
            "crypto": [{"backend": "lkcf", "queues": 2}],
        },
    ),
}
BESIDES: dict[str, tuple[str, dict[str, Any]]] = {
    "vnc": (
        f"<graphics type='vnc' port='5901' autoport='no' websocket='5701' powerControl='yes' "
        f"sharePolicy='ignore'>{LISTEN}<audio id='2'/></graphics>",
        {
            "graphics": [
                {
                    "type": "vnc",
                    "port": 5901,
                    "websocket": 5701,
                    "power_control": True,
                    "share_policy": "ignore",
                    "audio": 2,
                }
            ]
        },
    ),
    "vnc at a socket": (
        "<graphics type='vnc' socket='/v'><listen type='socket' socket='/v'/></graphics>",
        {"graphics": [{"type": "vnc", "socket": "/v"}]},
    ),
    "spice": (
        "<graphics type='spice' defaultMode='secure'><listen type='none'/><channel name='main' "
        "mode='insecure'/><image compression='off'/><playback compression='on'/><streaming mode='all'/>"
        "<clipboard copypaste='no'/><mouse mode='client'/><filetransfer enable='no'/>"
        "<gl enable='yes' rendernode='/dev/dri/r'/></graphics>",
        {
            "graphics": [
                {
                    "type": "spice",
                    "listen": "none",
                    "default_mode": "secure",
                    "channels": {"main": "insecure"},
                    "compression": {"image": "off", "playback": True},
                    "streaming": "all",
                    "clipboard": False,
                    "mouse": "client",
                    "file_transfer": False,
                    "gl": True,
                    "rendernode": "/dev/dri/r",
                }
            ]
        },
    ),
    "other displays": (
        "<graphics type='sdl' display=':0' fullscreen='yes'/><graphics type='egl-headless'/>"
        "<graphics type='dbus' p2p='yes'/>",
        {
            "graphics": [
                {"type": "sdl", "display": ":0", "fullscreen": True},
                "egl-headless",
                {"type": "dbus", "p2p": True},
            ]
        },
    ),
    "a tpm": (
        "<tpm model='tpm-crb'><backend type='emulator' version='2.0' persistent_state='yes'>"
        f"<encryption secret='{MDEV}'/><active_pcr_banks><sha256/><sha384/></active_pcr_banks></backend></tpm>",
        {
            "tpm": {
                "model": "tpm-crb",
                "persistent_state": True,
                "encryption": MDEV,
                "pcr_banks": ["sha256", "sha384"],
            }
        },
    ),
    "another's tpm": (
        "<tpm model='tpm-tis'><backend type='external'><source type='unix' mode='connect' path='/t'/>"
        "</backend></tpm>",
        {"tpm": {"model": "tpm-tis", "socket": "/t"}},
    ),
    "folders": (
        "<filesystem type='mount' accessmode='mapped' fmode='0640' multidevs='remap' model='virtio'>"
        "<source dir='/a'/><target dir='a'/><readonly/></filesystem><filesystem type='mount' "
        "accessmode='passthrough'><driver type='virtiofs' queue='512'/><binary path='/d' xattr='on'>"
        "<cache mode='always'/><lock posix='on' flock='off'/></binary><source dir='/b'/><target dir='b'/>"
        "<boot order='1'/></filesystem>",
        {
            "filesystems": [
                {
                    "source": "/a",
                    "target": "a",
                    "driver": "9p",
                    "readonly": True,
                    "accessmode": "mapped",
                    "fmode": "0640",
                    "multidevs": "remap",
                    "model": "virtio",
                },
                {
                    "source": "/b",
                    "target": "b",
                    "queue": 512,
                    "daemon": {
                        "path": "/d",
                        "xattr": True,
                        "cache": "always",
                        "posix_locks": True,
                        "flock": False,
                    },
                    "boot_order": 1,
                },
            ]
        },
    ),
}
SPICY = "<graphics type='spice' autoport='yes'><listen type='address'/></graphics>"


@pytest.mark.parametrize("case", DEVICES)
def test_a_device_is_stated_and_nothing_is_left(case: str, tmp_path: Path) -> None:
    xml, wanted = DEVICES[case]
    whole = domain(xml)
    if "<audio id='1' type='oss'" in xml:
        whole = whole.replace("<audio id='1' type='none'/>", "")
    entry = imported(whole, tmp_path)
    assert "xml" not in entry
    assert {name: value for name, value in entry["devices"].items() if name in wanted} == wanted


@pytest.mark.parametrize("case", BESIDES)
def test_so_are_displays_folders_and_tpms(case: str, tmp_path: Path) -> None:
    xml, wanted = BESIDES[case]
    entry = imported(domain(xml), tmp_path)
    assert "memoryBacking" in entry.get("xml", "memoryBacking"), "what virtiofs needs is another's to state"
    assert {name: value for name, value in entry.items() if name in wanted} == wanted


def test_places_for_usb_devices_of_a_viewer_are_counted(tmp_path: Path) -> None:
    entry = imported(domain(SPICY + "<redirdev bus='usb' type='spicevmc'/>" * 3), tmp_path)
    assert entry["devices"]["redirdevs"] == 3


def test_an_emulator_of_ones_own_is_stated(tmp_path: Path) -> None:
    xml = domain().replace("/usr/bin/qemu-system-x86_64", "/opt/qemu")
    assert imported(xml, tmp_path)["emulator"] == "/opt/qemu"

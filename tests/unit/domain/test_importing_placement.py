"""Memory, NUMA and CPUs on the host: what is imported says it again, and leaves nothing over."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.unit.domain.test_importing import HEAD, imported

CELLS = "<cell id='0' cpus='0-1' memory='1048576' unit='KiB'{}>{}</cell><cell id='1' cpus='2-3' memory='1048576' unit='KiB'>{}</cell>"
DIVIDED = [{"cpus": "0-1", "memory": "1GiB"}, {"cpus": "2-3", "memory": "1GiB"}]
ROOM = "<maxMemory slots='4' unit='KiB'>8388608</maxMemory>"
ALONE = "<cpu><numa><cell id='0' cpus='0-3' memory='2097152' unit='KiB'/></numa></cpu>"


def cells(attributes: str = "", first: str = "", second: str = "", more: str = "") -> str:
    return f"<cpu><numa>{CELLS.format(attributes, first, second)}{more}</numa></cpu>"


def distances(*values: int) -> str:
    siblings = "".join(f"<sibling id='{number}' value='{value}'/>" for number, value in enumerate(values))
    return f"<distances>{siblings}</distances>"


def machine(more: str, devices: str = "", plugged: int = 0, current: int = 1048576) -> str:
    """A VM of two GiB, and what is plugged in besides, in KiB."""
    head = HEAD.replace(">2097152<", f">{2097152 + plugged}<").replace(">1048576<", f">{current}<")
    return f"{head}{more}<devices>{devices}<memballoon model='none'/></devices></domain>"


def plugged(model: str, source: str = "", target: str = "", attributes: str = "") -> str:
    return f"""<memory model='{model}'{attributes}>{f"<source>{source}</source>" if source else ""}
<target><size unit='KiB'>524288</size>{target}</target></memory>"""


NODE = "<node>0</node>"
SOURCE = "<path>/srv/web.nvdimm</path>"
NVDIMM = {"model": "nvdimm", "size": "512MiB", "path": "/srv/web.nvdimm"}
LABEL = "<label><size unit='KiB'>128</size></label>"
HALF = {"size": "1GiB", "max": "2GiB"}
ROOMY = HALF | {"slots": 4, "ceiling": "8GiB"}
TUNE = "<cputune>{}</cputune>"

CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "cells": (machine(cells()), {"numa": DIVIDED}),
    "room without cells of its own": (machine(ROOM + ALONE), {"memory": ROOMY}),
    "room in cells": (machine(ROOM + cells()), {"memory": ROOMY, "numa": DIVIDED}),
    "a cell that is shared": (
        machine(cells(" memAccess='shared' discard='no'")),
        {"numa": [DIVIDED[0] | {"access": "shared", "discard": False}, DIVIDED[1]]},
    ),
    "distances, each said once": (
        machine(cells("", distances(10, 21), distances(21, 10))),
        {"numa": [DIVIDED[0] | {"distances": {1: 21}}, DIVIDED[1]]},
    ),
    "distances that differ": (
        machine(cells("", distances(10, 21), distances(31, 10))),
        {"numa": [DIVIDED[0] | {"distances": {1: 21}}, DIVIDED[1] | {"distances": {0: 31}}]},
    ),
    "caches and ways": (
        machine(
            cells(
                "",
                "<cache level='1' associativity='direct' policy='none'><size value='10' unit='KiB'/>"
                "<line value='8' unit='B'/></cache>",
                more="<interconnects><latency initiator='0' target='1' type='access' value='5'/>"
                "<bandwidth initiator='0' target='0' cache='1' type='read' value='1024' unit='KiB'/>"
                "</interconnects>",
            )
        ),
        {
            "numa": {
                "cells": [
                    DIVIDED[0]
                    | {"caches": [{"level": 1, "size": "10KiB", "line": "8B", "associativity": "direct"}]},
                    DIVIDED[1],
                ],
                "latencies": [{"initiator": 0, "target": 1, "value": 5}],
                "bandwidths": [{"initiator": 0, "target": 0, "cache": 1, "type": "read", "value": "1MiB"}],
            }
        },
    ),
    "what memory is made of": (
        machine(
            "<memoryBacking><nosharepages/><locked/><source type='memfd'/><access mode='shared'/>"
            "<allocation mode='immediate' threads='8'/><discard/></memoryBacking>"
        ),
        {
            "memory": HALF
            | {"nosharepages": True, "locked": True, "source": "memfd", "access": "shared", "discard": True}
            | {"allocation": {"mode": "immediate", "threads": 8}}
        },
    ),
    "how it is allocated, in short": (
        machine("<memoryBacking><allocation mode='ondemand'/></memoryBacking>"),
        {"memory": HALF | {"allocation": "ondemand"}},
    ),
    "huge pages of the host's size": (
        machine("<memoryBacking><hugepages/></memoryBacking>"),
        {"memory": HALF | {"hugepages": True}},
    ),
    "huge pages of each cell": (
        machine(
            "<memoryBacking><hugepages><page size='2048' unit='KiB' nodeset='1'/><page size='1048576' unit='KiB'/>"
            "</hugepages></memoryBacking>" + cells()
        ),
        {"memory": HALF | {"hugepages": [{"size": "2MiB", "cells": "1"}, "1GiB"]}, "numa": DIVIDED},
    ),
    "nodes of each cell": (
        machine(
            "<numatune><memory mode='strict' nodeset='0-3'/><memnode cellid='0' mode='preferred' nodeset='3'/>"
            "<memnode cellid='1' mode='strict' nodeset='1'/></numatune>" + cells()
        ),
        {
            "memory": HALF
            | {"numatune": {"nodes": "0-3", "cells": {0: {"mode": "preferred", "nodes": "3"}, 1: "1"}}},
            "numa": DIVIDED,
        },
    ),
    "an NVDIMM, which counts as current": (
        machine(ROOM + ALONE, plugged("nvdimm", SOURCE + "<pmem/>", NODE + LABEL), 524288, 2097152 + 524288),
        {
            "memory": {"size": "2GiB", "slots": 4, "ceiling": "8GiB"}
            | {"devices": [NVDIMM | {"pmem": True, "label_size": "128KiB"}]}
        },
    ),
    "one that does not": (
        machine(ROOM + ALONE, plugged("nvdimm", SOURCE, NODE, " access='shared'"), 524288, 2097152),
        {"memory": ROOMY | {"size": "2GiB", "devices": [NVDIMM | {"access": "shared"}]}},
    ),
    "memory of virtio": (
        machine(
            ROOM + ALONE,
            plugged(
                "virtio-mem",
                "<nodemask>1-3</nodemask><pagesize unit='KiB'>2048</pagesize>",
                NODE + "<block unit='KiB'>2048</block><requested unit='KiB'>262144</requested>",
            ),
            524288,
        ),
        {
            "memory": ROOMY
            | {
                "devices": [
                    {"model": "virtio-mem", "size": "512MiB", "block_size": "2MiB", "requested": "256MiB"}
                    | {"page_size": "2MiB", "host_nodes": "1-3"}
                ]
            }
        },
    ),
    "memory for enclaves": (
        machine(ROOM + ALONE, plugged("sgx-epc", "<nodemask>0-1</nodemask>"), 524288),
        {"memory": ROOMY | {"devices": [{"model": "sgx-epc", "size": "512MiB", "host_nodes": "0-1"}]}},
    ),
    "a DIMM behind an NVDIMM": (
        machine(
            ROOM + ALONE,
            plugged("nvdimm", SOURCE, NODE) + plugged("dimm", target=NODE),
            1048576,
            1048576 + 524288,
        ),
        {"memory": ROOMY | {"devices": [NVDIMM, {"model": "dimm", "size": "512MiB"}]}},
    ),
    "a DIMM, and its slot": (
        machine(
            ROOM + ALONE,
            plugged("dimm", target=NODE).replace("</memory>", "<address type='dimm' slot='3'/></memory>"),
            524288,
            1048576 + 524288,
        ),
        {"memory": ROOMY | {"dimms": [{"size": "512MiB", "address": {"dimm": 3}}]}},
    ),
    "I/O threads": ("<iothreads>2</iothreads>", {"iothreads": 2}),
    "I/O threads of which something is said": (
        "<iothreads>2</iothreads><cputune><iothreadpin iothread='2' cpuset='1'/>"
        "<iothreadsched iothreads='2' scheduler='fifo' priority='3'/></cputune>",
        {"iothreads": [{}, {"pin": "1", "scheduler": {"scheduler": "fifo", "priority": 3}}]},
    ),
    "I/O threads with numbers": (
        "<iothreads>2</iothreads><iothreadids><iothread id='7' thread_pool_min='2' thread_pool_max='8'/>"
        "<iothread id='1'/></iothreadids><defaultiothread thread_pool_max='16'/>",
        {
            "iothreads": {7: {"thread_pool_min": 2, "thread_pool_max": 8}, 1: {}},
            "default_iothread": {"thread_pool_max": 16},
        },
    ),
    "vCPUs that are there": (
        "<vcpus><vcpu id='0' enabled='yes' hotpluggable='no' order='1'/><vcpu id='1' enabled='no' hotpluggable='yes'/>"
        "<vcpu id='2' enabled='yes' hotpluggable='yes' order='2'/><vcpu id='3' enabled='no' hotpluggable='yes'/></vcpus>",
        {"cpus": {"count": 2, "max": 4, "vcpus": {0: {"order": 1}, 2: {"order": 2}}}},
    ),
    "schedulers, those alike together": (
        TUNE.format(
            "<emulatorsched scheduler='idle'/><vcpusched vcpus='0' scheduler='fifo' priority='1'/>"
            "<vcpusched vcpus='1' scheduler='batch'/><vcpusched vcpus='3' scheduler='fifo' priority='1'/>"
        ),
        {
            "cpus": {
                "count": 2,
                "max": 4,
                "schedulers": [
                    {"vcpus": "0,3", "scheduler": "fifo", "priority": 1},
                    {"vcpus": "1", "scheduler": "batch"},
                ],
                "emulator_scheduler": "idle",
            }
        },
    ),
    "caches and bandwidth": (
        TUNE.format(
            "<cachetune vcpus='0-1'><cache id='0' level='3' type='both' size='3' unit='MiB'/>"
            "<cache id='1' level='3' type='code' size='1' unit='KiB'/><monitor level='3' vcpus='1'/></cachetune>"
            "<memorytune vcpus='2'><node id='0' bandwidth='50'/></memorytune>"
        ),
        {
            "cpus": {
                "count": 2,
                "max": 4,
                "cachetune": [
                    {
                        "vcpus": "0-1",
                        "caches": [{"id": 0, "size": "3MiB"}, {"id": 1, "type": "code", "size": "1KiB"}],
                        "monitors": [{"vcpus": "1"}],
                    }
                ],
                "memorytune": [{"vcpus": "2", "nodes": [{"id": 0, "bandwidth": 50}]}],
            }
        },
    ),
    "disks of the host": (
        "<blkiotune><weight>800</weight><device><path>/dev/sda</path><weight>500</weight>"
        "<read_iops_sec>20</read_iops_sec><write_bytes_sec>1048576</write_bytes_sec></device></blkiotune>",
        {
            "blkio": {
                "weight": 800,
                "devices": [{"path": "/dev/sda", "weight": 500, "write": "1MiB", "read_iops": 20}],
            }
        },
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_has_a_field_is_stated_in_it(case: str, tmp_path: Path) -> None:
    xml, wanted = CASES[case]
    entry = imported(xml if xml.startswith("<domain") else machine(xml), tmp_path)
    assert "xml" not in entry, entry["xml"]
    assert {name: entry[name] for name in wanted} == wanted


def test_where_numad_advises_memory_follows(tmp_path: Path) -> None:
    xml = machine("<numatune><memory mode='strict' placement='auto'/></numatune>")
    entry = imported(xml.replace("placement='static'", "placement='auto'"), tmp_path)
    assert entry["cpus"]["placement"] == "auto"
    assert "numatune" not in entry["memory"] and "xml" not in entry


def test_schedulers_of_several_are_those_of_each(tmp_path: Path) -> None:
    entry = imported(machine(TUNE.format("<vcpusched vcpus='0-1,3' scheduler='idle'/>")), tmp_path)
    assert entry["cpus"]["schedulers"] == [{"vcpus": "0-1,3", "scheduler": "idle"}]

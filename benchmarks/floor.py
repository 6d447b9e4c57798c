"""What no plan can do without: load the YAML, list the domains, dump and parse each. Nothing else.

python benchmarks/floor.py MANIFEST URI      a process of its own, started by run.py
"""

import gc

gc.disable()

import sys  # noqa: E402 - garbage collection is off before anything is imported
import xml.etree.ElementTree as ET  # noqa: E402
from pathlib import Path  # noqa: E402

import libvirt  # noqa: E402
import yaml  # noqa: E402

manifest = yaml.load(Path(sys.argv[1]).read_text(), Loader=yaml.CSafeLoader)
connection = libvirt.open(sys.argv[2])
flags = libvirt.VIR_DOMAIN_XML_INACTIVE | libvirt.VIR_DOMAIN_XML_SECURE
trees = [ET.fromstring(domain.XMLDesc(flags)) for domain in connection.listAllDomains()]
if len(trees) < len(manifest["vms"]):
    sys.exit(f"{len(trees)} domains on the host, {len(manifest['vms'])} VMs in the manifest")

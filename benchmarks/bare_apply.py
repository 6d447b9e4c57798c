"""What no apply can do without: define each XML. A loop over the binding, and nothing else.

python benchmarks/bare_apply.py URI FOLDER [validated]     a process of its own, started by run.py

`validated` has libvirt hold each against its schema, as kvmspec does.
"""

import sys
from pathlib import Path

import libvirt

connection = libvirt.open(sys.argv[1])
flags = libvirt.VIR_DOMAIN_DEFINE_VALIDATE if "validated" in sys.argv[3:] else 0
for file in sorted(Path(sys.argv[2]).iterdir()):
    connection.defineXMLFlags(file.read_text(), flags)

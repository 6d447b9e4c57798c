"""libvirt XML ↔ canonical data.

Two XML texts that mean the same to libvirt read as equal plain data: nested dicts in which
`@name` is an attribute, `#` the element's own text, and anything else a child element. Devices
and other repeated elements become maps keyed by identity (shape.py says which), sizes become
bytes, MACs lower case. Writing goes the other way only as edits of libvirt's own XML (edit.py).
"""

"""kvmspec: virtual machines, networks and storage of libvirt hosts, declared in YAML."""

__version__ = "0.1.0"

"""libvirt: the only package that imports the binding."""

from kvmspec.adapters.libvirt.connection import Host, connect

__all__ = ["Host", "connect"]

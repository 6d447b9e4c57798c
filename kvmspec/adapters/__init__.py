"""The outside world: libvirt, templates. Nothing above speaks to it directly."""

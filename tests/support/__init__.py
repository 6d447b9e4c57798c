"""What the tests stand on: a libvirtd of their own, a tiny guest, and a few helpers."""

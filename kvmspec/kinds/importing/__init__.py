"""What the kinds have in common when libvirt's XML becomes an entry of a manifest."""

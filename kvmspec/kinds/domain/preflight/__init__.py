"""What a host would refuse of a VM, told when it is planned: in the manifest's lines, all of it at once."""

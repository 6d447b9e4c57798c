"""`python -m kvmspec`."""

from kvmspec.cli import main

main()

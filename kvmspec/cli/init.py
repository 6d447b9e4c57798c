"""`kvmspec init`."""


def init() -> int:
    """x."""
    return 0

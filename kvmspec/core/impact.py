"""What a change costs whoever uses the object."""

from __future__ import annotations

from enum import IntEnum, StrEnum


class Impact(IntEnum):
    """Ordered: the impact of several changes together is the worst of them.

    NEXT_START is what needs a restart and waits: defined now, true when the guest boots the next time.
    """

    NONE = 0
    LIVE = 1
    NEXT_START = 2
    RESTART = 3
    DELETE = 4
    REPLACE = 5
    DATA_LOSS = 6

    @property
    def label(self) -> str:
        return self.name.lower().replace("_", "-")


class Permission(StrEnum):
    """What `--allow` can grant. An impact from RESTART up needs the permission of its name."""

    RESTART = "restart"
    DELETE = "delete"
    REPLACE = "replace"
    DATA_LOSS = "data-loss"


PERMISSION_FOR = {
    Impact.RESTART: Permission.RESTART,
    Impact.DELETE: Permission.DELETE,
    Impact.REPLACE: Permission.REPLACE,
    Impact.DATA_LOSS: Permission.DATA_LOSS,
}

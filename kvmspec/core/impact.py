"""What a change costs whoever uses the object."""

from __future__ import annotations

from enum import IntEnum, StrEnum


class Impact(IntEnum):
    """Ordered: the impact of several changes together is the worst of them."""

    NONE = 0
    LIVE = 1
    RESTART = 2
    DELETE = 3
    REPLACE = 4
    DATA_LOSS = 5

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

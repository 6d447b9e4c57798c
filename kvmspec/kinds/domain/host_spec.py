"""What the host does for a VM besides running it, as the manifest writes it.

Facts: https://libvirt.org/formatdomain.html#resource-partitioning and #fibre-channel-vmid.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from kvmspec.manifest.model import Model
from kvmspec.manifest.types import HostPath


class ResourceSpec(Model):
    """Where the VM stands among the host's groups of processes."""

    short: ClassVar[str | None] = "partition"

    examples: ClassVar[Sequence[Any]] = (
        "/machine/production",
        {"partition": "/machine/production"},
        {"appid": "shop-web"},
    )

    partition: HostPath | None = Field(None, examples=["/machine/production"])
    """The cgroup that the VM is in; `/machine` when not given."""
    appid: Annotated[str, Field(pattern=r"^[ -~]{1,128}$")] | None = Field(None, examples=["shop-web"])
    """What its disk I/O is told by on Fibre Channel. Takes libvirt 7.7."""

    @model_validator(mode="after")
    def _something(self) -> ResourceSpec:
        if self.partition is None and self.appid is None:
            raise PydanticCustomError("resource", "state a `partition`, or an `appid`")
        return self

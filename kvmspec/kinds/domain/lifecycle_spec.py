"""What may happen to a VM, as the manifest writes it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from kvmspec.manifest.model import Model
from kvmspec.manifest.types import Duration


class LifecycleSpec(Model):
    """What may happen to the VM."""

    examples: ClassVar[Sequence[Any]] = (
        {"prevent_destroy": True, "restart": "never"},
        {"restart": "allowed", "shutdown_timeout": "5m", "force_off_after": "10m"},
        {"ignore_changes": ["memory.size"]},
        {"restart": "later"},
        {"max_unavailable": 2},
    )

    prevent_destroy: bool = False
    """Never delete it, not even with --allow. It holds even when the VM is gone from the manifest."""
    ignore_changes: tuple[str, ...] = ()
    """Fields whose difference from the host is not a change, such as `memory.size`."""
    restart: Literal["allowed", "ask", "later", "never"] = "ask"
    """Whether a change may restart the guest: `allowed` without asking; `ask` with --allow restart; `later`
    too, and without it the change is defined and takes effect at the next start; or `never`."""
    max_unavailable: Annotated[int, Field(ge=1, le=1024, strict=True)] = 1
    """How many VMs of a `count` are restarted at once. With 1, the default, the others serve meanwhile, and
    the first that does not come back (see `wait_for`) stops the rest."""
    shutdown_timeout: Duration = Field(120, json_schema_extra={"default": "2m"})
    """How long the guest may take to shut down. Then the apply gives up, and leaves it running."""
    force_off_after: Duration | None = None
    """Power off a guest that has not shut down after this time. Without it none ever is."""

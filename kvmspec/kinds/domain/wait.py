"""When a VM counts as started, as the manifest writes it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from kvmspec.core.action import WaitForGuest
from kvmspec.core.address import Address
from kvmspec.kinds.base import Chain
from kvmspec.manifest.model import Model
from kvmspec.manifest.types import Duration

if TYPE_CHECKING:
    from kvmspec.kinds.domain.spec import VmSpec

TIMEOUT = 300
Port = Annotated[int, Field(ge=1, le=65535, strict=True)]


class WaitSpec(Model):
    """When a VM counts as started; all that is asked for must hold."""

    examples: ClassVar[Sequence[Any]] = (
        {"agent": True, "timeout": "10m"},
        {"ssh": True},
        {"ip": True, "port": [80, 443]},
        {"cloud_init": True},
    )

    ip: bool = False
    """It has an address."""
    agent: bool = False
    """Its guest agent answers."""
    ssh: bool = False
    """An SSH server answers on port 22."""
    port: Port | Annotated[tuple[Port, ...], Field(min_length=1)] | None = Field(None, examples=[[80, 443]])
    """A TCP port that takes connections, or several."""
    cloud_init: bool = False
    """cloud-init has finished without errors, as the guest agent can read."""
    timeout: Duration = Field(TIMEOUT, json_schema_extra={"default": "5m"})
    """How long it may take. Then the apply fails, and leaves the VM as it is."""

    @model_validator(mode="after")
    def _something(self) -> WaitSpec:
        """All of them false is fine: that takes back what a profile waits for."""
        if self.model_fields_set <= {"timeout"}:
            raise PydanticCustomError(
                "wait_for", "state what to wait for: ip, agent, ssh, port or cloud_init"
            )
        return self

    @property
    def ports(self) -> tuple[int, ...]:
        """The ports, however they are written."""
        if self.port is None:
            return ()
        return (self.port,) if isinstance(self.port, int) else self.port

    @property
    def states(self) -> bool:
        """Whether there is anything to wait for."""
        return bool(self.ip or self.agent or self.ssh or self.ports or self.cloud_init)


def action(address: Address, spec: WaitSpec, timeout: int | None = None) -> WaitForGuest:
    """The waiting, as an action. `timeout` overrides the spec's, in seconds."""
    seconds = spec.timeout if timeout is None else timeout
    return WaitForGuest(address, seconds, spec.ip, spec.agent, spec.ssh, spec.ports, spec.cloud_init)


def waiting(address: Address, spec: WaitSpec) -> Chain:
    """What follows the start of a VM."""
    return [(action(address, spec), f"wait for {words(spec)}")] if spec.states else []


def default(vm: VmSpec) -> WaitSpec:
    """What `kvmspec wait` waits for where the manifest does not say: an address where its host can see one.
    The agent only where it is stated: every new VM gets its channel, and not every guest runs one."""
    seen = any(nic.network or nic.bridge or nic.macvtap for nic in vm.networks)
    return WaitSpec(ip=seen, agent=vm.guest_agent not in (None, False))


def words(spec: WaitSpec) -> str:
    """`an address, ssh, port 80`."""
    named = {"an address": spec.ip, "the guest agent": spec.agent, "ssh": spec.ssh}
    found = [word for word, stated in named.items() if stated]
    found += [f"port {port}" for port in spec.ports]
    return ", ".join([*found, *(["cloud-init"] if spec.cloud_init else [])])

"""A network of the manifest → libvirt's XML."""

from __future__ import annotations

from kvmspec.core.desired import Desired
from kvmspec.kinds.base import Context
from kvmspec.kinds.fragments import merged
from kvmspec.kinds.ownership import derived_uuid


def render(desired: Desired, context: Context) -> str:
    """The XML with which the network is created."""
    name = desired.address.name
    uuid = desired.spec.uuid or derived_uuid(context.manifest.project, "network", name)
    xml = context.renderer.render("network.xml.j2", name=name, uuid=uuid, net=desired.spec)
    return merged(xml, desired.spec.xml)

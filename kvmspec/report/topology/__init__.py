"""The topology of a plan as a picture: a box a host, in it networks | VMs | pools with their volumes."""

from kvmspec.report.topology.graph import OUTSIDE, UNREAD
from kvmspec.report.topology.layout import picture
from kvmspec.report.topology.shapes import Edge, HostBox, Node, Picture

__all__ = ["OUTSIDE", "UNREAD", "Edge", "HostBox", "Node", "Picture", "picture"]

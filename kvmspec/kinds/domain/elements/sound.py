"""Tables of sound cards and audio backends."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from kvmspec.kinds.domain.elements.part import NUMBER, TEXT, YES, Part, Table, element

if TYPE_CHECKING:
    from kvmspec.kinds.domain.sound_spec import AudioSpec, SoundSpec

_STREAM = (
    ("@mixingEngine", "mixing_engine", YES),
    ("@fixedSettings", "fixed_settings", YES),
    ("@voices", "voices", NUMBER),
    ("@bufferLength", "buffer_length", NUMBER),
    ("settings/@frequency", "frequency", NUMBER),
    ("settings/@channels", "channels", NUMBER),
    ("settings/@format", "format", TEXT),
    ("@bufferCount", "buffer_count", NUMBER),
    ("@dev", "dev", TEXT),
    ("@tryPoll", "try_poll", YES),
    ("@serverName", "server_name", TEXT),
    ("@clientName", "client_name", TEXT),
    ("@connectPorts", "connect_ports", TEXT),
    ("@exactName", "exact_name", YES),
    ("@name", "name", TEXT),
    ("@streamName", "stream_name", TEXT),
    ("@latency", "latency", NUMBER),
)
AUDIO: Table = (
    Part("@type", "type", stays=True),
    Part("@timerPeriod", "timer_period", NUMBER),
    Part("@serverName", "server"),
    Part("@driver", "driver"),
    Part("@path", "path"),
    Part("@tryMMap", "try_mmap", YES),
    Part("@exclusive", "exclusive", YES),
    Part("@dspPolicy", "dsp_policy", NUMBER),
    *(
        Part(f"{way}/{place}", f"{way}.{field}", form)
        for way in ("input", "output")
        for place, field, form in _STREAM
    ),
)
SOUND: Table = (
    Part("@model", "model", quiet=True),
    Part("@multichannel", "multichannel", YES),
)


def numbered(backends: Sequence[AudioSpec]) -> Iterator[tuple[int, AudioSpec]]:
    """Each backend with its number: the stated one, or the lowest that is free (as libvirt does it)."""
    taken = {backend.id for backend in backends}
    free = (number for number in range(1, len(backends) + 1) if number not in taken)
    for backend in backends:
        yield backend.id or next(free), backend


def audio(backends: Sequence[AudioSpec]) -> Iterator[ET.Element]:
    """The host's side of the sound."""
    for number, backend in numbered(backends):
        yield element("audio", backend, AUDIO, id=str(number))


def sound(card: SoundSpec) -> Iterator[ET.Element]:
    """A card, and the backend that it brings."""
    node = element("sound", card, SOUND)
    for codec in card.codecs or ():
        ET.SubElement(node, "codec", type=codec)
    if isinstance(card.audio, int):
        ET.SubElement(node, "audio", id=str(card.audio))
    yield node
    if isinstance(card.audio, str):
        yield ET.Element("audio", id="1", type=card.audio)

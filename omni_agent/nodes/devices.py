"""A sound device as the diagnostics see it: its counters, and whether it still moves."""

from __future__ import annotations

from dataclasses import asdict
from typing import Protocol

from rclpy.node import Node

from .health import ERROR, Health
from .stamps import pace
from .threads import Inbox


class Countable(Protocol):
    """A device that can say what it has done so far, as a frozen dataclass."""

    def snapshot(self) -> object: ...


class DeviceWatch:
    """Once a second: counters into the diagnostics; a device that stands still is an error until
    it moves.
    """

    def __init__(self, node: Node, health: Health, part: str, device: Countable,
                 inbox: Inbox) -> None:
        self._health = health
        self._part = part
        self._device = device
        self._inbox = inbox
        self._last: dict[str, object] = {}
        node.create_timer(1.0, self.look, clock=pace(node))

    def look(self) -> None:
        values = asdict(self._device.snapshot())
        self._health.values.update({name: str(value) for name, value in values.items()})
        self._health.values['dropped in the inbox'] = str(self._inbox.dropped)
        moved, self._last = values != self._last, values
        if moved:
            self._health.well(self._part)
            return
        failure = str(values.get('failure') or 'no sound for a second')
        self._health.trouble(self._part, ERROR, f'{failure}; waiting for the device to return')

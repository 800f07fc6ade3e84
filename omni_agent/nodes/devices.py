"""A sound device as the diagnostics see it: its counters, and whether it still moves."""

from __future__ import annotations

from collections import deque
from dataclasses import asdict
from typing import Protocol

from rclpy.node import Node

from .health import ERROR, WARN, Health
from .stamps import pace
from .threads import Inbox


# counters of a device, each a piece of sound that was not heard
LOSSES = ('xruns', 'dropped', 'late_blocks')
# over which losses are added up [looks, one a second]
PERIOD_S = 10
TOO_MANY = 15                                    # 3 % of the blocks of that time: it is heard
SHORT = 'the machine is short of cores: see "late_blocks" in the README'


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
        self._lost: deque[int] = deque(maxlen=PERIOD_S + 1)      # all losses so far, look by look
        self._is_losing = False
        node.create_timer(1.0, self.look, clock=pace(node))

    def look(self) -> None:
        values = asdict(self._device.snapshot())
        self._health.values.update({name: str(value) for name, value in values.items()})
        self._health.values['dropped in the inbox'] = str(self._inbox.dropped)
        self._look_at_losses(self._inbox.dropped +
                             sum(int(values.get(name) or 0) for name in LOSSES))
        moved, self._last = values != self._last, values
        if moved:
            self._health.well(self._part)
            return
        failure = str(values.get('failure') or 'no sound for a second')
        self._health.trouble(self._part, ERROR, f'{failure}; waiting for the device to return')

    def _look_at_losses(self, lost: int) -> None:
        self._lost.append(lost)
        newly = lost - self._lost[0]
        if newly >= TOO_MANY and not self._is_losing:
            self._is_losing = True
            self._health.trouble(
                f'{self._part} losses', WARN, f'{newly} blocks of 20 ms were lost or late in '
                f'{len(self._lost) - 1} s: {SHORT}')
        elif newly == 0 and self._is_losing:
            self._is_losing = False
            self._health.well(f'{self._part} losses')

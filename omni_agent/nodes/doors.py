"""What stands between the middleware and a box, and is shut while the node rests."""

from __future__ import annotations

from collections import deque
from inspect import iscoroutinefunction
from typing import Callable, Protocol

from rclpy.timer import Timer

ASLEEP = 'the node is not active: activate it first'

Callback = Callable[..., object]


class Sleeper(Protocol):
    """A node as a door sees it."""

    active: bool


class Door:
    """Between a topic and whoever takes its messages; ``holds`` so many until the node wakes."""

    def __init__(self, node: Sleeper, take: Callable[[object], None], holds: int) -> None:
        self._node, self._take = node, take
        self._held: deque[object] = deque(maxlen=holds)

    def __call__(self, message: object) -> None:
        if self._node.active:
            self._take(message)
        else:
            self._held.append(message)

    def open(self) -> None:
        while self._held:
            self._take(self._held.popleft())


class RestingTimer:
    """A timer that becomes due at rest waits, and goes on when the node wakes."""

    def __init__(self, node: Sleeper, callback: Callable[[], None]) -> None:
        self._node, self._callback = node, callback
        self.timer: Timer | None = None
        self._waits = False

    def __call__(self) -> None:
        if self._node.active:
            self._callback()
        else:
            self._waits = True
            self.timer.cancel()

    def open(self) -> None:
        if self._waits:
            self._waits = False
            self.timer.reset()


def guarded(node: Sleeper, callback: Callback) -> Callback:
    """A service that says no at rest, where its response can say so."""
    async def wait(request: object, response: object) -> object:
        return await callback(request, response) if node.active else _refused(response)

    def answer(request: object, response: object) -> object:
        return callback(request, response) if node.active else _refused(response)
    return wait if iscoroutinefunction(callback) else answer


def _refused(response: object) -> object:
    for name, value in (('success', False), ('message', ASLEEP)):
        if hasattr(response, name):
            setattr(response, name, value)
    return response

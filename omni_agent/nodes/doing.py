"""What a skill under way can be told, and how it tells what becomes of it."""

from __future__ import annotations

import json
from typing import Callable, Protocol

from omni_agent.core.acts import Told

from .interfaces import data

SERVER_S = 3.0           # [s] a server that is not there after that will not come for this call
FEEDBACK_S = 0.5         # [s] between two reports of one skill
WAITS = 'it waits until it is known that nobody says stop'
Tell = Callable[[Told], None]


class Doing(Protocol):
    """A call under way. Each ends with exactly one Told of an end, unless whoever began it forgets
    it.
    """

    def hold(self, at_once: bool) -> None: ...
    def resume(self) -> None: ...
    def cancel(self) -> None: ...
    def tick(self, t: float) -> None: ...


def as_json(message: object) -> str:
    return json.dumps(data(message), ensure_ascii=False)

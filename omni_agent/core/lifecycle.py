"""The state machine of a managed node as data: which states there are, and what leads from one to
another.

Numbers and names are those of lifecycle_msgs and of rcl, so that every manager and command line
understands them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Iterator


class State(Enum):
    """A state that lasts, or (from 10 on) one in which something is being done."""

    UNKNOWN = 0
    UNCONFIGURED = 1
    INACTIVE = 2
    ACTIVE = 3
    FINALIZED = 4
    CONFIGURING = 10
    CLEANING_UP = 11
    SHUTTING_DOWN = 12
    ACTIVATING = 13
    DEACTIVATING = 14
    ERROR_PROCESSING = 15

    @property
    def label(self) -> str:
        return self.name.lower().replace('_', '')


class Verdict(Enum):
    """How something that was done ended; ERROR is a mistake of ours, FAILURE is the world's."""

    SUCCESS = 'transition_success'
    FAILURE = 'transition_failure'
    ERROR = 'transition_error'


@dataclass(frozen=True)
class Transition:
    """One arrow of the graph."""

    id: int
    label: str
    start: State
    goal: State


# what is being done; what begins it: (number, label, from where); the number of its first end;
# where it ends after success, failure, error
_DOINGS = (
    (State.CONFIGURING, ((1, 'configure', State.UNCONFIGURED),), 10,
     (State.INACTIVE, State.UNCONFIGURED, State.ERROR_PROCESSING)),
    (State.CLEANING_UP, ((2, 'cleanup', State.INACTIVE),), 20,
     (State.UNCONFIGURED, State.INACTIVE, State.ERROR_PROCESSING)),
    (State.ACTIVATING, ((3, 'activate', State.INACTIVE),), 30,
     (State.ACTIVE, State.INACTIVE, State.ERROR_PROCESSING)),
    (State.DEACTIVATING, ((4, 'deactivate', State.ACTIVE),), 40,
     (State.INACTIVE, State.ACTIVE, State.ERROR_PROCESSING)),
    (State.SHUTTING_DOWN, ((5, 'shutdown', State.UNCONFIGURED), (6, 'shutdown', State.INACTIVE),
                           (7, 'shutdown', State.ACTIVE)), 50,
     (State.FINALIZED, State.FINALIZED, State.ERROR_PROCESSING)),
    (State.ERROR_PROCESSING, (), 60, (State.UNCONFIGURED, State.FINALIZED, State.FINALIZED)),
)


def _graph() -> Iterator[Transition]:
    for doing, begins, first, ends in _DOINGS:
        for number, label, start in begins:
            yield Transition(number, label, start, doing)
        for step, verdict in enumerate(Verdict):
            yield Transition(first + step, verdict.value, doing, ends[step])


GRAPH = tuple(_graph())


class Lifecycle:
    """Where a node stands. Whoever begins a transition ends it with a verdict."""

    def __init__(self) -> None:
        self.state = State.UNCONFIGURED

    def available(self) -> tuple[Transition, ...]:
        return tuple(item for item in GRAPH if item.start is self.state)

    def begin(self, number: int, label: str = '') -> Transition | None:
        """By its label, which counts if there is one, or its number; None: not from here, and
        nothing happens.
        """
        if self.state.value >= State.CONFIGURING.value:
            return None                          # what is being done has to end first
        return self._go([item for item in self.available()
                         if (item.label == label if label else item.id == number)])

    def end(self, verdict: Verdict) -> Transition:
        gone = self._go([item for item in self.available() if item.label == verdict.value])
        assert gone is not None, f'nothing was begun that could end in {verdict}'
        return gone

    def _go(self, found: list[Transition]) -> Transition | None:
        if not found:
            return None
        self.state = found[0].goal
        return found[0]

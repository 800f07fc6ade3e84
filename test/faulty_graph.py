"""A graph whose processes die and come back, with a clock that can be set, on simulated time.

What DDS does to those who die and return: what was on its way to a dead reader is lost, so is
what was published before writer and reader had found each other; only a latched state reaches
whoever comes later, and it dies with its writer.
"""

from __future__ import annotations

from typing import Callable, Generic, TypeVar

from conversation_simulator import UNIX_S, World

FOUND_S = (0.02, 0.6)  # until a writer and a new reader know each other
P = TypeVar('P')


class SetWorld(World):
    """The wall clock of this world can be set; time itself goes on."""

    set_s = 0.0

    @property
    def unix_s(self) -> float:
        return self.unix(self.now)

    def unix(self, t: float) -> float:
        """What the clock, as it goes now, says about that moment."""
        return UNIX_S + t + self.set_s

    def moment(self, unix_s: float) -> float:
        return unix_s - UNIX_S - self.set_s


class Post(Generic[P]):
    """A place in the graph, and the process that holds it now, if any."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.holder: P | None = None
        self.wires: list[Wire] = []  # what the holder writes
        self.heard_on: list[Callable[[], None]] = []  # told when somebody new takes the place

    def take(self, holder: P) -> None:
        self.holder = holder
        for tell in self.heard_on:
            tell()

    def leave(self) -> None:
        self.holder = None
        for wire in self.wires:
            wire.cut = True
        self.wires = []


class Wire:
    """One writer's side of a topic, as long as it lives; in order for each reader."""

    def __init__(
        self,
        world: World,
        writer: Post,
        readers: list[tuple[Post, str]],
        latched: bool = False,
        loss: float = 0.0,
    ) -> None:
        self.world, self.readers, self.latched, self.loss = world, readers, latched, loss
        self.cut = False
        self.sent: list[object] = []
        self._due = [0.0] * len(readers)
        self._known: dict[int, tuple[object, float]] = {}  # by reader: who, and since when
        writer.wires.append(self)
        for index, (post, _) in enumerate(readers):
            if post.holder is not None:
                self._meet(index)
            post.heard_on.append(lambda index=index: self._meet(index))

    def _meet(self, index: int) -> None:
        if self.cut:
            return
        holder = self.readers[index][0].holder
        found = self.world.now + self.world.random.uniform(*FOUND_S)
        self._known[index] = (holder, found)
        if self.latched:
            self.world.at(found, lambda: self._catch_up(index, holder))

    def _catch_up(self, index: int, holder: object) -> None:
        if not self.cut and self.sent:
            self._send(index, holder, self.sent[-1])

    def publish(self, message: object) -> None:
        if self.cut:
            return
        self.sent.append(message)
        for index, (holder, found) in self._known.items():
            if found <= self.world.now and self.world.random.random() >= self.loss:
                self._send(index, holder, message)

    def _send(self, index: int, holder: object, message: object) -> None:
        delay = self.world.random.expovariate(1 / self.world.delay_s)
        self._due[index] = max(self._due[index], self.world.now + delay)
        self.world.at(self._due[index], lambda: self._arrive(index, holder, message))

    def _arrive(self, index: int, holder: object, message: object) -> None:
        post, method = self.readers[index]
        if post.holder is holder:  # or it died, and with it what was on the way
            getattr(holder, method)(message)

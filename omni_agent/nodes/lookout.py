"""Looks -> remarks: what the decision node was told to look for, and when it has come about."""

from __future__ import annotations

from pathlib import Path
from typing import Callable

from rclpy.node import Node

from omni_agent.backends import watching
from omni_agent.core import speak_score
from omni_agent.core.errors import ConfigError, OmniAgentError
from omni_agent.core.speak_up import (AskModel, FloorFree, FloorTaken, Looked, Margined, Remark,
                                      SpeakUp, SpeakUpParams, Ticked, WatchEvent)
from omni_agent.core.watch_items import Reply, WatchItems, WatchItemsParams
from omni_agent.share import share_dir

from .health import WARN, Health
from .parameters import declare
from .stamps import now
from .threads import Alarm

PARAMETERS = (('watch', WatchItemsParams), ('speak_up', SpeakUpParams))


class Lookout:
    """Standing instructions in, remarks out. ``path``: where the instructions are kept, None =
    nowhere.
    """

    def __init__(self, node: Node, health: Health, languages: str, path: Path | None,
                 on_remark: Callable[[str], None], ask_model: Callable[[AskModel], None],
                 sees: Callable[[], bool]) -> None:
        self.node, self.health = node, health
        self._path = path
        self._on_remark, self._ask_model, self._sees = on_remark, ask_model, sees
        self.items = WatchItems(watching.watch_words(languages),
                                declare(node, WatchItemsParams, 'watch'))
        self.speak_up = SpeakUp(declare(node, SpeakUpParams, 'speak_up'), _scorer(), self.items)
        # (epoch, items before) of an instruction not yet confirmed aloud
        self._tried: tuple[int, str] | None = None
        self._alarm = Alarm(node, lambda: self.step(Ticked(now(node))))
        self._restore()

    def on_look(self, look: Looked) -> None:
        self.step(look)

    def floor(self, taken: bool, t: float) -> None:
        """A person has begun or ended to speak."""
        self.step(FloorTaken(t) if taken else FloorFree(t))

    def margined(self, event: Margined) -> None:
        self.step(event)

    def step(self, event: WatchEvent) -> None:
        before = len(self.items)
        for effect in self.speak_up.step(event, now(self.node)):
            if isinstance(effect, Remark):
                self.health.count('remarks')
                self._on_remark(effect.text)
            elif isinstance(effect, AskModel):
                self._ask_model(effect)
            else:
                self.health.count(f'silent: {effect.why}'.split(' (')[0])
        if len(self.items) != before:
            self._keep()
        self._alarm.set(self.speak_up.deadline())

    # -- instructions -----------------------------------------------------------------------------

    def answer(self, epoch: int, text: str) -> str | None:
        """What to say to ``text`` if it is about watching.

        The answer may be taken back before anybody heard it, because the person went on; then so
        is the instruction.
        """
        self._take_back(epoch)
        before = self.items.to_json()
        reply = self.items.hear(text, now(self.node), self._sees())
        if reply is None:
            return None
        if reply.changed:
            self._tried = epoch, before
        return reply.text

    def confirmed(self, epoch: int) -> None:
        """Sound of that epoch is heard: what it confirms stands."""
        if self._tried is not None and self._tried[0] == epoch:
            self._tried = None
            self._keep()

    def stopped(self, text: str) -> Reply | None:
        """A stop phrase may end an instruction as well: 'stop telling me'."""
        reply = self.items.hear(text, now(self.node), self._sees()) if len(self.items) else None
        if reply is not None and reply.changed:
            self._keep()
            return reply
        return None

    def _take_back(self, epoch: int) -> None:
        if self._tried is not None and self._tried[0] != epoch:
            self.items.restore(self._tried[1])
        self._tried = None

    def _restore(self) -> None:
        if self._path is None:
            return
        try:
            self.health.values['instructions kept'] = str(watching.restore(self.items, self._path))
        except OmniAgentError as error:
            self.health.trouble('instructions', WARN, f'{error}; starting without any')

    def _keep(self) -> None:
        if self._path is None:
            return
        try:
            watching.keep(self.items, self._path)
            self.health.well('instructions')
        except OmniAgentError as error:
            self.health.trouble('instructions', WARN, str(error))


def _scorer() -> speak_score.Scorer:
    path = share_dir() / 'config' / 'watching' / 'speak_up.json'
    try:
        return speak_score.parse(path.read_text(encoding='utf-8'))
    except OSError as error:
        raise ConfigError(
            f'{path}: {error.strerror}; it comes with the package, install it again') from error

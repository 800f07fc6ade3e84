"""Looks -> remarks: what the decision node was told to look for, and when it has come about."""

from __future__ import annotations

from pathlib import Path
from typing import Callable

from rclpy.node import Node
from std_msgs.msg import Bool, String

from omni_agent.backends import watching
from omni_agent.core import speak_score
from omni_agent.core.claims import Support, as_past, supported
from omni_agent.core.errors import ConfigError, OmniAgentError
from omni_agent.core.speak_up import SpeakUp
from omni_agent.core.speak_up_params import SpeakUpParams
from omni_agent.core.watch_events import (AskModel, FloorFree, FloorTaken, Looked, Margined,
                                          Remark, Ticked, WatchEvent)
from omni_agent.core.watch_items import Kind, Reply, WatchItems, WatchItemsParams
from omni_agent.share import share_dir

from . import qos
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
        self._look: Looked | None = None         # the newest
        self._alarm = Alarm(node, lambda: self.step(Ticked(now(node))))
        self._looked_for: str | None = None      # as it was published
        self._look_for = node.create_publisher(String, 'look_for', qos.STATE)
        node.create_subscription(Bool, 'any_words', self._on_any_words, qos.STATE)
        self._restore()
        self._tell_eyes()

    def on_look(self, look: Looked) -> None:
        self._look = look
        self.step(look)

    def checked(self, remark: str) -> str:
        """As it is to be said now, when it may have waited for a while: what is not seen any more
        is of the past, what is doubtful is hedged.
        """
        if self._look is None or any(words in remark for words in self.items.in_words()):
            return remark
        best = {one.label: one for one in sorted(self._look.tracks, key=lambda one: one.score)}
        several = any(item.kind is Kind.COUNT for item in self.items)
        verdict = supported(remark, self._look.tracks if several else tuple(best.values()),
                            now(self.node), self.items.words)
        if verdict.support is not Support.SUPPORTED:
            self.health.count(f'remarks: {verdict.support.value}')
            self.node.get_logger().info(f'"{remark}" {verdict.support.value}: {verdict.why}')
        return as_past(remark) if verdict.support is Support.WITHHOLD else verdict.text

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

    # -- what only words describe -----------------------------------------------------------------

    def knows_any_words(self) -> bool:
        """Perception can look for things by their words."""
        return self.items.any_words

    def _on_any_words(self, message: Bool) -> None:
        self.items.any_words = message.data
        self._tell_eyes()

    def _tell_eyes(self) -> None:
        words = self.items.in_words()
        if words and not self.items.any_words:
            self.health.trouble('instructions', WARN,
                                f'nobody can look for {", ".join(words)} at the moment: that '
                                'needs a text-image encoder in perception ("any words" there)')
        elif words:
            self.health.well('instructions')
        if ','.join(words) != self._looked_for:
            self._looked_for = ','.join(words)
            self._look_for.publish(String(data=self._looked_for))

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
            self._tell_eyes()
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
            self._tell_eyes()
        self._tried = None

    def _restore(self) -> None:
        if self._path is None:
            return
        try:
            self.health.values['instructions kept'] = str(watching.restore(self.items, self._path))
        except OmniAgentError as error:
            self.health.trouble('instructions', WARN, f'{error}; starting without any')

    def _keep(self) -> None:
        self._tell_eyes()
        if self._path is None:
            return
        try:
            watching.keep(self.items, self._path)
            self.health.well('file of instructions')
        except OmniAgentError as error:
            self.health.trouble('file of instructions', WARN, str(error))


def _scorer() -> speak_score.Scorer:
    path = share_dir() / 'config' / 'watching' / 'speak_up.json'
    try:
        return speak_score.parse(path.read_text(encoding='utf-8'))
    except OSError as error:
        raise ConfigError(
            f'{path}: {error.strerror}; it comes with the package, install it again') from error

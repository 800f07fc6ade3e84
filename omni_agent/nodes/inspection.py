"""The decision node's side of a closer look: a question about what can be seen waits a moment for
it, unless the overview of all the pictures before tells enough.
"""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass
from typing import Callable

from omni_agent_msgs.msg import Look
from rclpy.node import Node
from std_msgs.msg import String

from omni_agent.core import looking, scene
from omni_agent.core.answer_route import OVERVIEW, Step
from omni_agent.core.events import React
from omni_agent.core.looks import looked
from omni_agent.core.overview import FRAMES, Overview
from omni_agent.core.watch_events import Looked
from omni_agent.core.watch_items import with_article
from omni_agent.core.watch_words import WatchWords

from . import qos
from .health import Health
from .stamps import now
from .threads import Alarm

PATIENCE_S = 1.5         # for a look; then what the camera showed before has to do
WORDS_S = 6.0            # the same where words are compared, by a network twenty times as large


@dataclass(frozen=True)
class Inspected:
    """What a closer look showed to the brief of that epoch: ``seen`` is the scene in words,
    ``say`` an answer as it is. Both empty: nobody looked.
    """

    epoch: int
    brief: str
    seen: str = ''
    say: str = ''
    seconds: float = 0.0     # of looking


class Inspection:
    """Owned by the executor thread. ``tell`` gets what came of it, once for each ``ask``."""

    def __init__(self, node: Node, health: Health, words: WatchWords,
                 knows_any_words: Callable[[], bool], tell: Callable[[Inspected], None]) -> None:
        self.node, self.health, self._words, self._tell = node, health, words, tell
        self._knows_any_words = knows_any_words
        self._waiting: tuple[React, str] | None = None
        self.overview = Overview()
        # [s] what each look that it sums up cost
        self._summing_s: deque[float] = deque(maxlen=FRAMES)
        self._requests = node.create_publisher(String, 'inspect', qos.PERCEPT)
        node.create_subscription(Look, 'inspected', self._on_inspected, qos.LOOK)
        self._alarm = Alarm(node, self._give_up)

    def ask(self, react: React) -> bool:
        """True if an answer will come: the question is about what can be seen, and somebody
        looks.
        """
        if (not looking.wants_a_look(react.brief) or self._is_known(react.brief)
                or not self._requests.get_subscription_count()):
            return False
        thing = looking.thing_asked_for(react.brief, self._words)
        if thing and not self._knows_any_words():
            said = self._words.say('see_unknown', thing=with_article(thing))
            self._tell(Inspected(react.epoch, react.brief, say=said))
            return True
        self._waiting = react, thing
        self._requests.publish(String(data=thing))
        self._alarm.set(now(self.node) + (WORDS_S if thing else PATIENCE_S))
        self.health.count('closer looks')
        return True

    def on_look(self, look: Looked) -> None:
        """The cheap half, of every picture."""
        began = time.perf_counter()
        self.overview.step(look)
        self._summing_s.append(time.perf_counter() - began)

    def looked_over(self, brief: str) -> Step | None:
        """What the overview says to a question about what can be seen; None for another one. Its
        cost is that of all the looks that it sums up.
        """
        if not looking.wants_a_look(brief) or not self.overview.frames:
            return None
        began = time.perf_counter()
        verdict = 'enough' if self._is_known(brief) else 'not enough'
        why = f'{self.overview.told()}: {verdict}'
        cost_s = sum(self._summing_s) + time.perf_counter() - began
        return Step(OVERVIEW, why, 1000 * cost_s, self.overview.frames)

    def _is_known(self, brief: str) -> bool:
        """A closer look would say nothing else."""
        label = looking.label_asked_for(brief, self._words)
        return bool(label) and self.overview.is_steady(label)

    def _on_inspected(self, message: Look) -> None:
        if self._waiting is None:
            return
        react, thing = self._waiting
        look = looked(message)
        asked = next((track for track in look.tracks if track.label == thing), None)
        if thing and asked is None:
            return                           # it answers an older question
        said = ''
        if asked is not None:
            name = 'see_yes' if asked.hits else 'see_no'
            said = self._words.say(name, thing=with_article(thing))
        there = [track for track in look.tracks if track.hits and track is not asked]
        self._done(Inspected(react.epoch, react.brief, scene.summary(there), said,
                             message.processing_s))

    def _give_up(self) -> None:
        if self._waiting is not None:
            self.health.count('closer looks that came too late')
            self._done(Inspected(self._waiting[0].epoch, self._waiting[0].brief))

    def _done(self, found: Inspected) -> None:
        self._waiting = None
        self._alarm.set(None)
        self._tell(found)

"""What was said and seen -> long-term memory, and questions about it -> lines for the language
model.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Callable

import numpy as np
from omni_agent_msgs.srv import Forget
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.node import Node
from rclpy.task import Future
from std_msgs.msg import String

from omni_agent.backends.long_memory import LongMemory
from omni_agent.backends.memory_eyes import MemoryEyes
from omni_agent.core import scene
from omni_agent.core.acquaintance import Acquaintance
from omni_agent.core.consolidation import MIB, Budget
from omni_agent.core.episodes import Episodes, EpisodesParams, Glimpse
from omni_agent.core.errors import OmniAgentError, WireError
from omni_agent.core.events import Overheard, Remember, Role
from omni_agent.core.params import param
from omni_agent.core.past import PERSON, ROBOT
from omni_agent.core.past import Forget as Gone
from omni_agent.core.recollection import Recollection
from omni_agent.core.watch_events import Looked

from . import qos
from .health import WARN, Health
from .parameters import declare
from .stamps import now, pace, seconds
from .threads import Worker, close_all

NOTHING = 'I remember nothing about that.'
NOT_DELETED = 'I could not delete that for good. My log says why.'
OTHERS = 'somebody'      # who spoke, in what was not said to the robot
WHO = {Role.PERSON: PERSON, Role.ROBOT: ROBOT}


@dataclass(frozen=True)
class MemoryParams:
    """How much is kept."""

    items: int = param(40_000, 'moments and episodes that are kept, at most', 50, 10_000_000)
    mib: int = param(64, 'size of the file, at most [MiB]', 1, 100_000)
    eyes: str = param(
        'auto', 'what makes vectors of remembered pictures: siglip_base, by which a question '
        'finds a picture; mobilenetv2, which tells scenes apart; none; a folder with two towers; '
        'or '
        'auto: the first of them whose files are here')


PARAMETERS = (('memory', MemoryParams), ('episodes', EpisodesParams))


@dataclass(frozen=True)
class Forgotten:
    """Something was deleted for good, and the conversation of the last minutes may hold it, too;
    or ``error``. ``told``: in words; ``caller`` waits for it, None where it was asked for aloud.
    """

    moments: int = 0
    error: str = ''
    told: str = ''
    caller: Future | None = None


@dataclass(frozen=True)
class Recalled:
    """What was found for the brief of that epoch; ``lines`` go to the language model, ``say`` is
    said as it is.
    """

    epoch: int
    lines: tuple[str, ...] = ()
    say: str = ''
    route: str = ''
    seconds: float = 0.0     # of searching


class Recall:
    """Owned by the executor thread; asking happens on a worker. ``path`` None: nothing is
    remembered for long.
    """

    def __init__(self, node: Node, health: Health, path: Path | None,
                 tell: Callable[[Recalled | Forgotten], None]) -> None:
        self.node, self.health = node, health
        self._tell = tell                        # from any thread
        params = declare(node, MemoryParams, 'memory')
        self.eyes = MemoryEyes(params.eyes if path is not None else 'none')
        self.memory = self._open(path, Budget(params.items, params.mib * MIB))
        self.people = Acquaintance()
        self._place = ''                         # where the robot is, where somebody says so
        self._embedding: np.ndarray | None = None        # of the newest keyframe
        self._looker = Worker('keyframes', lambda error: None)
        self.episodes = Episodes(declare(node, EpisodesParams, 'episodes'))
        self._worker = Worker('recall', lambda error: None, limit=16)
        self._forgetter = Worker('forget', lambda error: None, limit=16)
        self._era = 0                            # how often something was forgotten
        self._keeping = threading.Lock()         # of a picture, or of the era's end
        node.create_subscription(String, 'sound', self._on_sound, qos.PERCEPT)
        # a group of its own: the answer waits for the disk, and nothing else may wait with it
        node.create_service(Forget, '~/forget', self._on_call,
                            callback_group=MutuallyExclusiveCallbackGroup())
        if self.memory is not None:
            node.create_timer(1.0, self.on_timer, clock=pace(node))

    def _open(self, path: Path | None, budget: Budget) -> LongMemory | None:
        if path is None:
            return None
        try:
            memory = LongMemory(path, budget,
                                embed=self.eyes.text if self.eyes.compares_words else None)
        except OmniAgentError as error:
            self.health.trouble('memory', WARN,
                                f'{error}; remembering nothing beyond this conversation')
            return None
        if memory.notice:
            self.node.get_logger().warning(memory.notice)
        return memory

    # -- what happens -----------------------------------------------------------------------------

    def remember(self, line: Remember, t: float) -> None:
        """A line of the dialogue: what was said to the robot, or heard of it. Other people's talk
        is none.
        """
        if self.memory is not None and line.role in WHO and line.text:
            name = self.people.heard(line.text, t) if line.role is Role.PERSON else ''
            self.memory.said(t, name or WHO[line.role], line.text)

    def overheard(self, line: Overheard, t: float) -> None:
        """Other people's talk, where somebody has switched that on."""
        if self.memory is not None:
            self.memory.said(t, OTHERS, line.text)

    def spoke(self, key: str, t: float) -> None:
        """Somebody has; ``key``: the face or the voice, '' where neither tells."""
        self.people.spoke(key, t)

    def _on_sound(self, message: String) -> None:
        """Something that is no speech was heard: 'the phone rings'."""
        if self.memory is not None and message.data.strip():
            self.health.count('sounds remembered')
            self.memory.heard(now(self.node), ' '.join(message.data.split()))

    def entered(self, place: str, t: float) -> None:
        """What comes now is another episode."""
        if place != self._place and self.memory is not None:
            self.memory.cut(t)
        self._place = place

    def saw(self, t: float, text: str, salience: float) -> None:
        if self.memory is not None:
            self.memory.seen(t, text, place=self._place, salience=salience)

    def on_look(self, look: Looked, keyframe: bytes) -> None:
        if self.memory is None:
            return
        here = replace(glimpse(look), speaker=self.people.speaker(look.t), place=self._place,
                       embedding=self._embedding)
        if self.episodes.step(here) is not None:
            self.memory.cut(look.t)
        if keyframe:
            text = scene.summary(look.tracks)
            names = [self.people.face(track.id) for track in look.tracks]
            here = tuple(dict.fromkeys(filter(None, names))), self._place
            era = self._era
            self._looker.submit(lambda: self._keep(era, look.t, text, *here, keyframe))

    def _keep(self, era: int, t: float, text: str, people: tuple[str, ...], place: str,
              keyframe: bytes) -> None:
        """Worker thread: a picture and its vector, unless something was forgotten meanwhile."""
        image = _decoded(keyframe)
        if image is None:
            return
        embedding = self.eyes.image(image)
        with self._keeping:
            if era != self._era:
                return
            self._embedding = embedding
            self.memory.seen(t, text, people, place, salience=0.7, image=image,
                             embedding=embedding)

    # -- questions --------------------------------------------------------------------------------

    def ask(self, epoch: int, text: str, t: float) -> bool:
        """True if an answer will come, perhaps that it is no question for the memory."""
        if self.memory is None:
            return False
        self._worker.submit(lambda: self._tell(self._ask(epoch, text, t)))
        return True

    def _ask(self, epoch: int, text: str, t: float) -> Recalled:
        began = time.monotonic()
        try:
            found = self.memory.ask(text, t)
        except OmniAgentError:
            self.health.count('failed questions')
            return Recalled(epoch)
        return replace(answer(epoch, found), seconds=time.monotonic() - began)

    # -- upkeep -----------------------------------------------------------------------------------

    def on_timer(self) -> None:
        figures = self.memory.figures()
        self.health.values['memory items'] = str(figures.store.items)
        self.health.values['memory MiB'] = f'{figures.store.bytes / MIB:.1f}'
        self.health.counters['memory dropped'] = figures.dropped
        self.health.values['pictures remembered by'] = self.eyes.model
        if figures.trouble or self.eyes.trouble:
            self.health.trouble('memory', WARN, figures.trouble or self.eyes.trouble)
        else:
            self.health.well('memory')

    def forget(self, person: str, start: float | None, stop: float | None,
               caller: Future | None = None) -> None:
        """A Forgotten comes when the bytes are gone, which may take the disk a second."""
        try:
            what = Gone.asked(person, start, stop)
        except WireError as error:
            self._tell(Forgotten(error=str(error), caller=caller))
            return
        if not start and not stop:
            self.people.forget(what.person)
        with self._keeping:
            self._era, self._embedding = self._era + 1, None
        if self.memory is None:
            self._tell(Forgotten(told='there is no long-term memory', caller=caller))
        else:
            self._forgetter.submit(lambda: self._tell(self._deleted(what.person, start, stop,
                                                                    caller)))

    def _deleted(self, person: str, start: float | None, stop: float | None,
                 caller: Future | None) -> Forgotten:
        """Worker thread."""
        try:
            count = self.memory.forget(person, start, stop)
            told = f'{count} moments are gone'
            if person and not count:
                known = ', '.join(self.memory.people())
                told = (f'I remember nothing about {person}; people whom I remember by name: '
                        f'{known or "none"}')
        except OmniAgentError as error:
            return Forgotten(error=str(error), caller=caller)
        return Forgotten(count, told=told, caller=caller)

    async def _on_call(self, request: Forget.Request,
                       response: Forget.Response) -> Forget.Response:
        """Answers when they are gone."""
        if self.memory is None:
            response.message = 'there is no long-term memory'
            return response
        caller = Future()
        self.forget(request.person, seconds(request.start) or None, seconds(request.stop) or None,
                    caller)
        forgotten = await caller
        response.forgotten, response.success = forgotten.moments, not forgotten.error
        response.message = forgotten.error or forgotten.told
        return response

    def on_forgotten(self, forgotten: Forgotten) -> str:
        """What is to be said of it: whoever asked aloud was promised that it would be gone."""
        if forgotten.caller is not None:
            forgotten.caller.set_result(forgotten)
            return ''
        if forgotten.error:
            self.node.get_logger().error(forgotten.error)
        return NOT_DELETED if forgotten.error else ''

    def close(self) -> None:
        close_all((self._worker, self._forgetter, self._looker))
        if self.memory is None:
            return
        last = self.episodes.close(now(self.node))
        if last is not None:
            self.memory.cut(last.end)
        self.memory.close()


def answer(epoch: int, found: Recollection | None) -> Recalled:
    """None: the question is not about the past."""
    if found is None:
        return Recalled(epoch)
    route = str(found.recalled.route)
    return Recalled(epoch, found.lines, '' if found.lines else NOTHING, route)


def glimpse(look: Looked) -> Glimpse:
    counts = Counter(track.label for track in look.tracks)
    people = frozenset(f'person {track.id}' for track in look.tracks if track.label == 'person')
    return Glimpse(look.t, counts, people)


def _decoded(jpeg: bytes) -> np.ndarray | None:
    try:
        import cv2
    except ImportError:
        return None
    return cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)

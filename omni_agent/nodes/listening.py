"""When the robot listens at all: modes by voice, topic and button, looks at it, and what
corrections taught it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Callable

from omni_agent_msgs.msg import Look
from rclpy.node import Node
from std_msgs.msg import Bool, String
from std_srvs.srv import Trigger

from omni_agent.backends import corrections
from omni_agent.core.attention import MODES, Attention, Learnt, Mode
from omni_agent.core.errors import OmniAgentError
from omni_agent.core.events import (ButtonHeld, CorrectionsForgotten, Event, LookedAt, ModeWanted,
                                    PlaceEntered)

from . import qos
from .health import WARN, Health
from .stamps import now, seconds

LOOK_EVERY_S = 0.5       # a face that keeps looking is no news ten times a second
SAYS = {
    Mode.OPEN: 'I listen to everything that seems to be for me.',
    Mode.ATTENTIVE: 'I listen when you look at me or call me.',
    Mode.NAME_ONLY: 'I listen when you say my name.',
    Mode.PUSH_TO_TALK: 'I listen while the button is pressed.'
}


class Listening:
    """Owned by the executor thread. What changes is told to ``step`` as events, so that it is in
    the trace. ``path``: where corrections are kept if the parameter says so, None = nowhere.
    """

    def __init__(self, node: Node, health: Health, attention: Attention,
                 step: Callable[[Event], None], path: Path | None) -> None:
        self.node, self.health = node, health
        self._attention, self._step = attention, step
        self._path = path if attention.params.keep else None
        self._looked_s = 0.0
        self._known: dict[str, Learnt] = {}      # as it was shown and kept
        self._restore()
        self._show()
        node.create_subscription(String, 'place', self.on_place, qos.STATE)
        node.create_subscription(String, 'listen', self.on_mode, qos.STATE)
        node.create_subscription(Bool, 'push_to_talk', self.on_button, qos.PERCEPT)
        node.create_service(Trigger, '~/corrections', self.on_corrections)
        node.create_service(Trigger, '~/forget_corrections', self.on_forget)

    def answer(self, text: str) -> str | None:
        """What to say to who asks for another mode."""
        wanted = self._attention.wanted(text)
        if wanted is None:
            return None
        self._switch(wanted)
        return SAYS[wanted]

    def on_mode(self, message: String) -> None:
        if message.data in MODES:
            self.health.well('mode')
            self._switch(Mode(message.data))
        else:
            self.health.trouble(
                'mode', WARN,
                f"'{message.data}' on the topic listen is none of {', '.join(MODES)}")

    def on_button(self, message: Bool) -> None:
        self._step(ButtonHeld(now(self.node), message.data))

    def on_look(self, look: Look) -> None:
        t = seconds(look.header.stamp)
        if (t - self._looked_s >= LOOK_EVERY_S
                and any(face.looks_here >= self._attention.params.look for face in look.faces)):
            self._looked_s = t
            self._step(LookedAt(t))

    def on_place(self, message: String) -> None:
        self._step(PlaceEntered(now(self.node), message.data))

    def on_corrections(self, request: Trigger.Request,
                       response: Trigger.Response) -> Trigger.Response:
        response.success, response.message = True, corrections.told(self._attention.learnt())
        return response

    def on_forget(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        learnt = self._attention.learnt()
        self._step(CorrectionsForgotten(now(self.node)))
        response.success = True
        response.message = f'forgotten: {corrections.told(learnt)}'
        return response

    # -- what corrections taught ------------------------------------------------------------------

    def keep(self) -> None:
        """After each step of the machine: shown and, where wanted, kept as soon as it changes."""
        learnt = self._attention.learnt()
        if learnt == self._known:
            return
        self._known = learnt
        self.health.values['learnt from corrections'] = corrections.told(learnt)
        try:
            if self._path is not None:
                corrections.keep(learnt, self._path)
            self.health.well('corrections')
        except OmniAgentError as error:
            self.health.trouble('corrections', WARN, str(error))

    def _restore(self) -> None:
        if self._path is None:
            return
        try:
            self._attention.restore(corrections.restore(self._path))
        except OmniAgentError as error:
            self.health.trouble('corrections', WARN, f'{error}; starting without any')
        self._known = self._attention.learnt()
        self.health.values['learnt from corrections'] = corrections.told(self._known)

    def _switch(self, mode: Mode) -> None:
        self._step(ModeWanted(now(self.node), mode.value))
        self._show(mode)

    def _show(self, mode: Mode | None = None) -> None:
        self.health.values['listens'] = (mode or self._attention.mode).value

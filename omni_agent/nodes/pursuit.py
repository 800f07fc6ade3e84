"""A goal of an action, from being sent to the server's last word on it; it can be held by a cancel
and sent again.
"""

from __future__ import annotations

import json
from enum import Enum

from action_msgs.msg import GoalStatus
from rclpy.action import ActionClient
from rclpy.action.client import ClientGoalHandle
from rclpy.task import Future

from omni_agent.core.acts import Key, SkillState, Told
from omni_agent.core.skills import Call

from .doing import FEEDBACK_S, SERVER_S, WAITS, Tell, as_json
from .interfaces import Data, data


class Wish(Enum):
    """What is to become of a goal."""

    REACHED = 'reached'
    HELD = 'held'                # cancelled, and sent again when it may go on
    CANCELLED = 'cancelled'


class Pursuing:
    """A goal of an action. Its end is what the server says it was."""

    def __init__(self, key: Key, call: Call, client: ActionClient, goal: object, tell: Tell,
                 t: float, hold_limit_s: float) -> None:
        self._key, self._client, self._goal, self._tell = key, client, goal, tell
        self._name = call.target_name()
        self._limit_s, self._hold_limit_s = call.skill.target.timeout_s, hold_limit_s
        self._due, self._server_due = t + self._limit_s, t + min(self._limit_s, SERVER_S)
        self._wish = Wish.REACHED
        self._sent: Future | None = None         # a goal that the server has not answered to
        self._handle: ClientGoalHandle | None = None
        self._is_withdrawn = self._is_overdue = False
        self._told_t, self._t, self._held_t = 0.0, t, t
        self._way_m: float | None = None
        self._was_sent = False
        self.tick(t)

    # -- what is wanted ---------------------------------------------------------------------------

    def hold(self, at_once: bool) -> None:
        self._wish, self._held_t = Wish.HELD, self._t
        self._withdraw()
        self._tell(Told(self._key, SkillState.HELD, WAITS))

    def resume(self) -> None:
        self._wish = Wish.REACHED
        self._tell(Told(self._key, SkillState.RUNNING))
        self.tick(self._t)

    def cancel(self) -> None:
        self._wish = Wish.CANCELLED
        self._withdraw()
        if self._handle is None and self._sent is None:
            self._tell(Told(self._key, SkillState.CANCELLED))

    def _withdraw(self) -> None:
        if self._handle is not None and not self._is_withdrawn:
            self._is_withdrawn = True
            self._handle.cancel_goal_async()

    def tick(self, t: float) -> None:
        self._t = t
        idle = self._sent is None and self._handle is None
        if idle and self._wish is Wish.REACHED and self._client.server_is_ready():
            self._send()
        elif idle and not self._was_sent and t > self._server_due:
            self._tell(
                Told(self._key, SkillState.FAILED,
                     f'there is no action server {self._name}: start its node'))
        elif idle and self._wish is Wish.HELD and t > self._held_t + self._hold_limit_s:
            self._tell(Told(self._key, SkillState.FAILED, 'somebody spoke for too long'))
        elif t > self._due and not self._is_overdue:
            self._is_overdue = True
            if self._handle is None:             # it never said whether it takes the goal
                self._tell(
                    Told(self._key, SkillState.FAILED,
                         f'{self._name} did not answer within {self._limit_s:g} s'))
            self.cancel()

    def _send(self) -> None:
        self._was_sent = True
        self._sent = self._client.send_goal_async(self._goal, self._on_feedback)
        self._sent.add_done_callback(self._on_response)

    # -- what the server says ---------------------------------------------------------------------

    def _on_response(self, future: Future) -> None:
        self._sent, handle = None, future.result()
        if not handle.accepted:
            self._tell(
                Told(self._key,
                     SkillState.CANCELLED if self._wish is Wish.CANCELLED else SkillState.FAILED,
                     f'{self._name} did not take the goal'))
            return
        self._handle, self._is_withdrawn = handle, False
        handle.get_result_async().add_done_callback(self._on_result)
        if self._wish is not Wish.REACHED:       # said before it was known whether there is a goal
            self._withdraw()

    def _on_feedback(self, message: object) -> None:
        if self._t - self._told_t < FEEDBACK_S or self._wish is not Wish.REACHED:
            return
        self._told_t = self._t
        feedback = data(message.feedback)
        self._tell(Told(self._key, SkillState.RUNNING, _words(feedback), self._share(feedback),
                        json.dumps(feedback, ensure_ascii=False)))

    def _share(self, feedback: dict[str, Data]) -> float:
        """Of the way, if it says how much is left."""
        left = feedback.get('distance_remaining')
        if not isinstance(left, (int, float)) or not left >= 0:
            return float('nan')
        if left > 0:                             # nav2 says 0 until its first path is there
            self._way_m = max(self._way_m or 0.0, left)
        return 1.0 - left / self._way_m if self._way_m else 0.0

    def _on_result(self, future: Future) -> None:
        self._handle, answer = None, future.result()
        if (answer.status == GoalStatus.STATUS_CANCELED and self._is_withdrawn
                and self._wish is not Wish.CANCELLED):
            self.tick(self._t)                   # held, or already to go on
            return
        result = as_json(answer.result)
        if answer.status == GoalStatus.STATUS_SUCCEEDED:
            told = Told(self._key, SkillState.SUCCEEDED, '', 1.0, result)
        elif answer.status == GoalStatus.STATUS_CANCELED and self._is_overdue:
            told = Told(self._key, SkillState.FAILED, f'it took longer than {self._limit_s:g} s',
                        result=result)
        elif answer.status == GoalStatus.STATUS_CANCELED:
            told = Told(self._key, SkillState.CANCELLED,
                        '' if self._is_withdrawn else 'somebody else cancelled it', result=result)
        else:
            told = Told(self._key, SkillState.FAILED, self._why(answer.result), result=result)
        self._tell(told)

    def _why(self, result: object) -> str:
        said = getattr(result, 'error_msg', '') or getattr(result, 'message', '')
        code = getattr(result, 'error_code', 0)
        return said or f'{self._name} gave up' + (f', error {code}' if code else '')


def _words(feedback: dict[str, Data]) -> str:
    left = feedback.get('distance_remaining')
    if isinstance(left, (int, float)) and left > 0:
        return f'{left:.1f} metres left'
    for name in ('message', 'status', 'text', 'state'):
        if isinstance(feedback.get(name), str) and feedback[name]:
            return str(feedback[name])
    return ''

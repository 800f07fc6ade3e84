"""A call of a service, from being sent to its answer. It cannot be taken back, only no longer be
waited for.
"""

from __future__ import annotations

from rclpy.client import Client
from rclpy.task import Future

from omni_agent.core.acts import Key, SkillState, Told
from omni_agent.core.skills import Call

from .doing import SERVER_S, Tell, as_json


class Asking:
    """One call; the server's own word says whether it worked."""

    def __init__(self, key: Key, call: Call, client: Client, request: object, tell: Tell,
                 t: float) -> None:
        self._key, self._client, self._request, self._tell = key, client, request, tell
        self._due = t + call.skill.target.timeout_s
        self._server_due = min(self._due, t + SERVER_S)
        self._future: Future | None = None
        self.tick(t)

    def hold(self, at_once: bool) -> None:
        pass

    def resume(self) -> None:
        pass

    def tick(self, t: float) -> None:
        if self._future is None and self._client.service_is_ready():
            self._future = self._client.call_async(self._request)
            self._future.add_done_callback(self._on_answer)
        elif self._future is None and t > self._server_due:
            self._tell(
                Told(self._key, SkillState.FAILED,
                     f'there is no service {self._client.srv_name}: start its node'))
        elif t > self._due:
            self._forget()
            self._tell(
                Told(self._key, SkillState.FAILED,
                     f'{self._client.srv_name} did not answer in time'))

    def _on_answer(self, future: Future) -> None:
        if future.cancelled():
            return
        answer = future.result()
        worked = getattr(answer, 'success', True)
        said = getattr(answer, 'message', '') or getattr(answer, 'status_message', '')
        self._tell(
            Told(self._key, SkillState.SUCCEEDED if worked else SkillState.FAILED, said or
                 ('' if worked else f'{self._client.srv_name} said no'), 1.0 if worked else 0.0,
                 as_json(answer)))

    def cancel(self) -> None:
        asked = self._future is not None
        self._forget()
        self._tell(Told(self._key, SkillState.CANCELLED,
                        f'but {self._client.srv_name} had been called already' if asked else ''))

    def _forget(self) -> None:
        if self._future is not None:
            self._client.remove_pending_request(self._future)
            self._future.cancel()

"""A node that a lifecycle manager (nav2's, ``ros2 lifecycle``) owns: its services and topic, and
what they make it do.

configure makes the box, which loads models and opens devices; activate wakes the node, deactivate
puts it to rest, cleanup closes the box. A transition is done between two callbacks, never within
one, and may take its time: the node answers meanwhile. (rclpy's LifecycleNode does it inside the
service's callback and drops exceptions unsaid.)
"""

from __future__ import annotations

import traceback
from typing import Callable, Protocol, Sequence

from lifecycle_msgs.msg import State as StateMsg
from lifecycle_msgs.msg import TransitionDescription, TransitionEvent
from lifecycle_msgs.srv import ChangeState, GetAvailableStates, GetAvailableTransitions, GetState
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.task import Future

from omni_agent.core.errors import OmniAgentError
from omni_agent.core.lifecycle import GRAPH, Lifecycle, State, Transition, Verdict

from .node import AgentNode
from .parameters import CLEAN_UP, declare, tuning


class Agent(Protocol):
    """A node in a box, so that the box can own threads. ``rest``, where there is one, ends what
    the box is doing; it is called before the node is put to rest, so it may still publish.
    """

    node: AgentNode

    def close(self) -> None: ...


class Managed:
    """Owned by the executor thread; call ``step`` after each of its turns."""

    def __init__(self, node: AgentNode, make: Callable[[], Agent],
                 parameters: Sequence[tuple[str, type]]) -> None:
        self._node, self._make, self._parameters = node, make, parameters
        self._lifecycle = Lifecycle()
        self._agent: Agent | None = None
        self._done: Future | None = None         # of the transition that is to be done
        self._do = {State.CONFIGURING: self._configure, State.ACTIVATING: self._activate,
                    State.DEACTIVATING: self._deactivate, State.CLEANING_UP: self._clean_up,
                    State.SHUTTING_DOWN: self._clean_up, State.ERROR_PROCESSING: self._clean_up}
        node.rest()
        with node.always():
            self._offer()
        self._kept = node.entities()
        self._open_parameters()

    def _offer(self) -> None:
        self._events = self._node.create_publisher(TransitionEvent, '~/transition_event', 10)
        for kind, name, callback in ((ChangeState, 'change_state', self._on_change_state),
                                     (GetState, 'get_state', self._on_get_state),
                                     (GetAvailableStates, 'get_available_states',
                                      self._on_get_states),
                                     (GetAvailableTransitions, 'get_available_transitions',
                                      self._on_get_transitions), (GetAvailableTransitions,
                                                                  'get_transition_graph',
                                                                  self._on_get_graph)):
            # a group that lets others in: change_state may wait for models
            self._node.create_service(kind, f'~/{name}', callback,
                                      callback_group=ReentrantCallbackGroup())

    def _open_parameters(self) -> None:
        """All of them are there and may be changed before anything is made of them."""
        tuning(self._node).remedy = CLEAN_UP
        tuning(self._node).begin(is_open=True)
        for prefix, params in self._parameters:
            declare(self._node, params, prefix)

    # -- what a manager asks ----------------------------------------------------------------------

    async def _on_change_state(self, request: ChangeState.Request,
                               response: ChangeState.Response) -> ChangeState.Response:
        wanted, state = request.transition, self._lifecycle.state
        begun = self._lifecycle.begin(wanted.id, wanted.label)
        if begun is None:
            self._node.get_logger().warning(
                f'transition {wanted.label or wanted.id} is none of an {state.label} node; there '
                + (f'is {", ".join(item.label for item in self._lifecycle.available())}' if state.
                   value < State.CONFIGURING.value else 'are others when this one has ended'))
            return response
        self._tell(begun)
        self._done = done = Future()
        response.success = await done is Verdict.SUCCESS
        return response

    def _on_get_state(self, request: GetState.Request,
                      response: GetState.Response) -> GetState.Response:
        response.current_state = _state(self._lifecycle.state)
        return response

    def _on_get_states(self, request: GetAvailableStates.Request,
                       response: GetAvailableStates.Response) -> GetAvailableStates.Response:
        response.available_states = [_state(state) for state in State]
        return response

    def _on_get_transitions(
            self, request: GetAvailableTransitions.Request,
            response: GetAvailableTransitions.Response) -> GetAvailableTransitions.Response:
        response.available_transitions = [_described(item) for item in self._lifecycle.available()]
        return response

    def _on_get_graph(
            self, request: GetAvailableTransitions.Request,
            response: GetAvailableTransitions.Response) -> GetAvailableTransitions.Response:
        response.available_transitions = [_described(item) for item in GRAPH]
        return response

    def _tell(self, gone: Transition) -> None:
        event = TransitionEvent(timestamp=self._node.get_clock().now().nanoseconds,
                                start_state=_state(gone.start), goal_state=_state(gone.goal))
        event.transition.id, event.transition.label = gone.id, gone.label
        self._events.publish(event)

    # -- what is done about it --------------------------------------------------------------------

    def step(self) -> None:
        """Begin, go on with or end what was asked for."""
        if self._done is None:
            return
        verdict = self._try(self._do[self._lifecycle.state])
        if verdict is None:
            return                               # models are being loaded
        self._tell(self._lifecycle.end(verdict))
        if verdict is Verdict.ERROR and self._lifecycle.state is State.ERROR_PROCESSING:
            self._tell(self._lifecycle.end(self._try(self._clean_up) or Verdict.FAILURE))
        done, self._done = self._done, None
        done.set_result(verdict)

    def _try(self, do: Callable[[], Verdict | None]) -> Verdict | None:
        try:
            return do()
        except Exception:  # a mistake of ours, for which a lifecycle has a state
            self._node.get_logger().error(traceback.format_exc())
            return Verdict.ERROR

    def _configure(self) -> Verdict | None:
        """Ends when every model is there, or one that the node cannot do without is not to be
        had.
        """
        try:
            if self._agent is None:
                tuning(self._node).begin(is_open=False)
                self._agent = self._make()
        except OmniAgentError as error:
            return self._not_configured(str(error))
        health = self._node.health
        if health is not None and health.failures:
            return self._not_configured('; '.join(health.failures))
        return None if health is not None and health.awaited else Verdict.SUCCESS

    def _not_configured(self, why: str) -> Verdict:
        self._node.get_logger().error(f'not configured: {why}')
        self._clean_up()
        return Verdict.FAILURE

    def _activate(self) -> Verdict:
        self._node.wake()
        return Verdict.SUCCESS

    def _deactivate(self) -> Verdict:
        rest = getattr(self._agent, 'rest', None)
        if self._node.active and rest is not None:
            rest()
        self._node.rest()
        return Verdict.SUCCESS

    def _clean_up(self) -> Verdict:
        self._deactivate()
        self.close()
        self._node.clear(self._kept)
        self._open_parameters()
        return Verdict.SUCCESS

    def close(self) -> None:
        agent, self._agent = self._agent, None
        if agent is not None:
            agent.close()


def _state(state: State) -> StateMsg:
    return StateMsg(id=state.value, label=state.label)


def _described(item: Transition) -> TransitionDescription:
    described = TransitionDescription(start_state=_state(item.start), goal_state=_state(item.goal))
    described.transition.id, described.transition.label = item.id, item.label
    return described

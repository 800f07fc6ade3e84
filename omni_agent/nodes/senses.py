"""A sense that can be attached and detached while the node runs: its topics and its models, which
really go.

The models are loaded and dropped each on its own worker thread; the executor thread owns
everything else.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Callable, Mapping

from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.node import Node
from rclpy.subscription import Subscription
from rclpy.task import Future
from std_srvs.srv import SetBool

from omni_agent.backends.resident import give_back, resident_mib
from omni_agent.core.errors import OmniAgentError, WireError

from .health import ERROR, WARN, Health
from .threads import Inbox, Worker, close_all


@dataclass(frozen=True)
class Ready:
    """A model is loaded, or is not, or failed later: ``error``."""

    part: str
    model: object = None
    error: OmniAgentError | None = None


@dataclass(frozen=True)
class Dropped:
    """The worker of ``part`` does nothing any more and holds no model."""

    part: str


@dataclass(frozen=True)
class GivenBack:
    """What nobody uses was given back to the system."""

    sense: str


class Sense:
    """``loaders`` make the models of the parts; ``subscribe`` opens the topics; ``take`` gets a
    model, or None for one that is gone. Feed it with every Ready, Dropped and GivenBack of its own
    (``knows``).
    """

    def __init__(self, node: Node, health: Health, inbox: Inbox, name: str,
                 loaders: Mapping[str, Callable[[],
                                                object]], subscribe: Callable[[],
                                                                              list[Subscription]],
                 take: Callable[[str, object], None], limit: int = 2) -> None:
        self.node, self.health, self.inbox, self.name = node, health, inbox, name
        self.attached = False
        self._loaders, self._subscribe, self._take = loaders, subscribe, take
        self._subscriptions: list[Subscription] = []
        self._awaited: set[str] = set()
        self._failed: list[str] = []
        self._waiting: Future | None = None
        self._leaving: dict[str, object] = {}
        self._models: dict[str, object] = {}
        self.workers = {
            part: Worker(part, lambda error, part=part: inbox.put(Ready(part, error=error)), limit)
            for part in loaders
        }
        # a group of its own: the answer waits for models, and nothing else may wait with it
        node.create_service(SetBool, f'~/{name}', self._on_call,
                            callback_group=MutuallyExclusiveCallbackGroup())

    def knows(self, part: str) -> bool:
        return part in self._loaders

    def attach(self) -> None:
        self.attached = True
        self._awaited, self._failed = set(self._loaders), []
        for part in self._loaders:
            self.health.trouble(part, WARN, 'loading')
            self.workers[part].submit(
                lambda part=part: self.inbox.put(Ready(part, self._loaders[part]())))
        self._subscriptions = self._subscribe()

    def detach(self) -> None:
        self.attached = False
        for subscription in self._subscriptions:
            self.node.destroy_subscription(subscription)
        self._subscriptions = []
        self._leaving, self._models = self._models, {}
        self._awaited, self._failed = set(self._loaders), []
        for part in self._loaders:
            self._take(part, None)
            self.health.well(part)
            self.workers[part].submit(lambda part=part: self._drop(part))

    def _drop(self, part: str) -> None:
        """Worker thread: what it did with the model is over."""
        _close(self._leaving.pop(part, None))
        self.inbox.put(Dropped(part))

    # -- what the workers say ---------------------------------------------------------------------

    def on_ready(self, result: Ready) -> None:
        if not self.attached:
            return                               # it was loaded when nobody wanted it any more
        if result.error is not None:
            level = WARN if isinstance(result.error, WireError) else ERROR
            self.health.trouble(result.part, level, str(result.error))
            if result.part in self._awaited:
                self._failed.append(str(result.error))
        else:
            self.health.well(result.part)
            self._models[result.part] = result.model
            self._take(result.part, result.model)
        self._arrived(result.part)

    def on_dropped(self, result: Dropped) -> None:
        self._awaited.discard(result.part)
        if not self._awaited:
            self.workers[result.part].submit(self._give_back)

    def _give_back(self) -> None:
        """Worker thread: this may take 0.1 s."""
        give_back()
        self.inbox.put(GivenBack(self.name))

    def on_given_back(self) -> None:
        self._done()

    def _arrived(self, part: str) -> None:
        self._awaited.discard(part)
        if not self._awaited:
            self._done()

    def _done(self) -> None:
        if self._waiting is not None:
            self._waiting.set_result(None)
            self._waiting = None

    # -- the service ------------------------------------------------------------------------------

    async def _on_call(self, request: SetBool.Request,
                       response: SetBool.Response) -> SetBool.Response:
        state = 'attached' if request.data else 'detached'
        before, began = resident_mib(), time.monotonic()
        if request.data == self.attached:
            response.success = True
            response.message = f'{self.name}: {state} already, {before:.1f} MiB'
            return response
        self._waiting = waiting = Future()
        if request.data:
            self.attach()
        else:
            self.detach()
        await waiting
        said = (f'{self.name}: {state}, {before:.1f} MiB before, {resident_mib():.1f} MiB after, '
                f'in {time.monotonic() - began:.2f} s')
        self.node.get_logger().info(said)
        response.success = not self._failed
        response.message = '; '.join((said, *self._failed))
        return response

    def close(self) -> None:
        close_all(self.workers.values())


def _close(model: object) -> None:
    """Networks on a GPU say themselves what they hold there; the rest goes with the last
    reference.
    """
    close = getattr(model, 'close', None)
    if close is not None:
        close()

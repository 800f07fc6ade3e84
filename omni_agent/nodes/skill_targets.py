"""Skills' topics, services and actions of any installed type.

Clients of all that the allow-list names are made at the start: they are discovered before they are
needed, and what is missing is known before somebody asks.
"""

from __future__ import annotations

from typing import Iterator

from rclpy.action import ActionClient
from rclpy.node import Node
from rclpy.publisher import Publisher

from omni_agent.core.acts import Key, SkillState, Told
from omni_agent.core.skills import Call, Skill, Skills, Source, TargetKind

from . import qos
from .asking import Asking
from .doing import Doing, Tell
from .interfaces import TargetError, fill, interface
from .pursuit import Pursuing
from .stamps import now, stamp


class Targets:
    """What can be reached at all; ``missing`` says of each other skill why not."""

    def __init__(self, node: Node, skills: Skills) -> None:
        self._node = node
        self._servers: dict[tuple[str, str], object] = {}    # (type, name)
        self.missing: dict[str, str] = {}                    # by skill
        self.velocities: dict[str, Publisher] = {}           # by topic: all that a ramp goes to
        for skill in skills:
            if skill.target.kind is not TargetKind.OWN:
                self._prepare(skill)

    def _prepare(self, skill: Skill) -> None:
        target = skill.target
        try:
            kind = interface(target.type)
            for name in _names(skill, target.name):
                if (target.type, name) not in self._servers:
                    self._servers[target.type, name] = self._made(target.kind, kind, name)
        except TargetError as error:
            self.missing[skill.name] = str(error)
            return
        if target.ramp:
            self.velocities.update(
                {name: self._servers[target.type, name]
                 for name in _names(skill, target.name)})

    def _made(self, kind: TargetKind, of: type, name: str) -> object:
        if kind is TargetKind.TOPIC:
            return self._node.create_publisher(of, name, qos.VELOCITY)
        return (self._node.create_client(of, name) if kind is TargetKind.SERVICE else ActionClient(
            self._node, of, name))

    def server(self, call: Call) -> object:
        """The publisher or client of a call; TargetError that says what to do where there is
        none.
        """
        if call.skill.name in self.missing:
            raise TargetError(self.missing[call.skill.name])
        return self._servers[call.skill.target.type, call.target_name()]

    def publisher(self, call: Call) -> Publisher:
        """One that somebody listens to."""
        found = self.server(call)
        if not found.get_subscription_count():
            raise TargetError(
                f'nobody listens to {found.topic_name}: start what drives the robot, or map the '
                'name'
            )
        return found

    def begin(self, key: Key, call: Call, tell: Tell, t: float,
              hold_limit_s: float) -> Doing | None:
        """None: it is over, and told. Of everything but a ramp."""
        kind = call.skill.target.kind
        if kind is TargetKind.TOPIC:
            publisher = self.publisher(call)
            publisher.publish(self.filled(call, publisher.msg_type()))
            tell(Told(key, SkillState.SUCCEEDED, progress=1.0))
            return None
        if kind is TargetKind.SERVICE:
            client = self.server(call)
            return Asking(key, call, client, self.filled(call, client.srv_type.Request()), tell, t)
        client = self.server(call)
        return Pursuing(key, call, client,
                        self.filled(call,
                                    interface(call.skill.target.type).Goal()), tell, t,
                        hold_limit_s)

    def filled(self, call: Call, message: object) -> object:
        fill(message, call.fields(), stamp(now(self._node)))
        return message

    def close(self) -> None:
        for server in self._servers.values():
            if isinstance(server, ActionClient):
                server.destroy()


def _names(skill: Skill, source: Source) -> Iterator[str]:
    """All that a call could name."""
    if not source.argument:
        yield str(source.literal)
        return
    for choice in skill.argument(source.argument).choices:
        yield str(choice.data[source.member] if source.member else choice.name)

"""How loud the voice is, as people ask for it: a parameter of the speaker node, which this
changes.
"""

from __future__ import annotations

from typing import Callable, Mapping

from rcl_interfaces.msg import Parameter, ParameterType, ParameterValue
from rcl_interfaces.srv import GetParameters, SetParameters
from rclpy.node import Node
from rclpy.task import Future

from omni_agent.core.skills import Scalar

NAME = 'volume'
STEP = 1.5               # 3.5 dB: clearly louder, and not twice as loud
# of who asks for less without a number: it would not hear itself asked for more
LEAST = 0.1
FAILED, LOUDEST = 'I could not change my voice.', 'I cannot speak any louder.'


class Loudness:
    """``tell`` says what went wrong."""

    def __init__(self, node: Node, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._get = node.create_client(GetParameters, 'speaker/get_parameters')
        self._set = node.create_client(SetParameters, 'speaker/set_parameters')

    def set(self, wanted: Mapping[str, Scalar]) -> None:
        """``volume`` [%], or ``change``: louder or quieter."""
        if not self._set.service_is_ready():
            self._tell(FAILED)
        elif 'volume' in wanted:
            self._write(float(wanted['volume']) / 100.0)
        elif 'change' in wanted:
            factor = STEP if wanted['change'] == 'louder' else 1.0 / STEP
            asked = self._get.call_async(GetParameters.Request(names=[NAME]))
            asked.add_done_callback(
                lambda done: self._change(done.result().values[0].double_value, factor))

    def _change(self, share: float, factor: float) -> None:
        if factor > 1.0 and share >= 1.0:
            self._tell(LOUDEST)
        else:
            self._write(max(LEAST, share * factor))

    def _write(self, share: float) -> None:
        value = ParameterValue(type=ParameterType.PARAMETER_DOUBLE, double_value=min(1.0, share))
        request = SetParameters.Request(parameters=[Parameter(name=NAME, value=value)])
        self._set.call_async(request).add_done_callback(self._done)

    def _done(self, done: Future) -> None:
        if not all(result.successful for result in done.result().results):
            self._tell(FAILED)

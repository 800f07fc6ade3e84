"""The only place that gets a robot talking again which has nothing to say: a typed wish, as an
operator types one.
"""

from __future__ import annotations

import time

QUIET_S = 0.5            # idle and silent for this long: nothing more will come of what was said
AGAIN_S = 6.0            # until a wish that was not granted is typed again
WISH = 'Tell me the story.'


class Prompter:
    """``take`` every record of the run; ``prompt`` some 20 times a second."""

    def __init__(self) -> None:
        self._agent, self._person = 'idle', 'quiet'
        self._since = time.monotonic()           # nothing has happened
        self._asked = 0.0
        self._open = False
        self._node = self._wishes = None

    def take(self, record: dict) -> None:
        if record['topic'] == 'agent_state':
            self._agent, self._person = record['agent'], record['person']
            self._since = time.monotonic()
        elif record['topic'] == 'playback' and record['state'] in ('started', 'playing'):
            self._since = time.monotonic()
        elif record['topic'] == 'meta':          # the curtain is up
            self._open = True

    def prompt(self) -> None:
        now = time.monotonic()
        if not self._open or self._agent != 'idle' or self._person == 'speaking':
            return
        if now - self._since >= QUIET_S and now - self._asked >= AGAIN_S:
            self._asked = now
            self._type(WISH)

    def _type(self, text: str) -> None:
        import rclpy
        from std_msgs.msg import String

        from omni_agent.nodes import qos

        if self._node is None:
            self._node = rclpy.create_node('prompter')
            self._wishes = self._node.create_publisher(String, 'typed', qos.PERCEPT)
            until = time.monotonic() + 2.0
            while not self._wishes.get_subscription_count() and time.monotonic() < until:
                time.sleep(0.02)
        self._wishes.publish(String(data=text))

    def close(self) -> None:
        """The stage has shut ROS down by now, or is about to; nothing is left to free but the
        names.
        """
        self._node = self._wishes = None

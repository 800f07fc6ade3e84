"""Quality of service, named once. Depths and policies are explained where they are not obvious."""

from __future__ import annotations

from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy


def _profile(depth: int, reliable: bool = True, latched: bool = False) -> QoSProfile:
    return QoSProfile(
        depth=depth, history=HistoryPolicy.KEEP_LAST,
        reliability=ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT,
        durability=DurabilityPolicy.TRANSIENT_LOCAL if latched else DurabilityPolicy.VOLATILE)


IMAGE_OUT = _profile(1)                     # reliable, so that rviz sees it (REP-2003)
IMAGE_IN = _profile(1, reliable=False)      # the newest picture wins
AUDIO = _profile(50)                        # 1 s of 20 ms blocks: a hole is half a word
PERCEPT = _profile(50)                      # never lose one
SPEECH_STATE = _profile(10)
# one second of what was seen: an event in it is told once
LOOK = _profile(10)
STATE = _profile(1, latched=True)           # a late joiner learns the epoch at once
REACT = _profile(1)                         # a newer intention replaces an unread one
SPEECH = _profile(100)                      # paced to 1.5 s ahead of playback, so 100 never fills
PLAYBACK = _profile(10)
ROUTE = _profile(10)                        # one or two an answer
# steps come in bursts, and a hole ends what can be replayed
TRACE = _profile(100)
ACT = _profile(16)                          # a whole plan
SKILL_STATE = _profile(10)
INTENT = _profile(10)
VELOCITY = _profile(1)                      # the newest wins; reliable reaches every kind of base
ODOMETRY = _profile(10)
TRANSFORM = _profile(100)                   # as tf2_ros has it

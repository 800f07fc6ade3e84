"""Unix seconds <-> builtin_interfaces/Time, and the agent's clock."""

from __future__ import annotations

from builtin_interfaces.msg import Time
from rclpy.clock import Clock, ClockType
from rclpy.node import Node


def stamp(t: float) -> Time:
    """Unix seconds -> message time."""
    nanoseconds = max(0, round(t * 1e9))
    return Time(sec=nanoseconds // 1_000_000_000, nanosec=nanoseconds % 1_000_000_000)


def seconds(time: Time) -> float:
    """Message time -> Unix seconds."""
    return time.sec + time.nanosec * 1e-9


def pace(node: Node) -> Clock:
    """What timers go by: not the wall clock, as by one set back by an hour they rest for one."""
    simulated = node.get_parameter('use_sim_time').value
    return node.get_clock() if simulated else Clock(clock_type=ClockType.STEADY_TIME)


def now(node: Node) -> float:
    """The node's ROS clock in seconds (Unix time unless use_sim_time)."""
    return node.get_clock().now().nanoseconds * 1e-9

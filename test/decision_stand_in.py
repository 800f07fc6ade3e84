"""A process in the place of the decision node: alive by its heartbeat, until it is killed or
stopped.
"""

from __future__ import annotations

import rclpy
from rclpy.executors import SingleThreadedExecutor

from omni_agent.nodes.heartbeat import Heartbeat


def main() -> None:
    rclpy.init()
    node = rclpy.create_node('decision')
    Heartbeat(node)
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    print('alive', flush=True)
    while True:
        executor.spin_once(timeout_sec=1.0)


if __name__ == '__main__':
    main()

"""The simulated robot as a process: topics, bumper, map, and its navigator as a client sees it."""

from __future__ import annotations

import math

import pytest

from ros_bench import Bench, Heard

from action_msgs.msg import GoalStatus
from geometry_msgs.msg import TwistStamped
from nav_msgs.msg import OccupancyGrid, Odometry
from rclpy.action import ActionClient
from std_msgs.msg import Bool

from omni_agent.nodes import qos


class Body:
    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.odometry: Heard = bench.listen(Odometry, 'odom', 10)
        self.bumper: Heard = bench.listen(Bool, 'bumper', qos.STATE)
        self.map: Heard = bench.listen(OccupancyGrid, 'map', qos.STATE)
        self.velocity = bench.publisher(TwistStamped, 'cmd_vel', qos.VELOCITY)
        self.process = bench.start('simulated_robot', stamped=True, walls='1 -1 1 1',
                                   navigator__blocked_s=0.5)
        bench.matched('simulated_robot', publishers=(self.velocity,), topics=('odom', 'map'))

    @property
    def x(self) -> float:
        self.odometry.forget()
        self.bench.until(lambda: self.odometry, 'odometry')
        return self.odometry[-1].pose.pose.position.x

    def command(self, speed: float) -> None:
        message = TwistStamped()
        message.twist.linear.x = speed
        self.velocity.publish(message)


@pytest.fixture(scope='module')
def body(bench: Bench) -> Body:
    return Body(bench)


def test_it_drives_only_as_long_as_it_is_told_to_and_its_odometry_says_so(body: Body) -> None:
    before = body.x
    body.command(0.2)
    body.bench.until(lambda: body.odometry[-1].twist.twist.linear.x > 0.1, 'it drives')
    body.bench.until(lambda: body.odometry[-1].twist.twist.linear.x == 0.0, 'it stops by itself')
    assert 0.01 < body.x - before < 0.2
    newest = body.odometry[-1]
    assert (newest.header.frame_id, newest.child_frame_id) == ('odom', 'base_link')
    assert newest.pose.pose.orientation.w == pytest.approx(1.0)


def test_its_frames_lead_from_the_map_over_its_odometry_to_its_camera(body: Body) -> None:
    tf2 = pytest.importorskip('tf2_msgs.msg', reason='tf2_msgs is not installed')
    moving: Heard = body.bench.listen(tf2.TFMessage, 'tf', 100)       # as tf2_ros listens
    fixed: Heard = body.bench.listen(tf2.TFMessage, 'tf_static', qos.STATE)
    body.bench.until(lambda: moving and fixed, 'its transforms')
    still = {
        one.child_frame_id: (one.header.frame_id, one.transform)
        for one in fixed[0].transforms
    }
    assert {child: parent for child, (parent, _) in still.items()
            } == {'odom': 'map', 'camera_optical': 'base_link'}
    lens = still['camera_optical'][1].rotation
    # z of an optical frame is forward: x of the base
    assert (2 * (lens.x * lens.z + lens.w * lens.y), 2 * (lens.y * lens.z - lens.w * lens.x),
            1 - 2 * (lens.x**2 + lens.y**2)) == pytest.approx((1.0, 0.0, 0.0))
    newest, same = body.bench.until(
        lambda: [(one.transforms[0], other) for one in moving for other in body.odometry
                 if one.transforms[0].header.stamp == other.header.stamp],
        'a transform and the odometry of the same moment')[-1]
    assert (newest.header.frame_id, newest.child_frame_id) == ('odom', 'base_link')
    place, turned = newest.transform.translation, newest.transform.rotation
    assert (place.x, place.y, turned.z, turned.w) == (
        same.pose.pose.position.x, same.pose.pose.position.y, same.pose.pose.orientation.z,
        same.pose.pose.orientation.w)


def test_its_bumper_touches_the_wall_that_its_map_shows(body: Body) -> None:
    def drive_on() -> bool:
        body.command(0.5)
        return bool(body.bumper and body.bumper[-1].data)

    body.bench.until(drive_on, 'it touches the wall')
    assert body.x == pytest.approx(1.0 - 0.18, abs=0.02)
    grid = body.bench.until(lambda: body.map, 'the map')[0]
    taken = [index % grid.info.width for index, cell in enumerate(grid.data) if cell > 50]
    assert ({
        round(grid.info.origin.position.x + (column + 0.5) * grid.info.resolution, 1)
        for column in taken
    } == {1.0})


def test_its_navigator_takes_feeds_back_gives_up_and_ends_as_nav2_does(body: Body) -> None:
    action = pytest.importorskip('nav2_msgs.action',
                                 reason='nav2_msgs is not installed').NavigateToPose
    client = ActionClient(body.bench.node, action, 'navigate_to_pose')
    body.bench.until(client.server_is_ready, 'its action server')
    feedback: list[object] = []

    def pursue(x: float, y: float, frame: str = 'map') -> tuple[int, object]:
        goal = action.Goal()
        goal.pose.header.frame_id = frame
        goal.pose.pose.position.x, goal.pose.pose.position.y = x, y
        goal.pose.pose.orientation.w = 1.0
        sent = client.send_goal_async(goal, feedback.append)
        body.bench.until(sent.done, 'its answer')
        if not sent.result().accepted:
            return -1, None
        result = sent.result().get_result_async()
        body.bench.until(result.done, 'the end of the goal')
        return result.result().status, result.result().result

    status, _ = pursue(0.0, 0.3)
    assert (status == GoalStatus.STATUS_SUCCEEDED and math.dist(
        (body.x, body.odometry[-1].pose.pose.position.y), (0.0, 0.3)) < 0.1)
    left = [one.feedback.distance_remaining for one in feedback]
    assert len(left) >= 2 and left[0] > left[-1]
    status, result = pursue(1.0, 0.0)
    assert status == GoalStatus.STATUS_ABORTED and result.error_msg == 'no way leads there'
    assert pursue(0.0, 0.0, frame='gripper') == (-1, None)
    assert pursue(math.nan, 0.0) == (-1, None)
    client.destroy()


def test_walls_that_are_none_end_the_node_with_what_to_write(bench: Bench) -> None:
    process = bench.start('simulated_robot', walls='house', arguments=('-r', '__node:=other'))
    bench.until(lambda: process.pid is None, 'its end')
    assert process.code == 2 and 'x0 y0 x1 y1' in process.words

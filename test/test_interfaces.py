"""Messages of any installed type, filled by field names: what fits, what does not, and what is
told of it.
"""

from __future__ import annotations

import json
import math

import pytest

pytest.importorskip('rclpy', reason='needs ROS 2: make setup')

from builtin_interfaces.msg import Time  # noqa: E402
from geometry_msgs.msg import PoseArray, PoseStamped, Twist, TwistStamped, Wrench  # noqa: E402
from sensor_msgs.msg import JointState  # noqa: E402
from std_msgs.msg import Bool, Int8, String, UInt8  # noqa: E402
from std_srvs.srv import SetBool  # noqa: E402
from trajectory_msgs.msg import JointTrajectory  # noqa: E402

from omni_agent.backends import skills  # noqa: E402
from omni_agent.core.skill_check import check  # noqa: E402
from omni_agent.nodes.interfaces import TargetError, data, fill, interface  # noqa: E402

NOW = Time(sec=5, nanosec=7)


def test_a_type_is_found_by_its_name() -> None:
    assert (interface('geometry_msgs/msg/Twist') is Twist
            and interface('std_srvs/srv/SetBool') is SetBool)


def test_a_package_that_is_not_installed_says_what_to_install() -> None:
    with pytest.raises(TargetError, match='drone_msgs is not installed.*drone-msgs'):
        interface('drone_msgs/action/Fly')
    with pytest.raises(TargetError, match='no msg called Twister'):
        interface('geometry_msgs/msg/Twister')


def test_nested_fields_lists_and_headers_are_filled() -> None:
    pose = PoseStamped()
    fill(pose, {'header.frame_id': 'map', 'pose.position.x': 2, 'pose.orientation.w': 0.5}, NOW)
    assert ((pose.header.frame_id, pose.header.stamp, pose.pose.position.x,
             pose.pose.orientation.w) == ('map', NOW, 2.0, 0.5))
    arm = JointTrajectory()
    fill(arm, {
        'joint_names.0': 'shoulder',
        'points.1.positions.2': 0.25,
        'points.1.time_from_start.sec': 2.0
    }, NOW)
    assert list(arm.joint_names) == ['shoulder'] and len(arm.points) == 2
    assert (list(arm.points[1].positions) == [0.0, 0.0, 0.25]
            and arm.points[1].time_from_start.sec == 2)
    joints = JointState()
    fill(joints, {'position.0': 1}, NOW)
    assert list(joints.position) == [1.0] and joints.header.stamp == NOW


@pytest.mark.parametrize(('message', 'path', 'value'),
                         [(Twist(), 'linear.up', 1.0), (Twist(), 'linear', 1.0),
                          (Twist(), 'linear.x.y', 1.0), (Twist(), 'linear.x', 'fast'),
                          (Int8(), 'data', 300), (Int8(), 'data', 0.5), (UInt8(), 'data', -1),
                          (JointState(), 'position', 1.0), (JointState(), 'position.x', 1.0),
                          (JointState(), 'position.99999', 1.0), (PoseArray(), 'poses.0', 1.0)])
def test_what_does_not_fit_is_refused_with_the_field_and_never_guessed(
        message: object, path: str, value: object) -> None:
    with pytest.raises(TargetError, match=path.split('.')[0]):
        fill(message, {path: value}, NOW)


def test_numbers_texts_and_flags_become_what_the_field_is() -> None:
    text, flag, whole = String(), Bool(), Int8()
    fill(text, {'data': 3.0}, NOW)
    fill(flag, {'data': True}, NOW)
    fill(whole, {'data': 3.0}, NOW)
    assert (text.data, flag.data, whole.data) == ('3', True, 3)


def test_an_answer_is_told_as_plain_data() -> None:
    said = data(SetBool.Response(success=True, message='lit'))
    assert json.dumps(said) == '{"success": true, "message": "lit"}'
    assert data(JointState(position=[0.5]))['position'] == [0.5]
    assert 'position' not in data(JointState(position=[0.0] * 100))


@pytest.mark.parametrize('kind', [Twist, TwistStamped, Wrench])
def test_every_number_of_a_new_message_is_zero_so_it_is_a_stop(kind: type) -> None:
    def numbers(value: object) -> list[float]:
        if isinstance(value, dict):
            return [number for part in value.values() for number in numbers(part)]
        return [value] if isinstance(value, float) else []
    assert set(numbers(data(kind()))) == {0.0}


def test_the_shipped_skills_fit_the_types_that_they_name() -> None:
    for skill in skills.load('simulated'):
        call = check(skills.load('simulated'), skill.name, _arguments(skill.name))
        if (not skill.target.type or not hasattr(call, 'fields')
                or skill.target.type.startswith('nav2_msgs')):
            continue
        found = interface(skill.target.type)
        message = found.Request() if '/srv/' in skill.target.type else found()
        fields = dict(call.fields())
        if (course := call.course()) is not None:
            fields[course.field] = course.speed
            assert math.isfinite(course.total_s)
        fill(message, fields, NOW)


def _arguments(name: str) -> str:
    return {'look_at': '{"direction": "left"}', 'go_to': '{"place": "kitchen"}'}.get(name, '{}')

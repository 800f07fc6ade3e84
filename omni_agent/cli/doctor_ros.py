"""The ROS environment: which ROS, who is heard, how pictures travel, and whether our messages
fit.
"""

from __future__ import annotations

import os
import shutil
import sys
import xml.etree.ElementTree as xml
from pathlib import Path
from typing import Iterator, Sequence

import omni_agent
from omni_agent.cli import doctor_segments
from omni_agent.cli.doctor_probe import Wanted
from omni_agent.cli.supervisor import HOME
from omni_agent.cli.up import require_ros
from omni_agent.core.checkup import Finding, note, ok, split, wrong
from omni_agent.core.errors import ConfigError
from omni_agent.ros_env import INTERFACES, LOOPBACK

PROFILES = ('FASTRTPS_DEFAULT_PROFILES_FILE', 'FASTDDS_DEFAULT_PROFILES_FILE')
PICTURES = 4 * 2 ** 20          # [bytes] a segment that holds four raw VGA pictures
SHARED = Path('/dev/shm')
MIB = 2 ** 20
SHOWN = 4                       # files to remove that are named
SHARED_FREE = 256 * 2 ** 20     # [bytes] what six nodes write, with a camera of 1280 x 720
# domain ids: above the first, ports may be taken; above the second there are none
EPHEMERAL, LAST = 101, 232


def findings(wanted: Wanted) -> Iterator[Finding]:
    yield _python()
    yield _distribution()
    if trouble := unusable():
        yield trouble
        return
    import rclpy
    yield _middleware(rclpy.get_rmw_implementation_identifier())
    yield domain(os.environ.get('ROS_DOMAIN_ID', ''))
    yield reach(os.environ, wanted.added)
    yield _profile(wanted.added)
    yield from _shared_memory()
    yield messages(HOME / INTERFACES)


def unusable() -> Finding | None:
    """What keeps this Python from talking ROS at all."""
    asked = os.environ.get('RMW_IMPLEMENTATION', '')
    if asked and not any(Path(prefix, 'share', asked).is_dir()
                         for prefix in os.environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep)):
        return wrong(
            'middleware', f'RMW_IMPLEMENTATION is {asked}, which is not installed',
            f'apt-get install ros-$ROS_DISTRO-{asked.replace("_", "-")}, or unset '
            'RMW_IMPLEMENTATION'
        )
    try:
        require_ros()
        import omni_agent_msgs.msg
        import rclpy  # noqa: F401 - whether it can be
        assert omni_agent_msgs.msg
    except ConfigError as error:
        return wrong('rclpy', *split(str(error)))
    except ImportError as error:
        return wrong(
            'rclpy', f'it cannot be imported ({error})',
            'use the Python that this ROS was built for, and source '
            'the workspace in which omni_agent_msgs was built')
    return None


def _python() -> Finding:
    version = '.'.join(map(str, sys.version_info[:3]))
    return ok('python', f'{version} in {sys.prefix}')


def _distribution() -> Finding:
    sourced, prefixes = os.environ.get('ROS_DISTRO', ''), os.environ.get('AMENT_PREFIX_PATH', '')
    if sourced:
        return ok('distribution', f'{sourced}, sourced')
    if Path(sys.prefix, 'share', 'rclpy').is_dir():
        return ok('distribution', 'wheels in the virtual environment')
    return note('distribution', f'no ROS is sourced (AMENT_PREFIX_PATH {prefixes or "is empty"})',
                'source /opt/ros/$ROS_DISTRO/setup.bash, or make setup')


def _middleware(name: str) -> Finding:
    if 'fastrtps' in name:
        return ok('middleware', name)
    return note('middleware', f'{name}: it works, but config/fastdds_shm.xml is not for it',
                'see that pictures arrive: ros2 topic hz image_raw')


def domain(text: str) -> Finding:
    if not text:
        return ok('domain', '0, as everybody has it')
    if not text.isdigit() or int(text) > LAST:
        return wrong('domain', f'ROS_DOMAIN_ID is {text!r}',
                     f'give it a number from 0 to {EPHEMERAL}')
    if int(text) > EPHEMERAL:
        return note('domain', f'{text}: its ports may be taken by other programs',
                    f'use one up to {EPHEMERAL}')
    return ok('domain', text)


def reach(environ: os._Environ[str] | dict[str, str], added: tuple[str, ...]) -> Finding:
    """Who is found, and finds us."""
    by = ('set by omni-agent' if
          {'ROS_AUTOMATIC_DISCOVERY_RANGE', 'ROS_LOCALHOST_ONLY'} & set(added) else 'set by you')
    span = (environ.get('ROS_AUTOMATIC_DISCOVERY_RANGE') or
            (LOOPBACK if environ.get('ROS_LOCALHOST_ONLY') == '1' else ''))
    if span == LOOPBACK:
        return ok('reach', f'this machine only ({by})')
    if span == 'OFF':
        return wrong('reach', 'discovery is off: no node finds another',
                     'set ROS_AUTOMATIC_DISCOVERY_RANGE=LOCALHOST')
    return note('reach',
                f'{span or "SUBNET"} ({by}): every machine of the network hears and can speak',
                'one domain a robot, or ROS_AUTOMATIC_DISCOVERY_RANGE=LOCALHOST')


def _profile(added: tuple[str, ...]) -> Finding:
    given = next((os.environ[name] for name in PROFILES if os.environ.get(name)), '')
    if not given:
        return note(
            'transport', 'no Fast DDS profile: its default shared memory holds half a VGA picture',
            'export FASTRTPS_DEFAULT_PROFILES_FILE=$(ros2 pkg prefix --share '
            'omni_agent)/config/fastdds_shm.xml'
        )
    by = 'set by omni-agent' if set(PROFILES) & set(added) else 'set by you'
    return transport(Path(given), by)


def transport(file: Path, by: str) -> Finding:
    try:
        root = xml.parse(file).getroot()
    except (OSError, xml.ParseError) as error:
        return wrong('transport', f'{file} cannot be read ({error})',
                     'name a Fast DDS profile, or unset the variable')
    sizes = [int(node.text or 0) for node in root.iter() if node.tag.endswith('segment_size')]
    if not sizes or max(sizes) < PICTURES:
        return note('transport', f'{file} ({by}) leaves little shared memory for pictures',
                    'give it a segment_size of 67108864, as config/fastdds_shm.xml does')
    return ok('transport', f'{file.name} ({by}), {max(sizes) >> 20} MiB of shared memory a node')


def _shared_memory() -> Iterator[Finding]:
    try:
        usage = shutil.disk_usage(SHARED)
        segments = doctor_segments.find(SHARED)
    except OSError as error:
        yield wrong('shared memory', f'{SHARED} cannot be used ({error.strerror})',
                    'mount a tmpfs there')
        return
    if usage.free < SHARED_FREE:
        yield wrong(
            'shared memory', f'{usage.free >> 20} of {usage.total >> 20} MiB free in {SHARED}',
            'in a container start it with --shm-size=1g; else see what dead nodes left, below')
    else:
        yield ok('shared memory',
                 f'{usage.free >> 20} of {usage.total >> 20} MiB free in {SHARED}')
    yield left_behind(segments, SHARED)


def left_behind(segments: doctor_segments.Segments, folder: Path) -> Finding:
    """What processes that were killed could not remove."""
    dead = (*segments.leftovers, *segments.lockless)
    if not dead:
        return ok('left behind', f'nothing: {_amount(segments.used)} of Fast DDS in {folder}, all '
                  'in use')
    mends = ['fastdds shm clean (it leaves alone what is in use)'] if segments.leftovers else []
    if segments.lockless:
        paths = ' '.join(str(file) for one in segments.lockless[:SHOWN] for file in one.files)
        more = len(segments.lockless) - SHOWN
        mends.append(f'rm {paths}' + (f', and {more} more without a lock file' * (more > 0)))
    return note('left behind', f'{_amount(dead)} in {folder} of processes that were killed '
                f'(in use: {_amount(segments.used)})', '; '.join(mends))


def _amount(segments: Sequence[doctor_segments.Segment]) -> str:
    files = sum(len(one.files) for one in segments)
    size = sum(one.size for one in segments) / MIB
    return f'{files} file{"s" * (files != 1)} with {size:.1f} MiB'


def messages(sources: Path) -> Finding:
    """Whether the compiled messages are those that this package was written for."""
    import omni_agent_msgs
    built = next((Path(prefix, 'share', INTERFACES)
                  for prefix in os.environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep)
                  if Path(prefix, 'share', INTERFACES, 'package.xml').is_file()), None)
    where = Path(omni_agent_msgs.__path__[0])
    mend = ('make setup in the checkout, or colcon build both packages and source '
            'install/setup.bash')
    if built is None:
        return note('messages', f'{where}, but their package is not on AMENT_PREFIX_PATH', mend)
    if sources.is_dir():
        stale = [
            file.name for kind in ('msg', 'srv', 'action')
            for file in sorted((sources / kind).glob(f'*.{kind}'))
            if not _same(file, built / kind / file.name)
        ]
        if stale:
            return wrong('messages', f'{", ".join(stale)} in {built} differ from {sources}', mend)
    version = xml.parse(built / 'package.xml').getroot().findtext('version')
    if version != omni_agent.__version__:
        return wrong(
            'messages',
            f'version {version} in {built}, while this is omni_agent {omni_agent.__version__}',
            mend)
    return ok('messages', f'{INTERFACES} {version} in {built}')


def _same(source: Path, built: Path) -> bool:
    return (built.is_file() and source.read_text(encoding='utf-8').split()
            == built.read_text(encoding='utf-8').split())

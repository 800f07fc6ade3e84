"""Which ROS is used, and what follows from it: a pure function of what the machine looks like."""

from __future__ import annotations

from dataclasses import dataclass

from . import SetupError

OLDEST, NEWEST = (3, 10), (3, 14)      # Pythons that this package is for
WHEEL_MACHINE = 'x86_64'               # the ROS wheels exist for nothing else
WHEEL_GLIBC = (2, 28)                  # manylinux_2_28
NUMPY_1_UNTIL = (3, 12)                # the last Python that numpy 1 was built for


@dataclass(frozen=True)
class Machine:
    """What was found. ``distro`` and ``prefixes`` come from the environment of a sourced ROS."""

    system: str                      # 'Linux'
    machine: str                     # 'x86_64', 'aarch64'
    python: tuple[int, int]
    glibc: tuple[int, int]           # (0, 0) = another libc
    distro: str = ''
    prefixes: tuple[str, ...] = ()
    has_rclpy: bool = False          # with the Python that runs the set-up
    has_messages: bool = False       # omni_agent_msgs, with the same
    numpy_major: int = 0             # 0 = that Python has none


@dataclass(frozen=True)
class Plan:
    """Where ROS comes from and which requirement files belong to that."""

    wheels: bool                     # else: the ROS that is installed here
    build_messages: bool
    requirements: tuple[str, ...]

    @property
    def system_site_packages(self) -> bool:
        return not self.wheels


def choose(machine: Machine) -> Plan:
    """Raises SetupError with what to do when neither way is open."""
    if not OLDEST <= machine.python <= NEWEST:
        raise SetupError(f'Python {_dots(machine.python)} is not supported: use one from '
                         f'{_dots(OLDEST)} to {_dots(NEWEST)}, for example '
                         '"make PYTHON=python3.12 demo".')
    if machine.distro and machine.prefixes:
        return _installed(machine)
    _check_wheels_exist(machine)
    return Plan(True, True, ('ros-jazzy.txt', 'numpy-2.txt', 'runtime.txt'))


def _installed(machine: Machine) -> Plan:
    if not machine.has_rclpy:
        raise SetupError(
            f'ROS 2 {machine.distro} is sourced, but Python {_dots(machine.python)} cannot import '
            'its rclpy: run make with the Python that ROS was built for ("make '
            'PYTHON=/usr/bin/python3 demo"), or use a shell in which ROS is not sourced, and ROS '
            'wheels are installed instead.')
    numpy_1 = machine.numpy_major == 1 and machine.python <= NUMPY_1_UNTIL
    return Plan(False, not machine.has_messages,
                ('numpy-1.txt' if numpy_1 else 'numpy-2.txt', 'runtime.txt'))


def _check_wheels_exist(machine: Machine) -> None:
    install = ('Install ROS 2 (https://docs.ros.org/en/jazzy/Installation.html), source its '
               'setup.bash and run the same again: an installed ROS is used.')
    if machine.system != 'Linux' or machine.machine != WHEEL_MACHINE:
        raise SetupError('No ROS 2 is sourced, and the ROS wheels exist for Linux on '
                         f'{WHEEL_MACHINE} only, not for {machine.system} on {machine.machine}. '
                         f'{install}')
    if machine.glibc < WHEEL_GLIBC:
        raise SetupError('No ROS 2 is sourced, and the ROS wheels need glibc '
                         f'{_dots(WHEEL_GLIBC)} (Debian 10, Ubuntu 20.04) or newer. {install}')


def _dots(version: tuple[int, int]) -> str:
    return '.'.join(map(str, version))

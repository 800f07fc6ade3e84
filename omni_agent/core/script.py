"""The only place that decides when a scripted person speaks, from what can be heard in the room.

Sans I/O: time is an argument, in seconds of any clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Sequence, Union

from omni_agent.core.scenario import Expect, Line, Scenario

PAUSE_S = 0.6            # a shorter silence is a breath within the robot's speech, not its end
REPLY_S = 0.2            # less sound than this after a line is the tail of what was said before it


@dataclass(frozen=True)
class Said:
    """Line ``index`` starts now."""

    index: int


@dataclass(frozen=True)
class Missed:
    """The trigger of line ``index`` has not come in time."""

    index: int


@dataclass(frozen=True)
class Over:
    """Nobody will say anything any more. ``reason`` is 'script' or 'duration'."""

    reason: str


ScriptEvent = Union[Said, Missed, Over]


class RobotEar:
    """When the robot spoke and fell silent, as far as can be heard, since a line ended."""

    def __init__(self, now: float) -> None:
        self.forget(now)

    def forget(self, now: float) -> None:
        """A line has ended: triggers count from here."""
        self._begin = now
        self._last_audible: float | None = None
        self._run_began: float | None = None
        self._audible_s = 0.0
        self._now = now

    def step(self, now: float, audible: bool) -> None:
        if audible:
            if self._last_audible is None or now - self._last_audible > PAUSE_S:
                self._run_began = now
            self._last_audible = now
            self._audible_s += max(0.0, now - self._now)
        self._now = now

    @property
    def has_replied(self) -> bool:
        return self._audible_s >= REPLY_S

    @property
    def silent_s(self) -> float:
        return self._now - (self._begin if self._last_audible is None else self._last_audible)

    @property
    def speaking_s(self) -> float:
        if self._last_audible is None or self._now - self._last_audible > PAUSE_S:
            return 0.0
        assert self._run_began is not None
        return self._now - self._run_began


class Script:
    """Walks through the lines of a scenario. ``durations`` [s] are those of its recordings."""

    def __init__(self, scenario: Scenario, durations: Sequence[float], now: float,
                 first: int = 0) -> None:
        self._scenario = scenario
        self._durations = durations
        self._deadline = now + scenario.duration_s
        self._index = first
        self._ended = now                      # when the previous line ended
        self._speaking_until: float | None = None
        self._expect = Expect.NONE             # of the previous line
        self._ear = RobotEar(now)
        self._over = False

    def step(self, now: float, robot_audible: bool) -> list[ScriptEvent]:
        """``robot_audible``: its voice can be heard in the room now. Call at least every 50 ms."""
        if self._over:
            return []
        if now >= self._deadline:
            return [self._finish('duration')]
        if self._speaking_until is not None:
            if now < self._speaking_until:
                return []
            self._line_ended(self._speaking_until)
        self._ear.step(now, robot_audible)
        if self._index == len(self._scenario.lines):
            return self._end(now)
        return self._next(now, self._scenario.lines[self._index])

    def _next(self, now: float, line: Line) -> list[ScriptEvent]:
        if self._is_due(now, line):
            said = Said(self._index)
            self._speaking_until = now + self._durations[self._index]
            self._expect = line.expect
            self._index += 1
            return [said]
        if now - self._ended > line.within_s:
            missed = Missed(self._index)
            self._index += 1
            self._expect = Expect.NONE         # what was not said is not answered
            self._line_ended(now)
            return [missed]
        return []

    def _is_due(self, now: float, line: Line) -> bool:
        if now - self._ended < line.after_s:
            return False
        if line.robot_speaking_s is not None:
            return self._ear.speaking_s >= line.robot_speaking_s
        if line.robot_silent_s is not None:
            return self._is_silent_for(line.robot_silent_s)
        return True

    def _is_silent_for(self, seconds: float) -> bool:
        """A robot that still thinks about its reply is silent too: that does not count."""
        if self._expect.wants_reply and not self._ear.has_replied:
            return False
        return self._ear.silent_s >= seconds

    def _line_ended(self, when: float) -> None:
        self._speaking_until = None
        self._ended = when
        self._ear.forget(when)

    def _end(self, now: float) -> list[ScriptEvent]:
        """A last reply may be heard to its end; one that never comes is waited for like a line."""
        waited = now - self._ended
        if waited < self._scenario.tail_s:
            return []
        if self._expect in (Expect.IGNORED, Expect.SILENCES, Expect.NONE) \
                or self._is_silent_for(self._scenario.tail_s) or waited > Line.within_s:
            return [self._finish('script')]
        return []

    def _finish(self, reason: str) -> Over:
        self._over = True
        return Over(reason)

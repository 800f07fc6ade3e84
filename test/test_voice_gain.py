"""The voice gives way and comes back: smoothly, and always where no newer epoch takes over."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from conversation_simulator import ENGLISH
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from omni_agent.core import audio
from omni_agent.core.addressee import Addressee, AddresseeParams
from omni_agent.core.audio import (
    CLEARLY_LOWERED,
    FULL_SCALE,
    LOWERED,
    RAMP_DOWN,
    RAMP_UP,
    RATE,
    Playout,
)
from omni_agent.core.epoch import Admission, EpochGate
from omni_agent.core.events import (
    Event,
    HushRequested,
    Interrupt,
    Played,
    Playing,
    SpeechStarted,
    SpeechStopped,
    Tick,
    Transcript,
    Typed,
)
from omni_agent.core.turn import TurnMachine
from omni_agent.core.turn_states import TurnParams

BLOCK = 320
EPOCH = 1_000
DUCK_LIMIT_S = 2.0
STEP_DOWN, STEP_UP = (
    1.0 - LOWERED ** (1 / RAMP_DOWN),
    (1.0 - LOWERED) / RAMP_UP,
)  # even in dB, and linear
HALF_LSB = 1.5 / FULL_SCALE  # samples are cut to int16, the truth and its copy
FAST = settings(
    max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
Wish = tuple[int, bool]  # a block of that size is taken, then the voice is wished low or not

sizes = st.sampled_from([64, 160, 320, 320, 320, 441, 1024])
wishes = st.lists(st.tuples(sizes, st.booleans()), min_size=4, max_size=60)


def heard(sound: np.ndarray, script: list[Wish]) -> np.ndarray:
    """What comes out of a playout while it is lowered and raised by the script."""
    playout, out = Playout(), []
    for at in range(0, sound.size, 1_000):  # as chunks come
        playout.push(1, sound[at : at + 1_000])
    for size, low in script:
        out.append(np.zeros(size, np.int16))
        playout.fill(out[-1])
        playout.lower(low)
    return np.concatenate(out)


def gains(script: list[Wish]) -> np.ndarray:
    """The gain at every sample, read off a sound that is as loud as can be."""
    size = sum(size for size, _ in script)
    return heard(np.full(size, FULL_SCALE, np.int16), script) / FULL_SCALE


def speech(samples: int, seed: int = 0) -> np.ndarray:
    """Something with energy everywhere and no period: every sample tells where it comes from."""
    return np.random.default_rng(seed).integers(-30_000, 30_000, samples).astype(np.int16)


# -- samples --------------------------------------------------------------------------------------


@FAST
@given(wishes)
def test_the_gain_never_makes_a_step_whenever_and_in_whatever_blocks_it_is_changed(
    script: list[Wish],
):
    gain = np.concatenate([[1.0], gains(script)])
    steps = np.diff(gain)
    assert steps.min() >= -STEP_DOWN - HALF_LSB and steps.max() <= STEP_UP + HALF_LSB
    assert gain.min() >= LOWERED - HALF_LSB and gain.max() <= 1.0


@FAST
@given(wishes)
def test_nothing_is_lost_and_nothing_comes_twice_however_often_the_voice_is_lowered(
    script: list[Wish],
):
    gain = gains(script)
    sound = speech(gain.size)
    out = heard(sound, script)
    assert np.abs(out - sound * gain).max() <= 2.0  # output / gain is the input, to the sample
    assert np.array_equal(out[gain == 1.0], sound[gain == 1.0])


@FAST
@given(wishes, st.sampled_from([160, 320]))
def test_wherever_the_gain_is_it_is_down_or_back_after_its_ramp(script: list[Wish], size: int):
    low = script + [(size, True)] + [(size, True)] * -(-RAMP_DOWN // size)
    assert gains(low + [(size, True)])[-size:].max() < CLEARLY_LOWERED
    back = low + [(size, False)] + [(size, False)] * (RAMP_UP // size + 1)
    after = gains(back + [(size, True)])[-size:]
    assert (after == 1.0).all()


def test_the_voice_is_fifteen_decibels_lower_from_the_end_of_the_first_block_on():
    gain = gains([(BLOCK, False)] * 5 + [(BLOCK, True)] + [(BLOCK, True)] * 10)
    begin = 6 * BLOCK  # lowered between two blocks
    clearly = np.flatnonzero(20 * np.log10(gain) <= -15.0)
    assert clearly[0] - begin < RAMP_DOWN <= BLOCK  # 20 ms
    assert (gain[clearly[0] :] < CLEARLY_LOWERED).all() and clearly.size == gain.size - clearly[0]


def test_a_queue_that_runs_dry_while_the_voice_moves_leaves_no_step_in_what_is_heard():
    """Nobody hears a ramp in silence; sound that begins anew begins by itself."""
    playout, tone = Playout(), np.full(BLOCK + 100, FULL_SCALE, np.int16)
    out = np.zeros(BLOCK, np.int16)
    playout.push(1, tone)
    playout.fill(out)
    playout.lower(True)
    playout.fill(out)
    part = out[:100] / FULL_SCALE
    assert (np.abs(np.diff(part)) <= STEP_DOWN + HALF_LSB).all() and not out[100:].any()
    playout.fill(out)
    playout.push(1, tone)
    playout.fill(out)
    assert out.max() <= LOWERED * FULL_SCALE + 1  # still low when it goes on


# -- no click -------------------------------------------------------------------------------------

SINE_HZ = 300.0
CLICK_HZ = 2_000.0  # a click is broadband: what it adds above is not masked by the voice
EDGE = 512  # [samples] around an edge


def clicks_db(script: list[Wish]) -> float:
    """The loudest 32 ms above CLICK_HZ while a sine goes down and up, against the sine [dB]."""
    size = sum(size for size, _ in script)
    sine = 20_000 * np.sin(2 * np.pi * SINE_HZ * np.arange(size) / RATE)
    out = heard(np.rint(sine).astype(np.int16), script).astype(np.float64)
    window, worst = np.blackman(EDGE), 0.0
    for at in range(0, size - EDGE, EDGE // 8):
        spectrum = np.abs(np.fft.rfft(out[at : at + EDGE] * window))
        worst = max(worst, float(np.sqrt(np.sum(spectrum[int(CLICK_HZ * EDGE / RATE) :] ** 2))))
    return 20 * np.log10(worst / float(np.abs(np.fft.rfft(sine[:EDGE] * window)).max()))


# the edges fall on every phase of the sine: 20 ms blocks are six periods, 441 samples are not
EDGES = [(441, n // 12 % 2 == 1) for n in range(80)]


def test_lowering_and_coming_back_add_no_click():
    assert clicks_db(EDGES) < -55.0


def test_a_gain_that_jumps_is_a_click_so_the_check_above_can_fail(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(audio, 'RAMP_DOWN', 1)
    monkeypatch.setattr(audio, 'RAMP_UP', 1)
    assert clicks_db(EDGES) > -45.0


# -- the gain returns whenever the epoch does not rise --------------------------------------------


@dataclass(frozen=True)
class Line:
    """What happens after ``wait_s``; ``lost``: what the decision says about it does not arrive."""

    wait_s: float
    kind: str
    text: str
    lost: bool


KINDS = (
    'started',
    'started',
    'stopped',
    'partial',
    'final',
    'playing',
    'played',
    'hush',
    'typed',
    'dies',
)
TEXTS = (
    '',
    'mm-hm',
    'okay',
    'stop',
    'Wait, what about tomorrow?',
    'Anna, did you lock the door?',
    'and the',
)
lines = st.builds(
    Line,
    st.one_of(st.sampled_from([0.0, 0.02, 0.3]), st.floats(0.0, 2.5)),
    st.sampled_from(KINDS),
    st.sampled_from(TEXTS),
    st.booleans(),
)
scripts = st.lists(lines, max_size=25)


class Duo:
    """A decision that may die and a speaker that always has something to say, 20 ms at a time."""

    def __init__(self, alarm: bool = True) -> None:
        self.machine = TurnMachine(TurnParams(), Addressee(AddresseeParams()), EPOCH, ENGLISH)
        self.gate, self.playout, self.has_alarm = EpochGate(EPOCH), Playout(), alarm
        self.now, self.utterance, self.alive = 0.0, 0, True
        self.alarm: float | None = None
        self.told: list[tuple[float, Interrupt]] = []  # what arrived
        self.gain = 1.0
        self.low_s = 0.0  # for how long it has not been at full voice
        self.tell([*self.machine.step(Typed(0.0, 'tell me a story'), 0.0)])
        self.step('playing', '')

    def tell(self, effects: list, lost: bool = False) -> None:
        for effect in effects:
            if (
                isinstance(effect, Interrupt)
                and not lost
                and self.gate.admit(effect.epoch) is not Admission.STALE
            ):
                self.told.append((self.now, effect))
                self.playout.lower(effect.ducked)
                self.alarm = self.now + DUCK_LIMIT_S if effect.ducked and self.has_alarm else None

    def step(self, kind: str, text: str, lost: bool = False) -> None:
        if kind == 'dies':
            self.alive = False
        if not self.alive:
            return
        self.utterance += kind == 'started'
        t, number = self.now, max(1, self.utterance)
        event: Event = {
            'started': SpeechStarted(t, number),
            'stopped': SpeechStopped(t, number, 0.6),
            'partial': Transcript(t, number, text, False, 0.6),
            'final': Transcript(t, number, text, True, 0.6, 0.9),
            'playing': Playing(t, self.machine.epoch, ''),
            'played': Played(t, self.machine.epoch, '', True),
            'hush': HushRequested(t),
            'typed': Typed(t, text or 'go on'),
            'tick': Tick(t),
        }[kind]
        self.tell(self.machine.step(event, t), lost)

    def wait(self, seconds: float, lost: bool = False) -> None:
        until = self.now + seconds
        while self.now < until:
            self.now += BLOCK / RATE
            if self.alarm is not None and self.now >= self.alarm:
                self.alarm = None
                self.playout.lower(False)
            due = self.machine.deadline()
            if due is not None and due <= self.now:
                self.step('tick', '', lost)
            self._listen()

    def _listen(self) -> None:
        self.playout.push(EPOCH, np.full(BLOCK, FULL_SCALE, np.int16))
        out = np.zeros(BLOCK, np.int16)
        self.playout.fill(out)
        self.gain = out[-1] / FULL_SCALE
        self.low_s = 0.0 if self.gain == 1.0 else self.low_s + BLOCK / RATE


BACK_S = DUCK_LIMIT_S + RAMP_UP / RATE + 2 * BLOCK / RATE


@FAST
@given(scripts)
def test_the_gain_returns_to_one_whatever_was_said_and_whatever_got_lost(script: list[Line]):
    duo = Duo()
    for line in script:
        duo.wait(line.wait_s, line.lost)
        duo.step(line.kind, line.text, line.lost)
        lowered = [t for t, told in duo.told if told.ducked]
        newest = lowered[-1] if lowered else -BACK_S
        assert (
            duo.gain == 1.0 or duo.now - newest <= BACK_S
        )  # never longer than one limit after the last news
    duo.wait(BACK_S)
    if not duo.told[-1][1].ducked:
        assert duo.gain == 1.0
    duo.wait(BACK_S)  # whatever the machine still had to say about it
    assert duo.gain == 1.0


def test_a_dead_decision_and_no_alarm_would_leave_a_whisper_so_the_check_above_can_fail():
    gain = {}
    for alarm in (True, False):
        duo = Duo(alarm)
        duo.step('started', '')
        duo.step('dies', '')
        duo.wait(2 * BACK_S)
        gain[alarm] = duo.gain
    assert gain[True] == 1.0 and gain[False] == pytest.approx(LOWERED, abs=1e-3)


@FAST
@given(st.sampled_from(TEXTS[:2]), st.floats(0.0, 1.9), st.booleans(), st.booleans())
def test_a_nod_or_a_cough_gives_the_very_same_reply_back(
    text: str, wait_s: float, stop_lost: bool, final_lost: bool
):
    """Lost percepts included: only then it takes up to the limit."""
    duo = Duo()
    epoch = duo.machine.epoch
    duo.wait(0.5)
    duo.step('started', '')
    duo.wait(wait_s)
    if not stop_lost:
        duo.step('stopped', '')
    if not final_lost:
        duo.step('final', text)
    duo.wait(0.2 if not (stop_lost or final_lost) else BACK_S)
    assert (duo.gain, duo.machine.epoch, duo.gate.epoch) == (1.0, epoch, epoch)

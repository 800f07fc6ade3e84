"""``speech`` -> device, ``speaker/reference`` and ``playback``; obeys ``interrupt`` within one
block.
"""

from __future__ import annotations

import array
import time
from dataclasses import dataclass

import numpy as np
from omni_agent_msgs.msg import AudioChunk, Interrupt, Playback, SpeechChunk

from omni_agent.backends import RATE, Block
from omni_agent.backends.devices import open_loudspeaker
from omni_agent.core.audio import Playout, Progress
from omni_agent.core.epoch import Admission, EpochGate
from omni_agent.core.params import param

from . import qos
from .devices import DeviceWatch
from .health import WARN, Health
from .node import join
from .parameters import declare
from .shell import Urgency
from .shell import main as run
from .stamps import now, pace, stamp
from .threads import Alarm, Inbox

LONGEST_CHUNK = 2 * RATE      # [samples] what one message may hold
LONGEST_HELD = RATE           # [samples] in a device; more than that, and a clock was set
# [samples] a sender that is more than ten seconds ahead does not pace itself
LONGEST_QUEUE = 10 * RATE


@dataclass(frozen=True)
class SpeakerParams:
    """Where the sound goes."""

    device: str = param('', 'name (or part of it) or index of the output device, '
                            'or room:SCENARIO@FOLDER; empty = default')
    frame_id: str = param('loudspeaker', 'frame of the reference', live=True)
    volume: float = param(1.0, 'loudness of the voice [share]', 0.0, 1.0, live=True)
    duck_limit_s: float = param(
        2.0, 'a lowered voice comes back by itself after this long without news [s]', 0.2, 10.0,
        live=True)
    lowered_db: float = param(
        26.0, 'how far a voice is lowered that somebody speaks over: below 15 nobody notices, and '
        'what cannot be heard at all has to be said again [dB]', 16.0, 60.0, live=True)
    lower_s: float = param(
        0.008, 'how long that takes: a shorter one clicks, a longer one covers the first sound of '
        'who speaks [s]', 0.004, 0.1, live=True)
    raise_s: float = param(
        0.15, 'how long coming back takes: slower than going sounds intended [s]', 0.01, 1.0,
        live=True)


PARAMETERS = (('', SpeakerParams),)     # (prefix, dataclass): what is declared below


class Speaker:
    """The device thread pulls from the playout; the executor thread reports what it took."""

    def __init__(self) -> None:
        self.node = join('speaker')
        self.playout = Playout()
        self.params = declare(self.node, SpeakerParams, changed=self.turn_up)
        self.turn_up(self.params)
        self.gate = EpochGate()
        # first of all subscriptions: rclpy serves them in order of creation
        self.node.create_subscription(Interrupt, 'interrupt', self.on_interrupt, qos.STATE)
        self.node.create_subscription(SpeechChunk, 'speech', self.on_speech, qos.SPEECH)
        self.health = Health(self.node)
        self.health.values['device'] = self.params.device or 'default'
        self.reference = self.node.create_publisher(AudioChunk, 'speaker/reference', qos.AUDIO)
        self.playback = self.node.create_publisher(Playback, 'playback', qos.PLAYBACK)
        self.inbox: Inbox[Block] = Inbox(self.node, self.on_played, limit=50)
        self.raise_alarm = Alarm(self.node, self.on_no_news)
        self.node.create_timer(0.2, self.on_timer, clock=pace(self.node))
        self._position = 0
        # Unix time at which the newest speech will have sounded
        self._sounded_s = 0.0
        self._ducked = False
        self._reported: tuple[int, int] = (0, Playback.FINISHED)
        self.device = open_loudspeaker(self.params.device)
        self.watch = DeviceWatch(self.node, self.health, 'loudspeaker', self.device, self.inbox)
        self.device.start(self.fill)

    def turn_up(self, params: SpeakerParams) -> None:
        self.playout.volume = params.volume
        self.playout.shape(10.0**(-params.lowered_db / 20.0), round(params.lower_s * RATE),
                           round(params.raise_s * RATE))

    def fill(self, out: np.ndarray, t: float) -> None:
        """Device thread: take the next block and tell the executor thread about it."""
        spoken = self.playout.fill(out)
        if spoken:
            self._sounded_s = t + spoken / RATE
        if spoken or out.any():
            self.inbox.put(Block(self._position, t, out.copy()))
        self._position += out.size

    def on_interrupt(self, message: Interrupt) -> None:
        seen = self.gate.admit(message.epoch)
        if seen is Admission.STALE:
            return
        if seen is Admission.NEWER:
            self.flush()
        self._ducked = message.ducked
        self.playout.lower(message.ducked)
        self.raise_alarm.set(now(self.node) + self.params.duck_limit_s if message.ducked else None)

    def on_no_news(self) -> None:
        """A dead decision node cannot leave the robot whispering."""
        self._ducked = False
        self.playout.lower(False)
        self.health.count('raised without news')

    def on_speech(self, message: SpeechChunk) -> None:
        seen = self.gate.admit(message.epoch)
        if seen is Admission.STALE:
            self.health.count('stale chunks')
            return
        if seen is Admission.NEWER:
            self.flush()
        samples = np.frombuffer(message.samples, np.int16)
        if message.rate != RATE or samples.size > LONGEST_CHUNK:
            self.health.count('refused chunks')
            self.health.trouble('speech', WARN,
                                f'refused {samples.size} samples at {message.rate} Hz: this '
                                f'speaker takes up to {LONGEST_CHUNK} at {RATE} Hz')
            return
        if self.playout.progress().queued > LONGEST_QUEUE:
            self.health.count('overflowing chunks')
            return
        self.health.well('speech')
        self.playout.push(message.epoch, samples, message.text, message.last)
        if message.last and not self.playout.progress().queued:
            self.report()

    def flush(self) -> None:
        """Nothing older is heard: the queue is dropped, then what the device still holds."""
        # in the device, by the device's clock, and never to be heard
        held = round((self._sounded_s - time.time()) * RATE)
        held = min(max(0, held), LONGEST_HELD)
        # what the device holds of it has to go, heard or not
        begun = self.playout.progress().played > 0
        progress = self.playout.flush(fade=False, unheard=held)
        if held or (begun and not progress.complete):
            self.device.abort()
        if begun and not progress.complete:
            self._publish(progress, Playback.FLUSHED)
        elif progress.played:
            self._finish(progress)

    def on_played(self, block: Block) -> None:
        chunk = AudioChunk(position=block.position, rate=RATE, channels=1,
                           samples=array.array('h', block.samples.tobytes()))
        chunk.header.stamp = stamp(block.t)
        chunk.header.frame_id = self.params.frame_id
        self.reference.publish(chunk)
        self.health.count('blocks')
        self.report()

    def on_timer(self) -> None:
        progress = self.playout.progress()
        if progress.epoch and self._reported != (progress.epoch, Playback.FINISHED):
            self.report(periodic=True)

    def report(self, periodic: bool = False) -> None:
        """Publish the edges as they happen and the progress at 5 Hz."""
        progress = self.playout.progress()
        if progress.complete or (not progress.queued and self._is_empty_reply(progress)):
            self._finish(progress)
        elif progress.played and self._reported[0] != progress.epoch:
            self._publish(progress, Playback.STARTED)
        elif progress.played and periodic and progress.epoch == self.gate.epoch:
            self._publish(progress, Playback.PLAYING)

    def _is_empty_reply(self, progress: Progress) -> bool:
        return progress.ended and progress.played == 0

    def _finish(self, progress: Progress) -> None:
        if self._reported != (progress.epoch, Playback.FINISHED):
            self._publish(progress, Playback.FINISHED)

    def _publish(self, progress: Progress, state: int) -> None:
        over = Playback.FINISHED if state == Playback.FLUSHED else state
        self._reported = (progress.epoch, over)
        message = Playback(epoch=progress.epoch, state=state, samples_played=progress.played,
                           rate=RATE, queued_s=progress.queued / RATE, ducked=self._ducked,
                           heard=progress.heard)
        message.header.stamp = stamp(now(self.node))
        message.header.frame_id = self.params.frame_id
        self.playback.publish(message)

    def rest(self) -> None:
        """At once, and what is still on its way does not go on when the node wakes; the device
        stays open and silent.
        """
        self.flush()
        self.gate.admit(self.gate.epoch + 1)
        self._ducked = False
        self.playout.lower(False)
        self.raise_alarm.set(None)

    def close(self) -> None:
        self.device.stop()


def main() -> None:
    run(Speaker, Urgency.PROCESS)


if __name__ == '__main__':
    main()

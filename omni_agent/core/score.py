"""Did the robot behave? One verdict for every line of the room, with the numbers behind it.

What each expectation demands:

``answered``    a reply is decided because of the line and is heard within PATIENCE_S of its end,
                not before it
``interrupts``  the robot is speaking when the line begins; that answer is declared void, falls
                silent within SILENCE_LIMIT_S of the line's first sound and never returns; and the
                line is itself answered
``silences``    as above, and no reply is heard
``survives``    the robot is speaking when the line begins, and that same answer goes on to its end
                (or to the next line that may cut it), lowered for at most LOWERED_LIMIT_S
``told``        answered, and within REMARK_S after that something is said unasked
``moves``       answered, and the robot drives within PATIENCE_S
``halts``       the robot drives when the line begins, and stands within HALT_S of its first sound,
and stays ``ignored``     no reply is heard because of the line ``none``        not judged

A line that the scenario never got to say has failed.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from .causes import ONSET_S, PATIENCE_S, SLOW_S, UNASKED, Causes, causes
from .recording import Interrupt, Line, Playback, React, Recording, Tracks
from .sounding import GRACE_S, RobotSound, Stale, Voice, lowered_spans
from .standstill import drives, moves_after_s, still_after_s

SILENCE_LIMIT_S = 2.0      # a person who is not heard out by then talks louder or gives up
LOWERED_LIMIT_S = 2.0      # the speaker's own limit for a voice that is lowered without news
HALT_S = 1.0             # from the first sound of a stop until what drives has to stand
REMARK_S = 30.0            # what was asked to be told happens within this time, in a scenario
GOES_ON_S = 1.0            # an answer that is still heard this long after a nod went on
TALK_OVER_S = 0.3          # the robot may overlap the last syllable, not more

STAGES = ('hangover', 'recognition', 'decision', 'first_speech', 'first_sound')


@dataclass(frozen=True)
class Result:
    """One line of the room, judged. None: not measured, or does not apply."""

    line: Line
    passed: bool | None
    why: str
    epoch: int | None = None               # of the reply to it
    cut_epoch: int | None = None           # of the answer it was said into
    said: str = ''                         # what was heard of the reply
    first_sound_s: float | None = None     # end of the line -> first audible sample of the reply
    # of that, what was saved by preparing it before the turn was certainly over
    prepared_s: float | None = None
    silence_ms: float | None = None        # onset of the line -> last sample of the cut answer
    duck_ms: float | None = None           # onset of the line -> voice lowered by 15 dB
    lowered_ms: float | None = None        # how long a voice that went on was lowered
    stages: dict[str, float] = field(default_factory=dict)     # [s], see STAGES
    marks: dict[str, float] = field(default_factory=dict)      # the same as Unix times


class Judge:
    """Recording and tracks, prepared so that each line can be judged on its own."""

    def __init__(self, recording: Recording, tracks: Tracks) -> None:
        self.recording = recording
        self.sound = RobotSound(tracks, recording.playback)
        self.causes: Causes = causes(recording)
        self.stale: list[Stale] = self.sound.stale(recording.interrupts)
        self.stale_records: list[Playback] = self._stale_records()

    def _stale_records(self) -> list[Playback]:
        """The loudspeaker's own word that it played something void, even if drowned."""
        return [record for record in self.recording.playback
                if record.state in ('started', 'playing')
                and any(interrupt.epoch > record.epoch and record.t > interrupt.received + GRACE_S
                        for interrupt in self.recording.interrupts)]

    def results(self) -> list[Result]:
        return [self.judge(line) for line in self.recording.lines]

    def judge(self, line: Line) -> Result:
        if line.missed:
            return Result(line, False, 'The scenario never found the moment to say this.')
        verdict = {
            'answered': self.answered,
            'ignored': self.ignored,
            'interrupts': self.interrupts,
            'silences': self.silences,
            'told': self.told,
            'survives': self.survives,
            'moves': self.moves,
            'halts': self.halts,
            'none': self.unjudged,
        }[line.expect]
        return verdict(line)

    def unjudged(self, line: Line) -> Result:
        return replace(self._reply(line), passed=None, why='Not judged.')

    def answered(self, line: Line) -> Result:
        result = self._reply(line)
        if result.epoch is None:
            return _failed(result, 'No reply was decided.')
        if result.first_sound_s is None:
            return _failed(result, 'A reply was decided, but it was never heard.')
        if result.first_sound_s < -TALK_OVER_S:
            early_s = -result.first_sound_s
            return _failed(result, f'The robot spoke {early_s:.2f} s before the person was done.')
        if result.first_sound_s > PATIENCE_S:
            return _failed(result, f'The reply came only after {result.first_sound_s:.1f} s.')
        return _passed(result, f'Answered {result.first_sound_s:.2f} s after the last word.')

    def told(self, line: Line) -> Result:
        result = self.answered(line)
        if not result.passed:
            return result
        remarks = [react for react in self.causes.reacts.get(UNASKED, ())
                   if line.end < react.received < line.end + REMARK_S]
        heard = [react for react in remarks if self.sound.first_audible(react.epoch) is not None]
        if not heard:
            return _failed(result, f'{result.why} But nothing was remarked on.')
        after_s = self.sound.first_audible(heard[0].epoch) - line.end
        return _passed(result, f'{result.why} Told "{heard[0].say}" {after_s:.1f} s later.')

    def moves(self, line: Line) -> Result:
        result = self.answered(line)
        if not result.passed:
            return result
        after_s = moves_after_s(self.recording.odometry, line.end)
        if after_s is None or after_s > PATIENCE_S:
            return _failed(result, f'{result.why} But it did not move.')
        return _passed(result, f'{result.why} It drove {after_s:.1f} s after it.')

    def halts(self, line: Line) -> Result:
        result = self._reply(line)
        if not drives(self.recording.odometry, line.t):
            return _failed(result, 'There was nothing to stop: the robot did not drive.')
        after_s = still_after_s(self.recording.odometry, line.t)
        if after_s is None or after_s > HALT_S:
            told = ('It drove on.' if after_s is None else
                    f'It stood only {after_s:.2f} s after the first sound.')
            return _failed(result, told)
        return _passed(result, f'It stood {after_s:.2f} s after the first sound.')

    def ignored(self, line: Line) -> Result:
        result = self._reply(line)
        if result.epoch is None:
            return _passed(result, 'The robot stayed out of it.')
        if result.first_sound_s is None:
            return _passed(result, 'The robot took back a reply before its first sound.')
        return _failed(result, 'The robot answered although this was not meant for it.')

    def interrupts(self, line: Line) -> Result:
        cut = self._cut_off(line)
        if not cut.passed:
            return cut
        result = self.answered(line)
        return replace(result, why=f'{cut.why} {result.why}', cut_epoch=cut.cut_epoch,
                       silence_ms=cut.silence_ms, duck_ms=cut.duck_ms)

    def silences(self, line: Line) -> Result:
        cut = self._cut_off(line)
        reply = self._reply(line)
        if cut.passed and reply.first_sound_s is not None:
            cut = replace(cut, epoch=reply.epoch, said=reply.said,
                          first_sound_s=reply.first_sound_s)
            return _failed(cut, f'{cut.why} But then it spoke again, although told to stop.')
        return cut

    def survives(self, line: Line) -> Result:
        voice = self.sound.voice_at(line.t)
        if voice is None:
            return Result(line, False, 'The robot was not speaking when this was said.')
        result = Result(line, True, '', cut_epoch=voice.epoch, duck_ms=self._duck_ms(line, voice))
        lowered = self._lowered_s(line, voice)
        result = replace(result, lowered_ms=None if lowered is None else 1000 * lowered)
        cut = self._cut(voice)
        if cut is not None and cut.received < self._until(line):
            return _failed(result, f'The answer was cut off ({_plain(cut.reason)}).')
        heard_until = self.sound.last_sounding(voice.epoch) or voice.begin
        if cut is None and voice.state != 'finished' and heard_until < line.end + GOES_ON_S:
            return _failed(result, 'The answer broke off.')
        if lowered is not None and lowered > LOWERED_LIMIT_S:
            return _failed(result, f'The voice stayed lowered for {lowered:.1f} s.')
        soft = f'lowered for {lowered:.2f} s' if lowered else 'not even lowered'
        return _passed(result, f'The answer went on, {soft}.')

    def _cut_off(self, line: Line) -> Result:
        """The half that ``interrupts`` and ``silences`` share."""
        voice = self.sound.voice_at(line.t)
        if voice is None:
            return Result(line, False, 'The robot was not speaking: nothing to interrupt.')
        result = Result(line, False, '', cut_epoch=voice.epoch, duck_ms=self._duck_ms(line, voice))
        cut = self._cut(voice)
        if cut is None or cut.received > line.end + SLOW_S:
            return _failed(result, 'The robot went on speaking.')
        if cut.received < line.t - ONSET_S:
            return _failed(result, 'The answer had been cut off before this was said.')
        last = self.sound.last_sounding(voice.epoch)
        silence_s = None if last is None else max(0.0, last - line.t)
        result = replace(result, silence_ms=None if silence_s is None else 1000 * silence_s)
        late = [stale for stale in self.stale if stale.epoch == voice.epoch]
        if late or any(record.epoch == voice.epoch for record in self.stale_records):
            seconds = sum(stale.span.seconds for stale in late)
            return _failed(result, f'{seconds:.2f} s of the old answer were heard after the stop.')
        if silence_s is None:
            return _failed(result, 'There is no sound of the answer in the recording.')
        if silence_s > SILENCE_LIMIT_S:
            return _failed(result, f'It took {silence_s:.1f} s until the robot was silent.')
        return _passed(result, f'Silent {1000 * silence_s:.0f} ms after the first sound.')

    def _reply(self, line: Line) -> Result:
        """What the robot answered to a line, and how long every step took."""
        result = Result(line, None, '')
        reacts = self.causes.reacts.get(line.index, ())
        sounding = [react for react in reacts if self.sound.first_audible(react.epoch) is not None]
        if not reacts:
            return result
        react = (sounding or list(reacts))[0]
        heard = self.sound.first_audible(react.epoch)
        said = next((voice.heard for voice in self.sound.voices if voice.epoch == react.epoch), '')
        marks = self._marks(line, react, heard)
        return replace(result, epoch=react.epoch, said=said, marks=marks, stages=_stages(marks),
                       first_sound_s=None if heard is None else heard - line.end,
                       prepared_s=self._prepared_s(react.epoch))

    def _prepared_s(self, epoch: int) -> float | None:
        """Work that had been done on a reply when its turn was certainly over, or when its speech
        was ready.
        """
        asked = [react for react in self.recording.reacts if react.epoch == epoch]
        spoken = [chunk.received for chunk in self.recording.speech if chunk.epoch == epoch]
        if not spoken or not asked[-1].not_before > 0.0:
            return None
        return max(0.0, min(asked[-1].not_before, spoken[0]) - asked[0].received)

    def _marks(self, line: Line, react: React, heard: float | None) -> dict[str, float]:
        before = [one for one in self.causes.utterances_of(line) if not one.final > react.received]
        spoken = [chunk.received for chunk in self.recording.speech if chunk.epoch == react.epoch]
        marks = {'end': line.end, 'react': react.received}
        if before and before[-1].stopped == before[-1].stopped:
            marks['stopped'] = before[-1].stopped
        if before and before[-1].final == before[-1].final:
            marks['final'] = before[-1].final
        if spoken:
            marks['speech'] = spoken[0]
        if heard is not None:
            marks['heard'] = heard
        return marks

    def _cut(self, voice: Voice) -> Interrupt | None:
        """The interrupt that made a voice void while it was still being played."""
        newer = [one for one in self.recording.interrupts if one.epoch > voice.epoch]
        if not newer or voice.state == 'finished' and voice.end <= newer[0].received + GRACE_S:
            return None
        return newer[0]

    def _until(self, line: Line) -> float:
        """Until when a cut is blamed on a line: the next one may have a right to it."""
        later = [other.t for other in self.causes.lines if other.t > line.t]
        return min([line.end + SLOW_S, *later])

    def _duck_ms(self, line: Line, voice: Voice) -> float | None:
        """From the onset until the voice is low, given that it was ordered to be; else None."""
        orders = [one.t for one in self.recording.interrupts
                  if line.t - ONSET_S <= one.t < self._until(line)
                  and (one.ducked or one.epoch > voice.epoch)]
        already = any(span.start < line.t - ONSET_S < span.stop
                      for span in lowered_spans(self.recording.interrupts, self.recording.end))
        if not orders or already:
            return None
        lowered = self.sound.lowered_at(line.t, orders[0])
        return None if lowered is None else 1000 * max(0.0, lowered - line.t)

    def _lowered_s(self, line: Line, voice: Voice) -> float | None:
        """How long the voice was lowered because of a line; 0 if it never was."""
        end = max(voice.end, line.end)
        spans = [span for span in lowered_spans(self.recording.interrupts, end)
                 if line.t - ONSET_S <= span.start < self._until(line)]
        return sum(max(0.0, min(span.stop, voice.end) - span.start) for span in spans)


def _passed(result: Result, why: str) -> Result:
    return replace(result, passed=True, why=why)


def _failed(result: Result, why: str) -> Result:
    return replace(result, passed=False, why=why)


def _stages(marks: dict[str, float]) -> dict[str, float]:
    """Unix times -> seconds from each step to the next; a step that was not seen is left out."""
    order = ('end', 'stopped', 'final', 'react', 'speech', 'heard')
    return {stage: marks[after] - marks[before]
            for stage, before, after in zip(STAGES, order, order[1:])
            if before in marks and after in marks}


def _plain(reason: str) -> str:
    return reason.replace('_', ' ')

"""A conversation whose processes are killed and come back: the core's objects in a faulty graph.

The loudspeaker takes blocks ahead of time and forgets them when it is told to, as a device does.
``Rules`` switches single protections off, to show what each of them is for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Iterable

import numpy as np
from conversation_simulator import (
    BLOCK,
    ENGLISH,
    OTHERS,
    QUESTIONS,
    RATE,
    SILENCE,
    STEP,
    Chunk,
    Reaction,
    World,
)
from faulty_graph import Post, SetWorld, Wire

from omni_agent.core.addressee import Addressee, AddresseeParams
from omni_agent.core.audio import Playout, Progress
from omni_agent.core.epoch import Admission, EpochGate, first_epoch
from omni_agent.core.events import (
    Effect,
    Event,
    Interrupt,
    Judge,
    Judged,
    Played,
    Playing,
    React,
    SpeechStarted,
    SpeechStopped,
    Tick,
    Transcript,
)
from omni_agent.core.turn import TurnMachine
from omni_agent.core.turn_states import TurnParams

DUCK_LIMIT_S = 2.0
LEAD = 2  # [blocks] that the loudspeaker takes ahead of time
AWAY_S = (0.3, 3.0)  # until the supervisor has started a killed process again
LOUDEST = 12_000  # of a marked sound
HALF_VOICE = LOUDEST // 2  # softer than this is a lowered voice
CALM_S = 14.0  # at the end nothing dies any more, and one last question is asked
LAST_QUESTION = 'Robot, tell me a story, please.'
PAUSE_S = 0.4  # between two people's words that is no silence to a microphone
Word = tuple[float, str]  # when it begins, and what it is


@dataclass(frozen=True)
class Rules:
    """What keeps a conversation with faults together."""

    duck_alarm: bool = True  # the speaker raises its voice by itself
    gate: bool = True  # the speaker drops what is older
    latched: bool = True  # who comes later learns the epoch
    outranks: bool = True  # a restarted decision begins above its former self


class Tape:
    """All that was ever heard in the room, and what the speakers knew at which time."""

    def __init__(self, seconds: float) -> None:
        self.sound = np.zeros((int(seconds * RATE / BLOCK) + LEAD + 2, BLOCK), np.int16)
        self.learnt: list[tuple[int, int]] = []  # (sample, epoch)
        self.lowered: list[float] = []  # when a speaker was told to
        self.cuts = 0


class MortalSpeaker:
    """Gate, playout, alarm and device as the speaker node joins them."""

    def __init__(self, world: World, tape: Tape, rules: Rules) -> None:
        self.world, self.tape, self.rules = world, tape, rules
        self.playback: Wire | None = None
        self.gate = EpochGate()
        self.playout = Playout()
        self.most_queued = 0
        self.raised_alone = 0
        self.dead = False
        self._block = int(world.now * RATE / BLOCK) + LEAD + 1
        self._alarm: float | None = None
        self._finished = 0
        self._begun = 0
        self.world.after(0.0, self.fill)

    def die(self) -> None:
        """The device forgets what nobody heard yet."""
        self.dead = True
        self._abort()

    def fill(self) -> None:
        if self.dead or self._block >= len(self.tape.sound):
            return
        self.playout.fill(self.tape.sound[self._block])
        self._block += 1
        self._report(periodic=self._block % 10 == 0)
        self.world.at((self._block - LEAD) * BLOCK / RATE, self.fill)

    def on_interrupt(self, message: Interrupt) -> None:
        seen = self._admit(message.epoch)
        if seen is Admission.STALE:
            return
        if seen is Admission.NEWER:
            self._flush()
        self.playout.lower(message.ducked)
        self.tape.lowered += [self.world.now] * message.ducked
        self._alarm = (
            self.world.now + DUCK_LIMIT_S if message.ducked and self.rules.duck_alarm else None
        )
        if self._alarm is not None:
            self.world.at(self._alarm, self._no_news)

    def _no_news(self) -> None:
        if not self.dead and self._alarm is not None and self.world.now >= self._alarm:
            self._alarm = None
            self.raised_alone += 1
            self.playout.lower(False)

    def on_speech(self, chunk: Chunk) -> None:
        seen = self._admit(chunk.epoch)
        if seen is Admission.STALE and self.rules.gate:
            return
        if seen is Admission.NEWER:
            self._flush()
        self.playout.push(chunk.epoch, chunk.samples, chunk.text, chunk.last)
        self.most_queued = max(self.most_queued, self.playout.progress().queued)

    def _admit(self, epoch: int) -> Admission:
        seen = self.gate.admit(epoch)
        if seen is Admission.NEWER:
            self.tape.learnt.append((int(self.world.now * RATE) + 1, epoch))
        return seen

    def _flush(self) -> None:
        progress = self.playout.flush(fade=False)
        if progress.played:
            self._abort()
            self.tape.cuts += not progress.complete
            self._tell_end(progress)

    def _abort(self) -> None:
        """Nothing is heard from this very sample on."""
        heard = self.tape.sound.reshape(-1)
        heard[int(self.world.now * RATE) + 1 : self._block * BLOCK] = 0

    def _tell_end(self, progress: Progress) -> None:
        if self._finished != progress.epoch:
            self._finished = progress.epoch
            self.playback.publish(
                Played(self.world.unix_s, progress.epoch, progress.heard, progress.complete)
            )

    def _report(self, periodic: bool) -> None:
        progress = self.playout.progress()
        if progress.complete:
            self._tell_end(progress)
        elif progress.played and (periodic or self._begun != progress.epoch):
            self._begun = progress.epoch
            # the seconds played travel in the text, as the decision does not look at it
            self.playback.publish(
                Playing(self.world.unix_s, progress.epoch, f'{progress.played / RATE:.3f}')
            )


class MortalReaction(Reaction):
    """Keeps what waited at its most, and takes the clock as it goes."""

    most_waiting = 0
    longer = 0  # sentences that each reply has more than usual
    _begun = 0  # epoch of the reply that is being written

    def _write(self, epoch: int, sentences: int) -> None:
        begun = epoch == self._begun
        self._begun = epoch
        super()._write(epoch, sentences + (0 if begun else self.longer))

    def on_react(self, message: React) -> None:
        super().on_react(message)
        self.pacer.hold(self.world.moment(message.not_before))

    def send(self) -> None:
        self.most_waiting = max(self.most_waiting, len(self.outbox))
        super().send()


class MortalDecision:
    """The turn machine; its alarms ring after the time they were set for, whatever the clock."""

    def __init__(self, world: SetWorld, interrupt: Wire, react: Wire, rules: Rules) -> None:
        self.world, self.interrupt, self.react = world, interrupt, react
        epoch = first_epoch(world.unix_s) if rules.outranks else 1
        self.machine = TurnMachine(TurnParams(), Addressee(AddresseeParams()), epoch, ENGLISH)
        self.dead = False
        self.longest_wait_s = 0.0
        self.most_held = 0
        self._armed = 0
        self.perform(self.machine.start())

    def die(self) -> None:
        self.dead = True

    def on_event(self, event: Event) -> None:
        if not self.dead:
            self.perform(self.machine.step(event, self.world.unix_s))

    def perform(self, effects: list[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Interrupt):
                self.interrupt.publish(effect)
            elif isinstance(effect, React):
                self.react.publish(effect)
            elif isinstance(effect, Judge):
                judged = Judged(effect.utterance, effect.text, self.world.random.uniform(-4, 4))
                self.world.after(
                    self.world.random.uniform(0.05, 1.5),
                    lambda judged=judged: self.on_event(judged),
                )
        self._arm()

    def _arm(self) -> None:
        self.most_held = max(self.most_held, self.held())
        self._armed += 1
        due, armed = self.machine.deadline(), self._armed
        if due is not None:
            wait_s = max(0.0, due - self.world.unix_s)
            self.longest_wait_s = max(self.longest_wait_s, wait_s)
            self.world.after(wait_s + 1e-4, lambda: self._ring(armed))

    def _ring(self, armed: int) -> None:
        if armed == self._armed:
            self.on_event(Tick(self.world.unix_s))

    def held(self) -> int:
        """How many things the machine keeps in lists."""
        return sum(
            len(value) for value in vars(self.machine).values() if isinstance(value, (list, tuple))
        )


class Perception:
    """Tells what is said in the room; its utterances are numbered from 1 in each life."""

    def __init__(self, percept: Wire) -> None:
        self.percept = percept
        self._numbers: dict[int, int] = {}

    def hear(self, line: int, make: Callable[[int], Event]) -> None:
        """``make`` an event of that line, given its number; a late ear begins there."""
        if line not in self._numbers:
            event = make(0)
            if isinstance(event, SpeechStopped) or isinstance(event, Transcript) and event.final:
                return  # it was over before anybody listened
            self._numbers[line] = len(self._numbers) + 1
            if not isinstance(event, SpeechStarted):
                self.percept.publish(SpeechStarted(event.t, self._numbers[line]))
        self.percept.publish(make(self._numbers[line]))


class Talk:
    """What people say in the room, whoever listens."""

    def __init__(self, world: SetWorld, ear: Post[Perception]) -> None:
        self.world, self.ear = world, ear
        self.lines = 0

    def one_person(self, until: float) -> None:
        t = 0.8
        while t < until:
            t = self.say(t, self._text()) + self._breath()

    def two_people(self, until: float) -> None:
        """Neither waits for the other; to a microphone they are one voice while they overlap."""
        words: list[Word] = []
        for _ in range(2):
            t = self.world.random.uniform(0.8, 3.0)
            while t < until:
                said = spoken(t, self._text())
                words += said
                t = (said[-1][0] if said else t) + 0.3 + self._breath()
        for run in runs(sorted(words)):
            self.utter(run)

    def say(self, t: float, text: str) -> float:
        """Schedule one utterance and return its end; without words it is a noise."""
        return self.utter(spoken(t, text) or [(t, '')])

    def _text(self) -> str:
        return self.world.random.choice(QUESTIONS if self.world.random.random() < 0.6 else OTHERS)

    def _breath(self) -> float:
        return self.world.random.choice([0.6, 0.8, 1.0, 1.5, 2.5, 4.0])

    def utter(self, words: list[Word]) -> float:
        self.lines += 1
        line, unix = self.lines, self.world.unix
        t, end = words[0][0], words[-1][0] + 0.3
        turn_end = self.world.random.random()
        self._at(t + 0.07, line, lambda number: SpeechStarted(unix(t), number))
        for count in range(1, len(words)):
            at = words[count][0] + 0.15
            heard = ' '.join(word for _, word in words[:count])
            self._at(
                at,
                line,
                lambda number, at=at, heard=heard: Transcript(
                    unix(at), number, heard, False, at - t
                ),
            )
        text = ' '.join(word for _, word in words)
        self._at(end + 0.2, line, lambda number: SpeechStopped(unix(end), number, end - t))
        self._at(
            end + self.world.random.uniform(0.25, 0.5),
            line,
            lambda number: Transcript(unix(end), number, text, True, end - t, turn_end),
        )
        return end

    def _at(self, t: float, line: int, make: Callable[[int], Event]) -> None:
        def hear() -> None:
            if self.ear.holder is not None:
                self.ear.holder.hear(line, make)

        self.world.at(t, hear)


def spoken(t: float, text: str) -> list[Word]:
    """Each word and when it begins."""
    return [(t + 0.3 * at, word) for at, word in enumerate(text.split())]


def runs(words: Iterable[Word]) -> list[list[Word]]:
    """What a microphone takes for one utterance each."""
    found: list[list[Word]] = []
    for word in words:
        if found and word[0] - found[-1][-1][0] < 0.3 + PAUSE_S:
            found[-1].append(word)
        else:
            found.append([word])
    return found


class Faulty:
    """A conversation in which ``kills`` processes die; the last CALM_S are left alone.

    ``talk`` puts on the world's calendar whatever shall happen.
    """

    def __init__(
        self,
        seed: int,
        delay_s: float,
        kills: int = 5,
        rules: Rules = Rules(),
        seconds: float = 60.0,
        loss: float = 0.0,
        talk: Callable[[Faulty], object] | None = None,
    ) -> None:
        self.world, self.rules, self.seconds, self.loss = (
            SetWorld(seed, delay_s),
            rules,
            seconds,
            loss,
        )
        self.calm = seconds - CALM_S
        self.tape, self.marks = Tape(seconds), {}
        self.lives: dict[str, list] = {
            'decision': [],
            'reaction': [],
            'speaker': [],
            'perception': [],
        }
        self.posts: dict[str, Post] = {name: Post(self.world) for name in self.lives}
        for name in self.lives:
            self.start(name)
        for _ in range(kills):
            name = self.world.random.choice(list(self.lives))
            self.world.at(
                self.world.random.uniform(2.0, self.calm - AWAY_S[1]),
                lambda name=name: self.kill(name),
            )
        self.talk = Talk(self.world, self.posts['perception'])
        if talk is None:
            self.talk.one_person(self.calm - 2.0)
        else:
            talk(self)
        self.last_question = self.calm + 3.0
        self.talk.say(self.last_question, LAST_QUESTION)
        self.world.run(seconds)

    # -- lives ------------------------------------------------------------------------------------

    def start(self, name: str) -> None:
        post = self.posts[name]
        if post.holder is None:
            made = getattr(self, f'_{name}')()
            self.lives[name].append(made)
            post.take(made)

    def kill(self, name: str, away_s: float | None = None) -> None:
        post = self.posts[name]
        if post.holder is None:
            return
        if name != 'perception':
            getattr(post.holder, 'die', lambda: None)()
        post.leave()
        self.world.after(away_s or self.world.random.uniform(*AWAY_S), lambda: self.start(name))

    def _wire(self, writer: str, *readers: tuple[str, str], latched: bool = False) -> Wire:
        return Wire(
            self.world,
            self.posts[writer],
            [(self.posts[name], method) for name, method in readers],
            latched and self.rules.latched,
            self.loss,
        )

    def _speaker(self) -> MortalSpeaker:
        speaker = MortalSpeaker(self.world, self.tape, self.rules)
        speaker.playback = self._wire(
            'speaker', ('decision', 'on_event'), ('reaction', 'on_playback')
        )
        return speaker

    def _reaction(self) -> MortalReaction:
        reaction = MortalReaction(self.world, self.marks, tagged=True)
        reaction.replies = len(self.marks)  # marks go on where the former life was
        reaction.speech = self._wire('reaction', ('speaker', 'on_speech'))
        return reaction

    def _decision(self) -> MortalDecision:
        interrupt = self._wire(
            'decision', ('speaker', 'on_interrupt'), ('reaction', 'on_interrupt'), latched=True
        )
        return MortalDecision(
            self.world, interrupt, self._wire('decision', ('reaction', 'on_react')), self.rules
        )

    def _perception(self) -> Perception:
        return Perception(self._wire('perception', ('decision', 'on_event')))

    def tell(self, t: float, make: Callable[[float], Event]) -> None:
        """The decision of that moment gets an event, made of the time by its clock."""
        self.world.at(t, lambda: self.posts['decision'].holder.on_event(make(self.world.unix_s)))

    # -- what came of it --------------------------------------------------------------------------

    @property
    def deaths(self) -> dict[str, int]:
        return {name: len(lives) - 1 for name, lives in self.lives.items()}

    def stale_samples(self) -> int:
        """Sample pairs of an older epoch, heard after a speaker (in any life) knew a newer one."""
        sound = self.tape.sound.reshape(-1)
        allowed = np.full(sound.size, SILENCE)
        known = 0
        for at, epoch in self.tape.learnt:
            if epoch > known:
                known = epoch
                allowed[at:] = self.marks.get(epoch, SILENCE)
        heard = replies_in(sound)
        return int(np.count_nonzero((heard != SILENCE) & (heard != allowed)))

    def answered(self) -> bool:
        """Whether sound of the newest reply was heard, at full voice, after the last question."""
        mark = self.marks.get(max(self.marks, default=0), SILENCE)
        sound = self.tape.sound.reshape(-1)[int(self.last_question * RATE) :]
        loud = np.count_nonzero((replies_in(sound) == mark) & (sound > 0.99 * LOUDEST))
        return bool(
            mark != SILENCE and loud > RATE // 20
        )  # 0.1 s, as every other sample is positive

    def longest_whisper_s(self) -> float:
        """How long after it was last told to lower its voice the robot was heard doing so."""
        longest = 0.0
        for block in np.flatnonzero(
            (self.tape.sound > 0).any(axis=1) & (self.tape.sound.max(axis=1) < HALF_VOICE)
        ):
            t = block * BLOCK / RATE
            told = max((at for at in self.tape.lowered if at <= t), default=-np.inf)
            longest = max(longest, t - told)
        return longest

    def lowered_s(self) -> float:
        """For how long it was heard lowered, all in all."""
        low = (self.tape.sound > 0).any(axis=1) & (self.tape.sound.max(axis=1) < HALF_VOICE)
        return float(np.count_nonzero(low)) * BLOCK / RATE

    def end_gain(self) -> float:
        """What the speaker that is there at the end does to a sound."""
        speaker, out = self.lives['speaker'][-1], np.zeros(BLOCK, np.int16)
        speaker.playout.flush(fade=False)
        speaker.playout.push(speaker.gate.epoch + 1, np.full(BLOCK, 10_000, np.int16))
        speaker.playout.fill(out)
        return float(out[-1]) / 10_000


def replies_in(audio: np.ndarray) -> np.ndarray:
    """The mark that each positive sample carries, SILENCE elsewhere.

    Read against the mean of its two neighbours, so that a straight ramp of the gain, however
    steep, does not matter.
    """
    found = np.full(audio.size, SILENCE)
    before, here, after = (audio[at : audio.size - 2 + at].astype(np.float64) for at in range(3))
    at = np.flatnonzero((here > 100) & (after < 0))
    around = np.where(before[at] < 0, (before[at] + after[at]) / 2, after[at])
    found[at + 1] = np.rint(np.log(-around / here[at]) / np.log(STEP))
    return found

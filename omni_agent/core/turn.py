"""All conversation states and transitions: who speaks, who is to speak, and when the voice gives
way.

Two machines run side by side, the person and the agent; a third of two states is the voice.
``_meet`` is the only place where the person's speech acts on the agent's.
"""

from __future__ import annotations

from dataclasses import replace

from .addressee import ABOUT, Addressee, Score, Situation, Verdict, takes_floor
from .attention import Attention, Mode, person_of, refused
from .barge_in import BargeIn
from .end_of_turn import EndOfTurn
from .epoch import Admission, EpochGate
from .events import (HALTING, ButtonHeld, CorrectionsForgotten, Effect, EndInstructions, Event,
                     HushRequested, Interrupt, Judge, Judged, LookedAt, ModeWanted, Moving,
                     Noticed, Overheard, PlaceEntered, Played, Playing, React, Reason, Remember,
                     Role, SceneChanged, SoundStarted, SpeechStarted, SpeechStopped, Transcript,
                     Typed, Weigh, Weighed)
from .lexicon import Lexicon
from .nearness import WHOLE_S, Nearness
from .own_words import is_own
from .remarks import Remarks
from .turn_states import AGENT, PERSON, Agent, Person, TurnParams, View, Voice

MOST_UNANSWERED = 4      # questions that one reply answers: the last ones, in a storm
RECENT = 2               # results of a recogniser that the next one is compared with
TYPED = -1               # in place of the number of an utterance
SET_BACK_S = 1.0         # a clock that goes back by more was set
# [log odds] of words alone, up to which they were said to somebody else; the same for words that
# go on from a question to the robot
ASIDE, ELSEWHERE = -1.0, -2.0
GOES_ON_S = 1.5          # who says 'No,' over the robot's voice goes on by then, or said all
VERDICTS = {Verdict.ADDRESSED: 'for the robot', Verdict.UNSURE: 'perhaps for the robot',
            Verdict.NOT_ADDRESSED: 'not for the robot'}


class TurnMachine:
    """``step`` an event, obey the effects, and come back with a Tick at ``deadline``."""

    def __init__(self, params: TurnParams, addressee: Addressee, epoch: int, lexicon: Lexicon,
                 attention: Attention | None = None) -> None:
        self.params = params
        self.addressee = addressee
        self.attention = attention or Attention()
        self.lexicon = lexicon
        self.end_of_turn = EndOfTurn(params, lexicon)
        self.barge_in = BargeIn(params, lexicon)
        self.gate = EpochGate(epoch)
        self.nearness = Nearness()
        self.person = Person.QUIET
        self.agent = Agent.IDLE
        self.voice = Voice.UP
        self.why = 'just started'
        self.score: Score | None = None
        self._utterance = 0
        self._text = ''                          # of that utterance, partial or final
        self._earlier: tuple[str, ...] = ()      # what it was before, the last RECENT times
        self._stopped: float | None = None       # end of the person's voice
        self._final: Transcript | None = None    # words of the utterance being decided on
        # words that were being decided on when somebody made a sound
        self._held: Transcript | None = None
        self._margin: Judged | None = None
        self._asked: str | None = None           # text that the language model was asked about
        self._weighed: Weighed | None = None     # what the small model said last
        self._decided: Transcript | None = None  # words whose answer is being prepared
        self._decided_s = 0.0                    # when their voice stopped
        # a sound in the silence after them, which may be the next word
        self._rustled_s = float('-inf')
        self._unanswered: list[tuple[int, str]] = []   # what a reply has to answer, by utterance
        self._settled = 0                        # utterance that needs no (further) decision
        # from when on the turn that is being answered is over
        self._certain_s = 0.0
        # utterance that began before that, or hardly later: the person went on
        self._resumed = 0
        # utterance that began when no sound of the reply had been heard
        self._added = 0
        # what the reply that is being spoken answers
        self._answered: list[tuple[int, str]] = []
        self._sounded_s = 0.0                    # when its first sound was heard
        self._cut_in = 0                         # utterance that silenced the robot
        # said over the robot's voice; the language model is asked about it
        self._doubted: Transcript | None = None
        # a word that takes the floor, let pass because it was all; a sentence may begin so
        self._begun: Transcript | None = None
        self._lowered_since = 0.0
        # it was lowered, and nobody has been found to speak yet
        self._for_a_sound = False
        # what is being decided on does not seem to be for the robot
        self._refused = False
        self._began_s = 0.0                      # the last utterance
        # end of the last utterance that was not for the robot, of the last one about it
        self._refused_s: float | None = None
        self._spoken_of_s: float | None = None
        self._spoke_s: float | None = None       # end of the robot's last speech
        self._last_heard = ''
        self._person_s = 0.0                     # last sign of life of the person
        self._reply_s = 0.0                      # last sign of life of the reply
        # wheels or arms are at work: they hold for a voice, and stop for a stop
        self.moves = False
        self._remarks = Remarks(params.remark_wait_s, params.remark_limit_s)
        self._now = 0.0                          # of the last step

    @property
    def epoch(self) -> int:
        return self.gate.epoch

    @property
    def typed(self) -> bool:
        """The newest question was."""
        return bool(self._unanswered) and self._unanswered[-1][0] == TYPED

    def view(self) -> View:
        return View(self.epoch, self.person, self.agent, self.voice, self._utterance, self._text,
                    self.score, self.why)

    def start(self) -> list[Effect]:
        """Void whatever a former life of this node left behind."""
        return [Interrupt(self.epoch, False, Reason.STARTED)]

    def step(self, event: Event, now: float) -> list[Effect]:
        """Never raises, never blocks; an event of an older epoch changes nothing but the
        memory.
        """
        if now < self._now - SET_BACK_S:
            self._shift(now - self._now)
        self._now = now
        if not isinstance(event, (Judged, Weighed)) and event.t > now:
            event = replace(event, t=now)        # the future is not heard: a clock is wrong
        self.person = PERSON.get((self.person, type(event)), self.person)
        effects = self._take(event, now)
        return effects + self._meet(event, now) + self._expire(now)

    def _shift(self, by_s: float) -> None:
        """Somebody set the clock back: what is awaited is awaited for as long as before."""
        for name in ('_certain_s', '_decided_s', '_rustled_s', '_sounded_s', '_lowered_since',
                     '_person_s', '_reply_s', '_began_s'):
            setattr(self, name, getattr(self, name) + by_s)
        self._remarks.shift(by_s)
        self.attention.shift_clock(by_s)
        for name in ('_stopped', '_refused_s', '_spoken_of_s', '_spoke_s'):
            if getattr(self, name) is not None:
                setattr(self, name, getattr(self, name) + by_s)
        for name in ('_final', '_held', '_doubted', '_begun'):
            if getattr(self, name) is not None:
                setattr(self, name, replace(getattr(self, name), t=getattr(self, name).t + by_s))

    def deadline(self) -> float | None:
        """When to come back with a Tick, None while there is nothing to wait for."""
        times = []
        if self.person is Person.SPEAKING:
            times.append(self._person_s + self.params.patience_s)
        if self.person is Person.TRAILING and self._stopped is not None:
            times.append(self._stopped + self.params.words_s)
        if self.agent is Agent.DECIDING:
            times.append(self._decide_at())
        if self.agent in (Agent.PREPARING, Agent.SPEAKING):
            times.append(self._reply_s + self.params.patience_s)
        if self.voice is Voice.LOWERED:
            times.append(self._raise_at())
        remark = self._remarks.due(self._speaking_since()) if self.person is Person.QUIET else None
        return min(times if remark is None else [*times, remark], default=None)

    # -- what each event means by itself ----------------------------------------------------------

    def _take(self, event: Event, now: float) -> list[Effect]:
        if isinstance(event, SpeechStarted):
            return self._on_started(event, now)
        if isinstance(event, SoundStarted):
            return self._on_sound(now)
        if isinstance(event, SpeechStopped):
            self._stopped, self._person_s = event.t, now
        elif isinstance(event, Transcript):
            return self._on_transcript(event, now)
        elif isinstance(event, Judged):
            self._margin = event if event.text == self._asked else self._margin
        elif isinstance(event, Weighed):
            return self._on_weighed(event)
        elif isinstance(event, Playing):
            return self._on_playing(event, now)
        elif isinstance(event, Played):
            return self._on_played(event, now)
        elif isinstance(event, SceneChanged):
            return [Remember(Role.SCENE, event.text)]
        elif isinstance(event, HushRequested):
            self.why = 'an operator asked for silence'
            self._forget()
            return self._void(Reason.HUSH, event.t)
        elif isinstance(event, Typed):
            return self._on_typed(event, now)
        elif isinstance(event, Noticed):
            self._remarks.add(event.text, now)
        elif isinstance(event,
                        (LookedAt, ButtonHeld, ModeWanted, PlaceEntered, CorrectionsForgotten)):
            self._attend(event)
        elif isinstance(event, Moving):
            self.moves = event.moving
            if not event.moving and self.agent not in (Agent.PREPARING, Agent.SPEAKING):
                return self._raise_voice(Reason.NO_INTERRUPT)
        return []

    def _attend(self, event: LookedAt | ButtonHeld | ModeWanted | PlaceEntered
                | CorrectionsForgotten) -> None:
        if isinstance(event, LookedAt):
            self.attention.contact(event.t)
        elif isinstance(event, ButtonHeld):
            self.attention.button(event.held)
        elif isinstance(event, ModeWanted):
            self.attention.switch(Mode(event.mode))
        elif isinstance(event, PlaceEntered):
            self.attention.enter(event.place)
        else:
            self.attention.forget()

    def _on_started(self, event: SpeechStarted, now: float) -> list[Effect]:
        if self.agent is Agent.DECIDING:         # the turn was not over, or somebody coughed
            self._set_aside(event.utterance)
            self.why = 'the person goes on'
        self._began_s = event.t
        if event.utterance != self._utterance:
            self._text, self._earlier, self.score = '', (), None
            if self._begun is not None and event.t > self._begun.t + GOES_ON_S:
                self._begun = None
        if event.utterance == self._settled:
            self._settled = 0
        if (self.agent is Agent.PREPARING and event.t < self._certain_s or
            (self.agent is Agent.SPEAKING and event.t < self._sounded_s + self.params.carry_on_s)):
            self._resumed = event.utterance
        if self.agent is Agent.PREPARING and self._decided is not None:
            self._added = event.utterance
        self._utterance, self._person_s = event.utterance, now
        self._stopped, self._final = None, None
        self._doubted = None
        return []

    def _set_aside(self, utterance: int) -> None:
        """Stop deciding; the words are kept unless they are part of ``utterance``, which brings
        them again.
        """
        final = self._final
        self._held = final if final is not None and final.utterance != utterance else None
        self.agent = Agent.IDLE

    def _on_transcript(self, event: Transcript, now: float) -> list[Effect]:
        if event.utterance < self._utterance or event.utterance == self._settled:
            return []
        earlier = (*self._earlier, self._text) if event.utterance == self._utterance else ()
        self._earlier = tuple(filter(None, earlier))[-RECENT:]
        self._utterance, self._text, self._person_s = event.utterance, event.text, now
        if not event.final or self.person is Person.SPEAKING:
            return []
        if self.agent is Agent.DECIDING:         # late words of a noise that was already given up
            self._set_aside(event.utterance)
        self._final = event
        return []

    def _on_playing(self, event: Playing, now: float) -> list[Effect]:
        if self.gate.admit(event.epoch) is not Admission.CURRENT:
            return []
        self._reply_s = now
        self.attention.contact(event.t)
        first = self.agent is Agent.PREPARING
        self.agent = AGENT.get((self.agent, Playing), self.agent)
        if not first:
            return []
        self._remarks.sounded()
        self._answered, self._unanswered, self._sounded_s = self._unanswered, [], event.t
        return [Remember(Role.PERSON, text) for _, text in self._answered]

    def _on_played(self, event: Played, now: float) -> list[Effect]:
        """Heard text is remembered whatever its epoch: it was heard."""
        effects: list[Effect] = []
        if event.heard:
            self._spoke_s, self._last_heard = event.t, event.heard
            effects = [Remember(Role.ROBOT, event.heard, truncated=not event.complete)]
        if event.epoch == self.epoch and self.agent in (Agent.PREPARING, Agent.SPEAKING):
            self.agent = AGENT.get((self.agent, Played), self.agent)
            self.why = 'said everything' if event.complete else 'the reply ended early'
            self._unanswered = []
            if self.voice is Voice.LOWERED:
                effects += self._raise_voice(Reason.NO_INTERRUPT)
        return effects

    def _on_typed(self, event: Typed, now: float) -> list[Effect]:
        if self.lexicon.is_stop(event.text, self.addressee.name_words):
            self.why = 'a typed stop'
            self._forget()
            return [*self._void(Reason.STOP_PHRASE, event.t), EndInstructions(event.text)]
        self._held = None
        self._unanswered.append((TYPED, event.text))
        self.why = 'typed, so it is for the robot'
        return self._react(event.t, now, not_before=now)

    # -- where the two machines meet --------------------------------------------------------------

    def _meet(self, event: Event, now: float) -> list[Effect]:
        busy = self.agent in (Agent.PREPARING, Agent.SPEAKING)
        if (isinstance(event, SoundStarted) and self.voice is Voice.UP
                and (self.agent is Agent.SPEAKING or self._may_begin(now))):
            return self._lower_voice(event.t, now, for_a_sound=True)
        if isinstance(event, SpeechStarted) and (busy or self.moves):
            return self._lower_voice(event.t, now)
        if isinstance(event, Transcript) and event.utterance == self._utterance != self._settled:
            if (self.lexicon.is_stop(event.text, self.addressee.name_words)
                    and not self._is_own(event, is_stop=True)):
                return self._on_stop_phrase(event)
            if self.attention.told_off(event.text, event.t) and not self._is_own(event):
                return self._on_told_off(event, busy)
            if busy:
                return self._on_overlap(event, now)
            if self._final is event:
                return self._begin_deciding(event, now)
            # a verdict on what was said so far, for whoever turns to look
            self.score = self._score(self._question(event), event, event.t)
            self.why = f'so far {VERDICTS[self.score.verdict]} ({self.score.because()})'
        if isinstance(event, Judged) and self._doubted is not None and event.text == self._asked:
            return self._on_doubt_settled(self._doubted, event.margin, now)
        return []

    def _on_stop_phrase(self, event: Transcript) -> list[Effect]:
        self._forget()
        effects: list[Effect] = []
        # a partial one may go on: 'stop, what is the time?'
        if event.final:
            self._settled = event.utterance
            effects = [EndInstructions(event.text)]
        if self.agent is Agent.IDLE and self.voice is Voice.UP and not self.moves:
            self.why = 'asked to stop, but nothing is being said or done'
            return effects
        self.why = f'"{event.text}"'
        return [*self._void(Reason.STOP_PHRASE, event.t), *effects]

    def _on_told_off(self, event: Transcript, busy: bool) -> list[Effect]:
        """'I wasn't talking to you': it is silent at once, and asks for nothing more."""
        if event.final and self.person is Person.SPEAKING:
            return []
        if event.final:
            self._settled, self._final, self._held = event.utterance, None, None
            self.why = f'"{event.text}"{self._learn(event, answered=False)}'
        if not busy and not self.moves:
            return []
        self._forget()
        return self._void(Reason.STOP_PHRASE, event.t)

    def _on_overlap(self, event: Transcript, now: float) -> list[Effect]:
        if self._is_barge_in(event, now):
            return self._on_barge_in(event, now)
        if not event.final or self.person is Person.SPEAKING:
            return []
        if self._is_doubtful(event, now):
            self._doubted, self._margin, self._asked = event, None, event.text
            self.why = f'"{event.text}" may be for the robot'
            return [Judge(event.utterance, event.text)]
        return self._let_pass(event, now)

    def _on_barge_in(self, event: Transcript, now: float) -> list[Effect]:
        spoken = self.agent is Agent.SPEAKING
        self.why = f'"{event.text}" cuts in ({self.score.because() if self.score else ""})'
        if spoken:
            self._cut_in = event.utterance
            if event.utterance == self._resumed:
                self._unanswered = list(self._answered)
            if (self._begun is not None
                    and self._over(event, now) != self._score(event.text, event, now)):
                self._unanswered.append((self._begun.utterance, self._begun.text))
        self._begun = None
        effects = self._void(Reason.BARGE_IN if spoken else Reason.SUPERSEDED, event.t)
        if self._final is event:
            effects += self._begin_deciding(event, now)
        return effects

    def _on_doubt_settled(self, event: Transcript, margin: float | None,
                          now: float) -> list[Effect]:
        self._doubted = None
        self.score = self._over(event, now, margin)
        if self.score.probability < self.addressee.params.threshold:
            return self._let_pass(event, now, margin)
        if self.agent in (Agent.PREPARING, Agent.SPEAKING):
            return self._on_barge_in(event, now)
        return self._begin_deciding(event, now) if self.agent is Agent.IDLE else []

    def _let_pass(self, event: Transcript, now: float,
                  margin: float | None = None) -> list[Effect]:
        self._settled, self._final = event.utterance, None
        nod, own = self.barge_in.is_nod(event), self._is_own(event)
        self.why = (f'"{event.text}" is ' +
                    ('a nod' if nod else 'its own voice' if own else 'not for the robot'))
        self.score = self._over(event, now, margin)
        self._begun = None
        effects = self._raise_voice(Reason.NO_INTERRUPT)
        if nod or own:
            return effects
        # a lone 'No,' is no talk among people: who said it goes on, and was not refused
        if not self.barge_in.has_news(event.text) and takes_floor(self.score):
            self._begun = event
        elif self.score.probability < self.addressee.params.threshold:
            effects += self._on_refused(event, self.score, now)
        return effects

    def _over(self, event: Transcript, now: float, margin: float | None = None) -> Score:
        """Said over the robot's voice; after 'No,' and a breath as one sentence, where that tells
        more.
        """
        alone = self._score(event.text, event, now, margin)
        if self._begun is None:
            return alone
        whole = self._score(f'{self._begun.text} {event.text}', event, now, margin)
        return max(alone, whole, key=lambda score: score.probability)

    def _on_refused(self, event: Transcript, score: Score, now: float) -> list[Effect]:
        """It was for somebody else, or nobody can tell."""
        self._refused_s = now
        if ABOUT & {name for name, _ in score.evidence}:
            self._spoken_of_s = now
        return [Overheard(event.text)] if self.params.keep_side_talk else []

    def _is_doubtful(self, event: Transcript, now: float) -> bool:
        """Enough was said to cut in, and neither words nor dialogue tell to whom."""
        if self.barge_in.is_nod(event) or self._is_own(event):
            return False
        return (self.barge_in.has_news(event.text)
                and not self._over(event, now).decisive)

    def _is_own(self, event: Transcript, is_stop: bool = False) -> bool:
        return is_own(event.text_echo, event.echo, is_stop)

    def _is_barge_in(self, event: Transcript, now: float) -> bool:
        if self.lexicon.is_nod(event.text) or self._is_own(event):
            return False
        if event.utterance == self._resumed and event.final and self.agent is Agent.PREPARING:
            # one more word of the same sentence is enough
            return not self._is_aside(event, ELSEWHERE)
        if self.lexicon.opens_with_stop(event.text, self.addressee.name_words):
            return True                          # 'hold on, what about Italy?'
        if self.barge_in.is_nod(event) or not self.barge_in.is_news(event):
            return False
        self.score = self._over(event, now)
        goes_on = event.utterance in (self._resumed, self._added)
        return self.barge_in.cuts_in(event, self.score, self._earlier, goes_on)

    def _begin_deciding(self, event: Transcript, now: float) -> list[Effect]:
        own = self._is_own(event)
        if (own or self.lexicon.is_noise(event.text)
                or self.lexicon.is_nod(event.text) and not self._is_answer(event.t)):
            self._settled, self._final = event.utterance, None
            self.why = f'"{event.text}" ' + ('is its own voice' if own else 'needs no answer')
            self.score = self._score(event.text, event, event.t)
            return self._raise_voice(Reason.NO_INTERRUPT) + self._take_up_held(now)
        overheard = self._join_held(now)
        self.agent, self._refused = Agent.DECIDING, False
        text = self._question(event)
        self._margin = self._margin if text == self._asked else None
        self._asked = None
        self.score = self._score(text, event, event.t)
        effects = [*overheard, *self._weigh(event)]
        if self.score.decisive:
            return effects
        self._asked = text
        return effects if self._margin is not None else [*effects, Judge(event.utterance, text)]

    def _join_held(self, now: float) -> list[Effect]:
        """What was set aside is part of the same question, unless its words were rather said to
        somebody else: then no reply has to know them.
        """
        held, self._held = self._held, None
        if held is None:
            return []
        if self._is_aside(held, ASIDE):
            return self._on_refused(held, self._alone(held), now)
        self._unanswered.append((held.utterance, held.text))
        return []

    def _alone(self, said: Transcript) -> Score:
        """Whatever the mode is."""
        return self.addressee.score(said.text, self._situation(said, said.t))

    def _is_aside(self, said: Transcript, by_words: float) -> bool:
        """Among words that are for the robot, these were rather said to somebody else."""
        alone = self._alone(said)
        return alone.verdict is Verdict.NOT_ADDRESSED and alone.by_words <= by_words

    def _weigh(self, event: Transcript) -> list[Effect]:
        if self._ending(event) is not None or not self.end_of_turn.wants_guess(event):
            return []
        return [Weigh(event.utterance, event.text)]

    def _ending(self, final: Transcript) -> float | None:
        """Probability that a sentence ends with these words, as far as it is known."""
        return (self._weighed.ending
                if self._weighed is not None and self._weighed.text == final.text else None)

    def _on_weighed(self, event: Weighed) -> list[Effect]:
        """The answer that is being prepared may be heard sooner or later than was thought."""
        self._weighed = event
        decided = self._decided
        if decided is None or decided.utterance != event.utterance:
            return []
        return self._move()

    def _on_sound(self, now: float) -> list[Effect]:
        """A voice is found later than its first sound, and until then the turn must not be over.
        Once in a silence: a kitchen is full of sounds.
        """
        if (self._stopped is None or self._rustled_s >= self._stopped
                or self.agent is Agent.PREPARING and now >= self._certain_s):
            return []
        self._rustled_s = now
        return self._move()

    def _may_begin(self, now: float) -> bool:
        """The first sound of the reply may be heard any moment: not while somebody may be
        speaking.
        """
        return self.agent is Agent.PREPARING and now >= self._certain_s

    def _move(self) -> list[Effect]:
        """The answer that is being prepared may be heard at another time than was told."""
        if self.agent is not Agent.PREPARING or self._decided is None:
            return []
        certain_s = self._certain_at(self._decided, self._decided_s)
        if certain_s == self._certain_s:
            return []
        self._certain_s = certain_s
        return [React(self.epoch, self._brief(), certain_s)]

    def _certain_at(self, final: Transcript, stopped: float) -> float:
        """When a turn whose voice stopped then is certainly over."""
        return max(stopped + self.end_of_turn.silence_s(final, self._ending(final)),
                   self._rustled_s + self.params.resume_s)

    def _take_up_held(self, now: float) -> list[Effect]:
        """It was a cough or a nod: the question before it still stands."""
        if self.agent is not Agent.IDLE:
            return []
        # a reply that was taken back before its first sound
        if self._held is None:
            return self._react(now, now, not_before=now) if self._unanswered else []
        self._final, self._held = self._held, None
        self._utterance, self._text = self._final.utterance, self._final.text
        self._stopped = self._final.t
        return self._begin_deciding(self._final, now)

    # -- what time does ---------------------------------------------------------------------------

    def _expire(self, now: float) -> list[Effect]:
        effects: list[Effect] = []
        if self.person is Person.SPEAKING and now >= self._person_s + self.params.patience_s:
            self.person = Person.QUIET           # the news that it stopped was lost
            effects += self._take_up_held(now)
        if self.person is Person.TRAILING and self._stopped is not None:
            if now >= self._stopped + self.params.words_s:
                self.person = Person.QUIET
                effects += self._take_up_held(now)
        if self.voice is Voice.LOWERED and now >= self._raise_at():
            self.why = 'nothing came of it'
            effects += self._raise_voice(Reason.NO_INTERRUPT)
        if self.agent is Agent.DECIDING and now >= self._decide_at():
            effects += self._decide(now)
        if (self.agent in (Agent.PREPARING, Agent.SPEAKING)
                and now >= self._reply_s + self.params.patience_s):
            self.why = 'the reply got lost'
            self._forget()
            effects += self._void(Reason.LOST, None)
        if self.person is Person.QUIET:
            effects += self._remark(now)
        return effects

    def _remark(self, now: float) -> list[Effect]:
        """Something to be told unasked, now that nobody is in the middle of a word."""
        text = self._remarks.take(now, self.agent is Agent.IDLE, self._speaking_since())
        if text is None:
            return []
        self.why = 'unasked'
        return self._react(now, now, not_before=now, say=text)

    def _speaking_since(self) -> float | None:
        return self._sounded_s if self.agent is Agent.SPEAKING else None

    def _raise_at(self) -> float:
        """When a lowered voice comes back: soon, if it was for a sound and nobody speaks."""
        return (self._lowered_since +
                (self.params.onset_limit_s if self._for_a_sound else self.params.duck_limit_s))

    def _decide_at(self) -> float:
        """When to prepare the answer; but the model that says to whom that was has its say or its
        time.
        """
        assert self._final is not None
        stopped = self._stopped if self._stopped is not None else self._final.t
        if self._refused:
            end = self._certain_at(self._final, stopped)
        else:
            end = stopped + self.end_of_turn.prepare_s(self._final, self._ending(self._final))
        if self._asked is not None and self._margin is None:
            end = max(end, stopped + self.params.judge_s)
        return end

    def _decide(self, now: float) -> list[Effect]:
        final = self._final
        assert final is not None
        text = self._question(final)
        margin = self._margin.margin if self._margin else None
        self.score = self._score(text, final, final.t, margin)
        self._refused = self.score.probability < self.addressee.params.threshold
        # there is nothing to prepare, and more words may change it
        if now < self._decide_at():
            return []
        self.agent, self.person = Agent.IDLE, Person.QUIET
        self._settled, self._final = final.utterance, None
        if self._refused:
            self._unanswered = []
            self.why = (f'{VERDICTS[self.score.verdict]} ({self.score.because()})' +
                        self._learn(final, answered=False))
            return [
                *self._raise_voice(Reason.NO_INTERRUPT), *self._on_refused(final, self.score, now)
            ]
        self.why = f'for the robot ({self.score.because()})' + self._learn(final, answered=True)
        if self._is_sure(self.score):
            self.nearness.spoke(final.level_dbfs, final.t)
        self._unanswered = [item for item in self._unanswered if item[0] != final.utterance]
        self._unanswered.append((final.utterance, final.text))
        stopped = self._stopped if self._stopped is not None else final.t
        effects = self._react(final.t, now, not_before=self._certain_at(final, stopped))
        self._decided, self._decided_s = final, stopped
        return effects

    def _is_sure(self, score: Score) -> bool:
        """The language model's say counts as well: how loud who speaks to it is, is known from
        the first answer on.
        """
        return (score.decisive
                or sum(share for _, share in score.evidence) >= self.addressee.params.sure)

    def _learn(self, final: Transcript, answered: bool) -> str:
        """From being told that it erred, or from a question that had to be repeated; in words."""
        asks = self.score is not None and self.score.by_words > 0.0
        learnt = self.attention.heard(final.text, final.t, answered, person_of(final.cues), asks)
        return f'; learnt: {learnt}' if learnt else ''

    # -- the few things the agent can do ----------------------------------------------------------

    def _react(self, t: float, now: float, not_before: float, say: str = '') -> list[Effect]:
        """Have a reply prepared; it may be heard from ``not_before`` on, when the turn is
        certainly over.
        """
        if not say and self.agent is Agent.PREPARING:
            self._remarks.take_back()
        self.gate.admit(self.epoch + 1)
        self._unanswered = self._unanswered[-MOST_UNANSWERED:]
        self.agent, self.voice, self._reply_s = Agent.PREPARING, Voice.UP, now
        self._certain_s, self._resumed, self._added, self._decided = not_before, 0, 0, None
        return [Interrupt(self.epoch, False, Reason.NEW_REPLY, t),
                React(self.epoch, say or self._brief(), not_before, say)]

    def _brief(self) -> str:
        return ' '.join(text for _, text in self._unanswered)

    def _void(self, reason: Reason, evidence: float | None) -> list[Effect]:
        """Everything of this epoch and before is over."""
        if reason is Reason.SUPERSEDED:
            self._remarks.take_back()
        self.gate.admit(self.epoch + 1)
        self.agent, self.voice = Agent.IDLE, Voice.UP
        self.moves = self.moves and reason not in HALTING
        return [Interrupt(self.epoch, False, reason, evidence)]

    def _forget(self) -> None:
        """No question that was asked so far will be answered."""
        self._held, self._final, self._doubted, self._unanswered = None, None, None, []
        self._begun = None
        self._remarks.clear()

    def _lower_voice(self, evidence: float, now: float, for_a_sound: bool = False) -> list[Effect]:
        self._for_a_sound = for_a_sound
        self.why = 'something sounds' if for_a_sound else 'somebody may be speaking'
        if self.voice is Voice.LOWERED:
            return []
        self.voice, self._lowered_since = Voice.LOWERED, now
        return [Interrupt(self.epoch, True, Reason.FIRST_SOUND, evidence)]

    def _raise_voice(self, reason: Reason) -> list[Effect]:
        if self.voice is Voice.UP:
            return []
        self.voice = Voice.UP
        return [Interrupt(self.epoch, False, reason)]

    # -- questions --------------------------------------------------------------------------------

    def _question(self, final: Transcript) -> str:
        """Everything that a reply has to answer, this utterance last."""
        earlier = [text for utterance, text in self._unanswered if utterance != final.utterance]
        return ' '.join(earlier + [final.text])

    def _is_answer(self, t: float) -> bool:
        """'Okay' straight after the robot's yes/no question is no nod."""
        straight = (self._spoke_s is not None
                    and t - self._spoke_s <= self.addressee.params.follow_up_s)
        return straight and self.lexicon.wants_yes_or_no(self._last_heard)

    def _robot_asked(self) -> bool:
        return self._last_heard.rstrip().endswith('?')

    def _score(self, text: str, said: Transcript, t: float, margin: float | None = None) -> Score:
        """To whom ``text`` was said, and whether the robot listens at all."""
        score = self.addressee.score(text, self._situation(said, t), margin)
        if self._is_own(said):
            return refused(score, 'its own voice')
        return self.attention.admit(score, text, t)

    def _situation(self, said: Transcript, t: float) -> Situation:
        # others are at it where this began soon after them, however long it is itself
        began = min(t, self._began_s) if self._began_s else t
        return Situation(
            robot_speaking=self.agent is Agent.SPEAKING,
            cut_in=self._cut_in == self._utterance,
            robot_spoke_s=None if self._spoke_s is None else max(0.0, t - self._spoke_s),
            robot_asked=self._robot_asked(),
            side_talk_s=(None if self._refused_s is None else max(0.0, began - self._refused_s)),
            louder_db=self.nearness.louder_db(said.level_dbfs, t,
                                              WHOLE_S if said.final else said.voiced_s),
            cues=said.cues,
            spoken_of_s=(None if self._spoken_of_s is None else max(0.0, t - self._spoken_of_s)),
            learnt=self.attention.shift(person_of(said.cues)))

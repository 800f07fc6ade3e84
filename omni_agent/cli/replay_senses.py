"""``omni-agent replay BAG --from senses``: what was recorded of the senses through the ears, the
eyes and the decision core of today.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass, replace
from typing import Any, Callable, Mapping, Sequence

from omni_agent.backends import ear_models, load, model_cache, models
from omni_agent.backends.hear_again import HearAgain, pace
from omni_agent.backends.senses_again import Listened, SensesAgain, Stretch
from omni_agent.core.ears import Ears, PerceptionParams
from omni_agent.core.endpoint import EndpointParams
from omni_agent.core.errors import ConfigError
from omni_agent.core.events import SceneChanged
from omni_agent.core.heard_then_and_now import HeardRow, compare
from omni_agent.core.lips import LipsInTime
from omni_agent.core.percepts import Kind, Perceived
from omni_agent.core.replay import HEARD, Rerun

from .bag_senses import Senses, inputs
from .bag_steps import Recorded
from .replay_machines import Prepared, chosen, recorded_parameters
from .replay_seen import WATCHING, Seen, Watch, is_of_eyes, seen, watch
from .replay_words import Piece

PERCEPTION: Mapping[str, type] = {'': PerceptionParams, 'endpoint': EndpointParams}
LISTENING = ('silero_vad', 'moonshine_tiny_en', 'moonshine_base_en', 'smart_turn', 'ge2e_voice')
FACES_HZ = 2.5           # of the node, where it was not recorded
SETTLED_S = 0.5          # who spoke when the recording began, or ended, is heard in part
TELL_S = 0.5             # between two words about progress on a terminal
TELL_SELDOM_S = 15.0     # and in a file


@dataclass(frozen=True)
class Heard:
    """What came of the sound; ``took_s`` on this machine for ``seconds`` of it. ``seen``: what
    came of the pictures, None: they were not looked at again.
    """

    rows: tuple[HeardRow, ...]
    seconds: float
    took_s: float
    notes: tuple[str, ...]
    seen: Seen | None = None

    @property
    def is_same(self) -> bool:
        return not any(row.is_other for row in self.rows) and (self.seen is None
                                                               or self.seen.is_same)


def replay(senses: Senses, found: Recorded, prepared: list[Prepared], changes: dict[str, object],
           quiet: bool = False) -> tuple[Heard, list[Piece]]:
    """``changes``: parameters of perception by name. Raises ConfigError, BackendError."""
    known = recorded_parameters(senses.folder, found, 'perception')
    given = {prefix: known.get(prefix, {}) if prefix else
             {name: value for name, value in known.items() if not isinstance(value, dict)}
             for prefix in PERCEPTION}
    given[''] = {name: value for name, value in given[''].items()
                 if name in PerceptionParams.__dataclass_fields__}
    of_ears = {name: value for name, value in changes.items() if not is_of_eyes(name)}
    (params, endpoint), strange = chosen(PERCEPTION, given, of_ears, tuple(PERCEPTION))
    watched = watch(senses, known, changes)
    began = time.monotonic()
    progress = _Progress(senses, quiet)
    try:
        told, pieces = _run(senses, prepared, params, endpoint, known, watched, progress)
    finally:
        progress.close()
    now = told.perceived if senses.has_cues else [replace(one, cues=())
                                                  for one in told.perceived]
    rows = compare([one.perceived for one in senses.recorded if _is_whole(one.perceived, told)],
                   [one for one in now if _is_whole(one, told)])
    looked = seen(senses, watched, told.looked)
    notes = (*_notes(senses, known, strange), *_counted(told),
             *(watched.notes if looked is None else looked.notes))
    return Heard(tuple(rows), told.end_s - told.began_s, time.monotonic() - began, notes,
                 looked), pieces


def _run(senses: Senses, prepared: list[Prepared], params: PerceptionParams,
         endpoint: EndpointParams, known: dict[str, Any], watched: Watch,
         progress: Callable[[float], None]) -> tuple[Listened, list[Piece]]:
    hear = HearAgain(load.recogniser(params.recogniser, names=params.name_list),
                     load.turn_end(params.turn_end), pace(senses.recorded),
                     load.voice_print(params.voice_print))
    lips, counters = LipsInTime(), {}

    def count(what: str) -> None:
        counters[what] = counters.get(what, 0) + 1

    ears = Ears(params, endpoint, lips, hear.is_idle, count)
    ears.begin_after(senses.utterance)
    ears.hear_with(*ear_models.voices(params.vad),
                   load.suppressor('webrtc' if params.noise_suppression else 'none'))
    stretches: list[Stretch] = []
    again = SensesAgain(ears, lips, hear, stretches, watched.see)
    anew = HEARD if watched.see is None else (*HEARD, SceneChanged)
    for one in prepared:
        rerun = Rerun(one.machine, one.answers, one.follows, anew, again.obey)
        rerun.read_answers(one.steps)
        begin_s = one.begin.now if one.begin is not None else senses.contents.start
        stretches.append(Stretch(begin_s, one.steps, rerun))
    sees = (watched.see is None and known.get('faces') != 'none'
            and known.get('detector') != 'none')
    camera = senses.pictures.topic if watched.see is not None else ''
    told = again.run(inputs(senses, float(known.get('faces_hz', FACES_HZ)), sees, camera),
                     progress)
    told.counters.update(counters)
    return told, [Piece(one.begin, stretch.rerun.outcome(one.steps), one.notes)
                  for one, stretch in zip(prepared, stretches)]


def _is_whole(one: Perceived, told: Listened) -> bool:
    """Both could hear all of it."""
    begin = one.start or one.t
    return (one.kind is not Kind.SCENE and begin >= told.began_s + SETTLED_S
            and one.t <= told.end_s - SETTLED_S)


# -- what has to be known -------------------------------------------------------------------------


def _notes(senses: Senses, known: dict[str, Any], strange: tuple[str, ...]) -> list[str]:
    said = [] if known else [
        'the parameters of perception were not recorded: those of today are used']
    if strange:
        said.append(f'parameters of perception that are no more: {", ".join(strange)}')
    if not senses.has_reference:
        said.append('what the loudspeaker played was not recorded: the robot may take its own '
                    'voice for a person\'s')
    if not senses.has_strict:
        said.append('the strict stream was not recorded: people are heard without it')
    if not senses.has_cues:
        said.append('what voice and source told was not recorded: it is not compared')
    watching = WATCHING if senses.pictures.topic else ()
    for models_of, what in ((LISTENING, 'listen'), (watching, 'look')):
        other = _other_models(senses, models_of)
        said += [f'other models {what} now: {", ".join(other)}'] if other else []
    return said


def _other_models(senses: Senses, names: Sequence[str]) -> list[str]:
    """Names of models whose files are not those of then."""
    try:
        then = json.loads(senses.contents.custom.get('omni_agent.models', '{}'))
        here = models.manifests()
    except (ValueError, ConfigError):
        return []
    return [name for name in names if name in then and name in here
            and any(then[name].get(file.name, file.sha256) != file.sha256
                    for file in here[name].files if model_cache.place_of(here[name],
                                                                         file).is_file())]


def _counted(told: Listened) -> list[str]:
    """What went wrong with the sound itself, then as now."""
    told_of = ('chunks from the past', 'microphone restarts', 'refused references',
               'strict chunks of another microphone')
    return [f'{told.counters[what]} {what}' for what in told_of if told.counters.get(what)]


class _Progress:
    """Says on stderr how far it is, now and then: on a terminal always in the same line."""

    def __init__(self, senses: Senses, quiet: bool) -> None:
        self._start, self._length_s = senses.contents.start, senses.contents.seconds
        self._quiet, self._is_terminal = quiet, sys.stderr.isatty()
        self._every_s = TELL_S if self._is_terminal else TELL_SELDOM_S
        self._begun = self._last = time.monotonic()

    def __call__(self, t: float) -> None:
        now = time.monotonic()
        if self._quiet or now - self._last < self._every_s:
            return
        self._last, done_s = now, t - self._start
        words = (f'heard {done_s:.0f} of {self._length_s:.0f} s, '
                 f'{done_s / (now - self._begun):.1f} times as fast as it was')
        print(f'\r{words}  ' if self._is_terminal else words,
              end='' if self._is_terminal else '\n', file=sys.stderr, flush=True)

    def close(self) -> None:
        """The line is left to others."""
        if self._is_terminal and self._last > self._begun:
            print(file=sys.stderr)

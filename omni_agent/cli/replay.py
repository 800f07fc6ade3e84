"""``omni-agent replay BAG``: the recorded senses through the code of today, and what it hears,
sees and decides differently.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

from omni_agent import graph
from omni_agent.core.errors import ConfigError

from . import replay_senses
from .bag_senses import senses
from .bag_steps import recorded
from .replay_acts import with_acts
from .replay_heard import heard_json, print_both
from .replay_machines import DECISION, as_float, prepare, recorded_parameters, replay, split
from .replay_seen import EYES, is_of_eyes, seen_json
from .replay_senses import PERCEPTION
from .replay_words import as_json, notes, print_rows, print_steps, sentences, verdict, write_json

DIFFERENT = 1
SENSES = 'senses'
NOT_REPLAYED = '''
What is replayed. Without "--from senses" the decision core gets the percepts that were recorded.
With it the recorded sound (of the microphone, and of what the loudspeaker played) goes through
voice activity, segmentation, recogniser, end of turn, echo and voice cues of this version, on the
recording's own time: models take as long as they took then, however fast this machine is, and
twice the same bag gives twice the same. What is heard now goes into the decision core, and what
that decides goes back to the ears. Recorded pictures are looked at again as well, by detector,
tracks, frame skip and faces of this version ("seen"): those that were looked at then, or with
another watch_hz those that are due at that pace. Scenes and faces of now go into the decision core
and to the ears in place of the recorded ones. Where the recorder came later than the agent, the
eyes go on with the things that it saw then. Without pictures in the bag, or with "--set
perception.detector=none", scenes and faces are as recorded.

Where skills were on, the acts that follow from the decisions are compared as well ("act"): plans
by phrases are made anew, what the language model made of a request is as it was then, and so is
what became of each act.

Never replayed: the words of the language model's replies and what the robot then says (they are
no decisions of the core: reply and loudspeaker are as recorded), memory, standing instructions and
the remarks that they lead to (those are as recorded), what only words describe, closer looks.
'''


@dataclass(frozen=True)
class _Changes:
    """By name of the parameter, of the one node and the other."""

    decision: dict[str, object]
    perception: dict[str, object]


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        'replay', help='what would this version have heard and decided in a recorded talk?',
        formatter_class=argparse.RawDescriptionHelpFormatter, epilog=NOT_REPLAYED,
        description='Feed what was recorded in a bag into the present code, with the recorded '
        'parameters and the recorded\nanswers of the models, and compare the decisions. '
        'Exit code 0: the same, 1: different decisions, words, or things seen.')
    add = parser.add_argument
    add('bag', type=Path, metavar='BAG',
        help='folder that "omni-agent record" or "ros2 bag record" wrote')
    add('--from', dest='start', action='append', type=_start, default=[],
        metavar='senses|SECONDS',
        help='senses: begin with the recorded sound and pictures, and show what is heard and seen '
        'differently as well; '
        'a number: print from this second on. Both may be given')
    add('--until', type=float, default=float('inf'), metavar='SECONDS',
        help='print up to this time')
    add(
        '--set', action='append', default=[], metavar='PARAMETER=VALUE', help=
        'another parameter of the decision node, e.g. turn.barge_in_words=3, or with --from '
        'senses of perception, e.g. perception.endpoint.stop_s=0.3 or '
        'perception.tracks.born_score=0.5; may be given several times'
    )
    add('--models', action='store_true',
        help='ask the models of the decision node where the recording has no answer of theirs')
    add('--steps', action='store_true', help='print every step, not only the decisions')
    add('--different', action='store_true', help='print only what differs')
    add('--quiet', action='store_true', help='no word about the progress')
    add('--json', type=Path, metavar='FILE', help='write everything into this file as well')
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """0 where every decision is the same, and where senses are replayed every word and thing; else
    1.
    """
    with_senses = SENSES in arguments.start
    arguments.start = max((at for at in arguments.start if at != SENSES), default=0.0)
    changes = _changes(arguments.set, with_senses)
    found = recorded(arguments.bag)
    if with_senses:
        listened = senses(arguments.bag)
        prepared = prepare(found, changes.decision, arguments.bag, arguments.models)
        heard, pieces = replay_senses.replay(listened, found, prepared, changes.perception,
                                             arguments.quiet)
    else:
        heard, pieces = None, replay(found, changes.decision, arguments.bag, arguments.models)
    pieces = with_acts(arguments.bag, found, pieces,
                       recorded_parameters(arguments.bag, found, 'decision'))
    t0 = found.contents.start
    for note in [*notes(found, pieces), *(sentences(heard.notes) if heard else [])]:
        print(note)
    shown = [piece.outcome for piece in pieces]
    if arguments.steps:
        for outcome in shown:
            print_steps(outcome, t0, arguments.start, arguments.until)
    rows = [row for outcome in shown for row in outcome.rows]
    if heard is None:
        print_rows(rows, t0, arguments)
    else:
        print_both(heard, rows, t0, arguments)
    same = all(outcome.is_same for outcome in shown) and (heard is None or heard.is_same)
    print(verdict(pieces, t0))
    if arguments.json:
        data = as_json(arguments.bag, found, pieces,
                       {**changes.decision, **{f'perception.{name}': value for name, value in
                                               changes.perception.items()}}, same)
        write_json(arguments.json,
                   data if heard is None else {**data, 'heard': heard_json(heard, t0),
                                               'seen': seen_json(heard.seen, t0)})
    return 0 if same else DIFFERENT


def _start(text: str) -> str | float:
    if text == SENSES:
        return text
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f'{text!r} is neither senses nor a number of seconds') from None


def _changes(given: list[str], with_senses: bool) -> _Changes:
    """'turn.judge_s=0.5', 'decision.turn.judge_s=0.5', 'perception.partial_s=0.5'."""
    changes = _Changes({}, {})
    for text in given:
        of_perception = text.startswith('perception.')
        node, name, value = graph.setting(
            text if of_perception else f'decision.{text.removeprefix("decision.")}')
        is_seen = of_perception and is_of_eyes(name)
        kinds = EYES if is_seen else PERCEPTION if of_perception else DECISION
        if of_perception and not with_senses:
            raise ConfigError(f'{node}.{name} changes what is {"seen" if is_seen else "heard"}: '
                              'add "--from senses"')
        if split(name)[0] not in kinds and (of_perception or name != 'languages'):
            prefixes = {**PERCEPTION, **EYES} if of_perception else DECISION
            raise ConfigError(f'{node}.{name} is not replayed: choose a parameter of '
                              f'{", ".join(filter(None, prefixes))}'
                              f'{", or of ears and eyes" if of_perception else ", or languages"}')
        (changes.perception if of_perception else
         changes.decision)[name] = as_float(kinds, name, value)
    return changes

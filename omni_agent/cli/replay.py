"""``omni-agent replay BAG``: the recorded senses through the code of today, and what it decides
differently.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from omni_agent import graph
from omni_agent.core import trace
from omni_agent.core.addressee import Addressee, AddresseeParams
from omni_agent.core.errors import ConfigError
from omni_agent.core.params import check, specs
from omni_agent.core.replay import Answers, Rerun
from omni_agent.core.turn import TurnMachine, TurnParams

from .bag_steps import LIMIT, Recorded, recorded
from .replay_words import Piece, as_json, notes, print_rows, print_steps, verdict, write_json

PREFIXES = {'addressee': AddresseeParams, 'turn': TurnParams}
DIFFERENT = 1


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        'replay', help='what would this version have decided in a recorded conversation?',
        description=
        'Feed what was recorded in a bag into the present code, with the recorded parameters and '
        'the recorded '
        'answers of the models, and compare the decisions. Exit code 0: the same, 1: different.')
    add = parser.add_argument
    add('bag', type=Path, metavar='BAG',
        help='folder that "omni-agent record" or "ros2 bag record" wrote')
    add(
        '--set', action='append', default=[], metavar='PARAMETER=VALUE', help=
        'another parameter of the decision node, e.g. turn.barge_in_words=3; may be given several '
        'times'
    )
    add('--models', action='store_true',
        help='ask the models where the recording has no answer of theirs')
    add('--steps', action='store_true', help='print every step, not only the decisions')
    add('--different', action='store_true', help='print only what differs')
    add('--from', dest='start', type=float, default=0.0, metavar='SECONDS',
        help='print from this time on')
    add('--until', type=float, default=float('inf'), metavar='SECONDS',
        help='print up to this time')
    add('--json', type=Path, metavar='FILE', help='write everything into this file as well')
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """0 where every decision is the same, 1 where one is not."""
    changes = dict(_change(text) for text in arguments.set)
    found = recorded(arguments.bag)
    pieces = replay(found, changes, arguments.bag, arguments.models)
    t0 = found.contents.start
    for note in notes(found, pieces):
        print(note)
    shown = [piece.outcome for piece in pieces]
    if arguments.steps:
        for outcome in shown:
            print_steps(outcome, t0, arguments.start, arguments.until)
    print_rows([row for outcome in shown for row in outcome.rows], t0, arguments)
    same = all(outcome.is_same for outcome in shown)
    print(verdict(pieces, t0))
    if arguments.json:
        write_json(arguments.json, as_json(arguments.bag, found, pieces, changes, same))
    return 0 if same else DIFFERENT


# -- doing it again -------------------------------------------------------------------------------


def replay(found: Recorded, changes: dict[str, object], bag: Path,
           ask_models: bool) -> list[Piece]:
    """Raises ConfigError for a parameter that does not exist or does not take the value."""
    from omni_agent.backends import languages

    if not found.pieces:
        return [_from_topics(found, changes, bag, ask_models)]
    done = []
    for first, steps in found.pieces:
        turn, addressee, strange = _params({
            'turn': first.turn,
            'addressee': first.addressee
        }, changes)
        machine, unlike = trace.machine_of(
            first, languages.lexicon(str(changes.get('languages', first.languages))), turn,
            addressee)
        words = [f'parameters that are no more: {", ".join(strange)}'] if strange else []
        words += ([f'parts of the state that only one version has: {", ".join(unlike)}']
                  if unlike else [])
        answers = _models(_recorded_parameters(bag, found)) if ask_models else Answers()
        done.append(Piece(first, Rerun(machine, answers).run(steps), tuple(words)))
    return done


def _from_topics(found: Recorded, changes: dict[str, object], bag: Path,
                 ask_models: bool) -> Piece:
    from omni_agent.backends import languages

    known = _recorded_parameters(bag, found)
    turn, addressee, strange = _params({name: known.get(name, {}) for name in PREFIXES}, changes)
    spoken = str(changes.get('languages', known.get('languages', 'en')))
    machine = TurnMachine(turn, Addressee(addressee), found.epoch, languages.lexicon(spoken))
    recorded_margin = {text: max(-LIMIT, min(LIMIT, value / addressee.model_weight))
                       for text, value in found.evidence.items() if addressee.model_weight}
    models = _models(known) if ask_models else Answers()
    answers = Answers(
        lambda text: recorded_margin.get(text)
        if text in recorded_margin else models.margin(text), models.ending)
    words = [f'parameters that are no more: {", ".join(strange)}'] if strange else []
    words += [] if known else ['the parameters were not recorded: those of today are used']
    return Piece(None, Rerun(machine, answers, follows=False).run(found.steps), tuple(words))


def _params(known: dict[str, Any],
            changes: dict[str, object]) -> tuple[TurnParams, AddresseeParams, tuple[str, ...]]:
    made, strange = {}, []
    for prefix, kind in PREFIXES.items():
        own = {
            name.partition('.')[2]: value
            for name, value in changes.items() if name.startswith(f'{prefix}.')
        }
        filled, unknown = trace.params_of(kind, {**known[prefix], **own})
        for name in own:
            _refuse_unknown(kind, prefix, name)
        try:
            made[prefix] = check(filled)
        except ConfigError as error:
            raise ConfigError(f'parameter {prefix}.{error}') from error
        strange += [f'{prefix}.{name}' for name in unknown]
    return made['turn'], made['addressee'], tuple(strange)


def _refuse_unknown(kind: type, prefix: str, name: str) -> None:
    known = [spec.name for spec in specs(kind)]
    if name not in known:
        raise ConfigError(f'there is no parameter {prefix}.{name}: choose from {", ".join(known)}')


def _change(text: str) -> tuple[str, object]:
    """'turn.judge_s=0.5' -> ('turn.judge_s', 0.5)."""
    _, name, value = graph.setting(f'decision.{text.removeprefix("decision.")}')
    prefix = name.partition('.')[0]
    if prefix not in PREFIXES and name != 'languages':
        raise ConfigError(
            f'{name} is not replayed: choose a parameter of {", ".join(PREFIXES)}, or languages')
    kind = next((type(spec.default) for spec in specs(PREFIXES.get(prefix, TurnParams))
                 if spec.name == name.partition('.')[2]), None)
    return name, float(value) if kind is float and isinstance(value, int) else value


def _recorded_parameters(bag: Path, found: Recorded) -> dict[str, Any]:
    """Of the decision node, from the folder beside the messages."""
    import yaml

    namespace = found.contents.custom.get('omni_agent.namespace', '').strip('/')
    file = (bag / 'parameters' /
            f'{namespace.replace("/", ".") + "." if namespace else ""}decision.yaml')
    try:
        data = yaml.safe_load(file.read_text(encoding='utf-8'))
        return next(iter(data.values()))['ros__parameters']
    except (OSError, yaml.YAMLError, AttributeError, StopIteration, KeyError, TypeError):
        return {}


def _models(known: dict[str, Any]) -> Answers:
    """The models of the recording, loaded when they are asked for the first time. Raises
    BackendError then.
    """
    from functools import lru_cache

    from omni_agent.backends import Message, load
    from omni_agent.core import prompts
    from omni_agent.core.end_of_turn import PUNCTUATION

    @lru_cache(maxsize=None)
    def llm():  # noqa: ANN202 - whatever the loader makes
        return load.llm(known.get('llm', 'qwen2_5_0_5b'), threads=known.get('llm_threads', 1),
                        model=known.get('llm_model', ''))

    @lru_cache(maxsize=None)
    def ending():  # noqa: ANN202
        return load.sentence_end(known.get('sentence_end', 'smollm2_135m'))

    def margin(text: str) -> float | None:
        if known.get('llm') == 'none':
            return None
        return llm().margin([Message(role, words) for role, words in prompts.judge(text)])

    def end(text: str) -> float | None:
        return None if known.get('sentence_end') == 'none' else ending()(text.rstrip(PUNCTUATION))
    return Answers(margin, end)

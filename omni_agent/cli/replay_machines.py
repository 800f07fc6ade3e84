"""From a recording to machines that go on where those of then were: with the recorded parameters,
or others, and the answers of the models.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Mapping, Sequence

from omni_agent.core import trace
from omni_agent.core.addressee import Addressee, AddresseeParams
from omni_agent.core.errors import ConfigError
from omni_agent.core.params import check, specs
from omni_agent.core.replay import Answers, Rerun
from omni_agent.core.trace import Begin, Step
from omni_agent.core.turn import TurnMachine
from omni_agent.core.turn_states import TurnParams

from .bag_steps import LIMIT, Recorded
from .replay_words import Piece

DECISION: Mapping[str, type] = {'addressee': AddresseeParams, 'turn': TurnParams}


@dataclass(frozen=True)
class Prepared:
    """One stretch of the recording and a machine for it. ``follows``: its steps are those of such
    a machine.
    """

    begin: Begin | None          # None: put together from topics
    steps: Sequence[Step]
    machine: TurnMachine
    answers: Answers
    notes: tuple[str, ...]

    @property
    def follows(self) -> bool:
        return self.begin is not None


def replay(found: Recorded, changes: dict[str, object], bag: Path,
           ask_models: bool) -> list[Piece]:
    """Raises ConfigError for a parameter that does not exist or does not take the value."""
    return [Piece(one.begin, Rerun(one.machine, one.answers, one.follows).run(one.steps),
                  one.notes) for one in prepare(found, changes, bag, ask_models)]


def prepare(found: Recorded, changes: dict[str, object], bag: Path,
            ask_models: bool) -> list[Prepared]:
    """In the order of time. Raises ConfigError."""
    known = recorded_parameters(bag, found, 'decision')
    if not found.pieces:
        return [_from_topics(found, changes, known, ask_models)]
    return [_from_trace(first, steps, changes, known, ask_models)
            for first, steps in found.pieces]


def _from_trace(first: Begin, steps: Sequence[Step], changes: dict[str, object],
                known: dict[str, Any], ask_models: bool) -> Prepared:
    from omni_agent.backends import languages

    given = {'turn': first.turn, 'addressee': first.addressee}
    (turn, addressee), strange = chosen(DECISION, given, changes, ('turn', 'addressee'))
    lexicon = languages.lexicon(str(changes.get('languages', first.languages)))
    machine, unlike = trace.machine_of(first, lexicon, turn, addressee, _weights(known))
    notes = [f'parameters that are no more: {", ".join(strange)}'] if strange else []
    notes += ([f'parts of the state that only one version has: {", ".join(unlike)}']
              if unlike else [])
    answers = _models(known) if ask_models else Answers()
    return Prepared(first, steps, machine, answers, tuple(notes))


def _from_topics(found: Recorded, changes: dict[str, object], known: dict[str, Any],
                 ask_models: bool) -> Prepared:
    from omni_agent.backends import languages

    given = {name: known.get(name, {}) for name in DECISION}
    (turn, addressee), strange = chosen(DECISION, given, changes, ('turn', 'addressee'))
    spoken = str(changes.get('languages', known.get('languages', 'en')))
    machine = TurnMachine(turn, Addressee(addressee, _weights(known)), found.epoch,
                          languages.lexicon(spoken))
    recorded_margin = {text: max(-LIMIT, min(LIMIT, value / addressee.model_weight))
                       for text, value in found.evidence.items() if addressee.model_weight}
    models = _models(known) if ask_models else Answers()
    answers = Answers(
        lambda text: recorded_margin.get(text)
        if text in recorded_margin else models.margin(text), models.ending)
    notes = [f'parameters that are no more: {", ".join(strange)}'] if strange else []
    notes += [] if known else ['the parameters were not recorded: those of today are used']
    return Prepared(None, found.steps, machine, answers, tuple(notes))


def _weights(known: dict[str, Any]) -> Any:
    """Those that were fitted, where they were used."""
    from omni_agent.backends import addressee_model

    return addressee_model.load() if known.get('weights') == 'fitted' else None


# -- parameters -----------------------------------------------------------------------------------


def chosen(kinds: Mapping[str, type], known: Mapping[str, dict[str, Any]],
           changes: Mapping[str, object],
           order: Sequence[str]) -> tuple[list[Any], tuple[str, ...]]:
    """Parameters of each of ``kinds`` (by prefix), as they were or as they are changed, in
    ``order``; and the names that this version does not know. Raises ConfigError.
    """
    made, strange = {}, []
    for prefix, kind in kinds.items():
        own = {parameter: value for name, value in changes.items()
               for found, parameter in [split(name)] if found == prefix}
        filled, unknown = trace.params_of(kind, {**known.get(prefix, {}), **own})
        for name in own:
            _refuse_unknown(kind, prefix, name)
        try:
            made[prefix] = check(filled)
        except ConfigError as error:
            raise ConfigError(f'parameter {joined(prefix, "")}{error}') from error
        strange += [joined(prefix, name) for name in unknown]
    return [made[prefix] for prefix in order], tuple(strange)


def split(name: str) -> tuple[str, str]:
    """'turn.judge_s' -> ('turn', 'judge_s'); 'partial_s' -> ('', 'partial_s')."""
    prefix, _, parameter = name.rpartition('.')
    return prefix, parameter


def joined(prefix: str, name: str) -> str:
    return f'{prefix}.{name}' if prefix else name


def as_float(kinds: Mapping[str, type], name: str, value: object) -> object:
    """A whole number will do for a time."""
    prefix, parameter = split(name)
    kind = next((type(spec.default) for spec in specs(kinds[prefix]) if spec.name == parameter),
                None) if prefix in kinds else None
    return float(value) if kind is float and isinstance(value, int) else value


def _refuse_unknown(kind: type, prefix: str, name: str) -> None:
    known = [spec.name for spec in specs(kind)]
    if name not in known:
        raise ConfigError(f'there is no parameter {joined(prefix, name)}: choose from '
                          f'{", ".join(known)}')


def recorded_parameters(bag: Path, found: Recorded, node: str) -> dict[str, Any]:
    """Of a node, from the folder beside the messages; nothing where they are not there."""
    import yaml

    namespace = found.contents.custom.get('omni_agent.namespace', '').strip('/')
    file = (bag / 'parameters' /
            f'{namespace.replace("/", ".") + "." if namespace else ""}{node}.yaml')
    try:
        data = yaml.safe_load(file.read_text(encoding='utf-8'))
        return next(iter(data.values()))['ros__parameters']
    except (OSError, yaml.YAMLError, AttributeError, StopIteration, KeyError, TypeError):
        return {}


# -- models ---------------------------------------------------------------------------------------


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

"""What the decision core was told and what it did about it, as lines of text: lossless, so that it
can be done again.

A trace is a beginning (the state of the machine and its parameters), then one line a step.
Beginnings come again from time to time: whatever is lost in between, the rest can be replayed. The
only place that knows these lines.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from typing import Sequence, Union

from .addressee import Addressee, AddresseeParams
from .errors import WireError
from .events import Effect, Event
from .judgement import Judgement
from .lexicon import Lexicon
from .plain_data import Json, decode, encode
from .turn import TurnMachine
from .turn_states import TurnParams, View

FORMAT = 1
# of a machine: they follow from the parameters
GIVEN = ('params', 'addressee', 'lexicon', 'end_of_turn', 'barge_in')


@dataclass(frozen=True)
class Begin:
    """The machine as it was before the next step, and what it was made of."""

    number: int                  # of the line; they count without a gap
    now: float
    version: str                 # of the package
    languages: str
    turn: dict[str, Json]        # parameters by name
    addressee: dict[str, Json]
    machine: dict[str, Json]     # its attributes, encoded


@dataclass(frozen=True)
class State:
    """What can be seen of the machine after a step."""

    person: str
    agent: str
    voice: str
    score: float | None
    why: str


@dataclass(frozen=True)
class Step:
    number: int
    now: float
    event: Event
    effects: tuple[Effect, ...]
    state: State


Record = Union[Begin, Step]


def begin(machine: TurnMachine, number: int, now: float, version: str, languages: str) -> Begin:
    """Raises WireError where the machine holds what cannot be written down."""
    state = {name: encode(value) for name, value in vars(machine).items() if name not in GIVEN}
    return Begin(number, now, version, languages, *given(machine), state)


def machine_of(record: Begin, lexicon: Lexicon, turn: TurnParams, addressee: AddresseeParams,
               weights: Judgement | None = None) -> tuple[TurnMachine, tuple[str, ...]]:
    """A machine that goes on where that one was, and the attributes that one of the two versions
    does not have. ``weights``: of the addressee, where they were fitted.
    """
    machine = TurnMachine(turn, Addressee(addressee, weights), 0, lexicon)
    known = {name for name in vars(machine) if name not in GIVEN}
    for name in sorted(known & set(record.machine)):
        setattr(machine, name, decode(record.machine[name]))
    machine._remarks.wait_s, machine._remarks.limit_s = turn.remark_wait_s, turn.remark_limit_s
    return machine, tuple(sorted(known ^ set(record.machine)))


def params_of(kind: type, recorded: dict[str, Json]) -> tuple[object, tuple[str, ...]]:
    """The parameters as they were recorded, and the names that this version does not know."""
    known = {item.name for item in fields(kind)}
    strange = tuple(sorted(set(recorded) - known))
    return kind(**{name: value for name, value in recorded.items() if name in known}), strange


def state(view: View) -> State:
    score = None if view.score is None else view.score.probability
    return State(view.person.name, view.agent.name, view.voice.name, score, view.why)


def _made_of(record: Begin) -> tuple:
    return record.version, record.languages, record.turn, record.addressee


def given(machine: TurnMachine) -> tuple[dict[str, Json], dict[str, Json]]:
    """The parameters of a machine as they are now: some may be changed while it runs."""
    return _values(machine.params), _values(machine.addressee.params)


def _values(params: object) -> dict[str, Json]:
    return {
        item.name: getattr(params, item.name)
        for item in fields(params)
    }  # type: ignore[arg-type]


# -- lines ----------------------------------------------------------------------------------------


def write(record: Record) -> str:
    """One line. Raises WireError for what cannot be written down."""
    if isinstance(record, Begin):
        head: dict[str, Json] = {
            'trace': FORMAT,
            'begin': record.number,
            'now': record.now,
            'version': record.version,
            'languages': record.languages,
            'turn': record.turn,
            'addressee': record.addressee,
            'machine': record.machine
        }
    else:
        head = {
            'trace': FORMAT,
            'step': record.number,
            'now': record.now,
            'event': encode(record.event),
            'effects': [encode(effect) for effect in record.effects],
            'state': encode(record.state)
        }
    return json.dumps(head, ensure_ascii=False, allow_nan=False)


def read(text: str) -> Record:
    """Raises WireError for a line of another format, or of none."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise WireError(f'a line of the trace is not JSON: {error}') from error
    if not isinstance(data, dict) or data.get('trace') != FORMAT:
        found = data.get('trace') if isinstance(data, dict) else None
        raise WireError(f'a line of the trace has format {found!r}; this version reads {FORMAT}')
    try:
        if 'begin' in data:
            return Begin(data['begin'], data['now'], data['version'], data['languages'],
                         data['turn'], data['addressee'], data['machine'])
        return Step(data['step'], data['now'], decode(data['event']),
                    tuple(map(decode, data['effects'])), decode(data['state']))
    except (KeyError, TypeError) as error:
        raise WireError(f'a line of the trace lacks something: {error!r}') from error


def pieces(records: Sequence[Record]) -> list[tuple[Begin, list[Step]]]:
    """Stretches without a hole and with the same parameters, each from its beginning on; what has
    none is left out.
    """
    found: list[tuple[Begin, list[Step]]] = []
    last = None
    for record in records:
        whole = last is not None and record.number == last + 1
        if (isinstance(record, Begin)
                and not (whole and _made_of(record) == _made_of(found[-1][0]))):
            found.append((record, []))
        elif isinstance(record, Step) and whole:
            found[-1][1].append(record)
        last = record.number if whole or isinstance(record, Begin) else None
    return [(first, steps) for first, steps in found if steps]

"""Bags for tests: messages given by the fields that matter, written as the recorder would."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Iterable

import numpy as np
from rosbags.interfaces import Nodetype

from omni_agent.backends.bag_metadata import Topic
from omni_agent.backends.bag_types import Definitions
from omni_agent.backends.bags import BagWriter

OWN = 'omni_agent_msgs/msg/'
STRING = 'std_msgs/msg/String'
ZEROS = {'string': '', 'bool': False, 'float32': 0.0, 'float64': 0.0}
ARRAYS = {'bool': np.bool_, 'octet': np.uint8, 'char': np.uint8}


class BagMaker:
    """``put`` in any order of topics; leave the context and the bag is there."""

    def __init__(self, folder: Path, **custom: str) -> None:
        self.definitions = Definitions()
        self.writer = BagWriter(folder, {
            f'omni_agent.{name}': value
            for name, value in custom.items()
        }, queue_mib=512)
        self._topics: dict[tuple[str, str], Topic] = {}

    def __enter__(self) -> BagMaker:
        return self

    def __exit__(self, *_: object) -> None:
        self.writer.close()

    def put(self, topic: str, kind: str, t: float, /, **fields: Any) -> None:
        known = self._topics.get((topic, kind))
        if known is None:
            known = self._topics[(topic, kind)] = Topic(topic, kind, *self.definitions.of(kind))
        store = self.definitions._store
        assert self.writer.write(known, round(t * 1e9),
                                 bytes(store.serialize_cdr(self.made(kind, fields), kind)))

    def made(self, kind: str, fields: dict[str, Any]) -> object:
        _, parts = self.definitions._store.fielddefs[kind]
        return self.definitions._store.types[kind](**{
            name: self._filled(what, fields.get(name)) for name, what in parts})

    def _filled(self, what: tuple, value: Any) -> Any:
        node, of = what
        if node is Nodetype.NAME:
            if of.endswith('/Time') and isinstance(value, float):
                value = {'sec': int(value), 'nanosec': round(value % 1 * 1e9)}
            if of.endswith('/Header') and isinstance(value, float):
                value = {'stamp': value}
            return self.made(of, value or {})
        if node in (Nodetype.ARRAY, Nodetype.SEQUENCE):
            return self._many(of, value)
        return ZEROS.get(of[0], 0) if value is None else value

    def _many(self, of: tuple, value: Any) -> Any:
        (node, item), length = of
        if node is Nodetype.NAME or item[0] == 'string':
            return [self._filled((node, item), one) for one in value or []]
        return np.asarray([0] * length if value is None else value, ARRAYS.get(item[0], item[0]))


def traced(folder: Path, lines: Iterable[str], t: float = 100.0) -> Path:
    """A bag with nothing but a trace."""
    with BagMaker(folder, version='0.1.0') as maker:
        for number, line in enumerate(lines):
            maker.put('/decision_trace', STRING, t + 0.001 * number, data=line)
    return folder

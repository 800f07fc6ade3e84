"""The only place that tells stale work from current work."""

from __future__ import annotations

from enum import Enum


class Admission(Enum):
    """What a consumer does with something that carries an epoch."""

    STALE = 'stale'        # drop it
    CURRENT = 'current'    # go on
    NEWER = 'newer'        # flush what you hold, then go on


class EpochGate:
    """Remembers the newest epoch seen.

    ``max`` is commutative and idempotent, so interrupts and data may arrive on different topics,
    in any order, twice or late, and every gate still agrees. One thread admits; any thread may ask
    ``is_stale``.
    """

    def __init__(self, epoch: int = 0) -> None:
        self.epoch = epoch

    def admit(self, epoch: int) -> Admission:
        if epoch < self.epoch:
            return Admission.STALE
        if epoch == self.epoch:
            return Admission.CURRENT
        self.epoch = epoch
        return Admission.NEWER

    def is_stale(self, epoch: int) -> bool:
        return epoch < self.epoch


def first_epoch(unix_s: float) -> int:
    """A restarted decision node outranks its former self, so the first epoch is the time in
    milliseconds.
    """
    return int(unix_s * 1000)

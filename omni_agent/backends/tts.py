"""The voice: hibari, a small neural synthesiser that takes 25 ms for a sentence on one core.

Word offsets are exact: hibari predicts how many 25 ms frames each phoneme takes, and the network's
own running sum of them is read out beside the spectrum.
"""

from __future__ import annotations

from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Iterator, NamedTuple, Sequence

import numpy as np

from omni_agent.backends import RATE, Speech, audio_files
from omni_agent.backends.onnx import reading, session
from omni_agent.backends.speech_finish import finish
from omni_agent.core.errors import BackendError

if TYPE_CHECKING:
    import hibari

# the tensor inside hibari.onnx: frames up to the end of each phoneme, int64
FRAMES = '/CumSum_output_0'
PAD = 0                        # id of the silence at both ends
FRAME = 400                    # [samples] at RATE, 25 ms
LONGEST = 400                  # [phonemes] in one pass; hibari's own limit
# of the noise component: the same sentence sounds the same, sample by sample
SEED = 1
SPECTRUM = ('lh', 'theta', 'ln', 'lr', 'phi', 'f0')
PAUSES = frozenset(',;:—.!?…')


class Group(NamedTuple):
    """What is spoken without a space: a word with its punctuation, and its phonemes."""

    text: str
    phonemes: str


class HibariTts:
    """Text -> one Speech for each sentence in it, as soon as it is ready. Text without a sound in
    it gives none.

    Not for two threads at a time. Raises BackendError if hibari is missing.
    """

    def __init__(self, threads: int = 1, speed: float = 1.0) -> None:
        try:
            from hibari import Hibari
        except ImportError as error:
            raise BackendError('hibari is not installed: run "pip install hibari-tts"') from error
        self._voice: hibari.Hibari = Hibari(threads=1)
        self._speed = np.array([speed], np.float32)
        self.timed = True      # word offsets are exact
        try:
            self._session = session(reading(self._voice.model_path, FRAMES), threads)
        except BackendError:      # another release of hibari: its tensors may have other names
            self._session, self.timed = session(self._voice.model_path, threads), False
        # one copy of the weights, and with our thread manners
        self._voice.sess = self._session
        for _ in self.stream('I am warming up my voice, for 2 seconds.'):
            pass

    def stream(self, text: str) -> Iterator[Speech]:
        for sentence in self._voice.split_sentences(text):
            groups = self._groups(sentence)
            words = align(groups, sentence.split())
            for start, stop in passes(groups):
                here = [(at - start, word) for at, word in words if start <= at < stop]
                yield from self._speak(groups[start:stop], here)

    def _groups(self, sentence: str) -> list[Group]:
        """Phonemes of the whole sentence (neighbours change each other), cut at its spaces."""
        from hibari.g2p.normalize import normalize
        g2p = self._voice.g2p
        groups, text, phonemes = [], '', ''
        for token in g2p.phonemize_tokens(g2p.tokenize(normalize(sentence))):
            text, phonemes = text + token.text, phonemes + (token.phonemes or '')
            if token.whitespace:
                groups.append(Group(text, phonemes))
                text, phonemes = '', ''
        return [*groups, Group(text, phonemes)] if text else groups

    def _speak(self, groups: Sequence[Group], words: list[tuple[int, str]]) -> Iterator[Speech]:
        """``words`` are (index of the group a word begins in, word)."""
        from hibari import dsp
        if not any(char.isalpha() for group in groups for char in group.phonemes):
            return
        ids, starts = self._ids(groups)
        names = [*SPECTRUM, FRAMES] if self.timed else [*SPECTRUM]
        outputs = self._session.run(
            names, {'ids': np.array([ids], np.int64), 'speed': self._speed})
        sound = dsp.synth(*(output[0] for output in outputs[:6]), np.random.default_rng(SEED))
        sound = audio_files.resample(sound, self._voice.sample_rate, RATE)
        ends = outputs[6].reshape(-1) * FRAME if self.timed else evenly(len(ids), sound.size)
        speech = finish(sound, [(int(ends[starts[at] - 1]), word) for at, word in words])
        if speech is not None:
            yield speech

    def _ids(self, groups: Sequence[Group]) -> tuple[list[int], list[int]]:
        """The network's input, padded at both ends, and where in it each group begins."""
        ids, starts = [PAD], []
        space = self._voice.ids(' ')[1:-1]
        for group in groups:
            starts.append(len(ids))
            if group.phonemes:
                ids += self._voice.ids(group.phonemes)[1:-1] + space
        return [*ids[:len(ids) - len(space)], PAD], starts


def passes(groups: Sequence[Group]) -> Iterator[tuple[int, int]]:
    """Ranges of groups that fit the network: cut after the last punctuation that fits, else
    anywhere.
    """
    start = 0
    while start < len(groups):
        sizes = np.cumsum([len(group.phonemes) + 1 for group in groups[start:]])
        stop = start + max(1, int(np.searchsorted(sizes, LONGEST, 'right')))
        if stop < len(groups):
            pauses = (at for at in range(stop, start, -1)
                      if groups[at -1].phonemes[-1:] in PAUSES)
            stop = next(pauses, stop)
        yield start, stop
        start = stop


def evenly(count: int, size: int) -> np.ndarray:
    """Ends of ``count`` phonemes of equal length: what is left when the network hides its
    durations.
    """
    return np.arange(1, count + 1) * size // count


def align(groups: Sequence[Group], words: Sequence[str]) -> list[tuple[int, str]]:
    """The group that each written word begins in: normalising turns '7:30 pm' into 'seven thirty
    P.M.'
    """
    spoken = [group.text for group in groups]
    placed = []
    for _, g0, g1, w0, w1 in SequenceMatcher(
        None, spoken, list(words),
        autojunk=False).get_opcodes():
        for word in range(w0, w1):
            group = g0 + (word - w0) * (g1 - g0) // (w1 - w0)
            placed.append((min(group, len(groups) - 1), words[word]))
    return placed

"""Speech recognition: Moonshine (English), tiny and base, on ONNX Runtime, by the utterance.

The encoder takes raw samples of any length, so cost follows the length of the speech (about 20 ms
for a second of it on one core, base 50 to 60) and partial results come from simply recognising the
open utterance again and again. Base is for final words: it loses fewer of them in a room.
"""

from __future__ import annotations

import hashlib
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Callable, Sequence

import numpy as np

from omni_agent.backends import (RATE, FinalHearer, Recogniser, SoundDescriber, SureHearer,
                                 nods)
from omni_agent.backends.name_spotting import Logits, NameSpotter, logits_of
from omni_agent.backends.onnx import session
from omni_agent.backends.ort_file import unpacked
from omni_agent.backends.stop_spotting import StopSpotter
from omni_agent.backends.tokens import Tokenizer
from omni_agent.core.errors import BackendError, WireError

if TYPE_CHECKING:
    import onnxruntime

    Feeds = dict[str, onnxruntime.OrtValue]
    Spotter = Callable[[str, Logits], str]

START, END = 1, 2            # token ids
MASK = 'encoder_attention_mask'
PAST, PRESENT = 'past_key_values.', 'present.'
# the authors' cap: people do not speak faster, but a looping decoder does
TOKENS_PER_SECOND = 6.5
MIN_TOKENS = 6               # 'Okay, yes.' takes half a second and five tokens
MIN_SAMPLES = RATE // 10     # below 0.1 s the encoder's strided convolutions leave no frame
# -60 dBFS: below this peak nobody spoke, and the model would still say 'You'
SILENT = 1e-3
# the longest piece given to the encoder, which was trained on at most 30 s: of long speech only
# the last one is heard again
MAX_SAMPLES = 9 * RATE
KEPT = 8                     # pieces whose words are known: more than the longest utterance has
# [samples] the window in which the quietest place to cut is looked for
QUIET = RATE // 10
# whoever speaks for longer hardly asks something, and base would take half a second for it
LONGEST_FINAL = 6 * RATE
TINY, BASE = 'moonshine_tiny_en', 'moonshine_base_en'
FILES = ('encoder_model.ort', 'decoder_model_merged.ort', 'tokenizer.bin')
LONGEST_LOOP = 12            # [tokens] of a phrase that a stuck decoder repeats
LOOP_TURNS = 6               # 'no no no no' is speech; a sixth copy is a loop


class MoonshineRecogniser:
    """float32 samples in [-1, 1] at RATE -> text with case and punctuation; '' for less than 0.1
    s.

    Several threads may share one: between calls it only knows the words of the pieces before the
    last one of long speech. Raises WireError for NaN or wrong shape or type.
    """

    def __init__(self, threads: int = 1, folder: Path | str | None = None, model: str = TINY,
                 names: Sequence[str] = (), stops: Sequence[str] = ()) -> None:
        encoder, decoder, tokens = _files(folder, model)
        opened = session if model == TINY else unpacked
        self._encoder = opened(encoder, threads)
        self._decoder = opened(decoder, threads)
        self._pieces = read_tokens(tokens)
        spell = Tokenizer(self._pieces)
        self._nods = nods.tree([spell(phrase) for phrase in nods.SPELT], END)
        # what is looked for again in words that come while somebody speaks, and in final ones
        self._stops: tuple[Spotter, ...] = (StopSpotter(stops, spell),) if stops else ()
        self._all: tuple[Spotter, ...] = ((NameSpotter(names, spell),) if names else ()
                                          ) + self._stops
        self._known: dict[bytes, str] = {}
        # of the newest piece of sound: what the encoder made of it
        self._heard: tuple[bytes, np.ndarray] = (b'', np.zeros(0))
        # of the newest in which words were looked for: how sure they are
        self._sure: tuple[bytes, float] = (b'', 0.0)
        self._lock = threading.Lock()
        self._takes = {tensor.name for tensor in self._encoder.get_inputs()}
        self._fed = {tensor.name: tensor.shape for tensor in self._decoder.get_inputs()}
        # with the keys of the encoder, and without: those stay
        cache = [name for name in self._fed if name.startswith(PAST)]
        self._news = tuple([name[len(PAST):] for name in cache if kind in name]
                           for kind in ('', '.decoder.'))
        self(np.random.default_rng(0).normal(0.0, 0.01, RATE).astype(np.float32))    # warm-up

    def __call__(self, samples: np.ndarray) -> str:
        return self._listen(samples, lambda last: self._recognise(last, self._stops))

    def final(self, samples: np.ndarray) -> str:
        """The same of all that was said; a name of the robot that was lost is looked for again."""
        return self._listen(samples, lambda last: self._recognise(last, self._all))

    def _listen(self, samples: np.ndarray, recognise: Callable[[np.ndarray], str]) -> str:
        check(samples)
        *whole, last = split(samples.astype(np.float32, copy=False))
        return ' '.join(filter(None, (*map(self._recognise_once, whole), recognise(last))))

    def nod(self, samples: np.ndarray) -> float:
        """Log probability [nat] that a nod was said and nothing else; nods.FLOOR or more."""
        check(samples)
        if _is_silent(samples):
            return nods.FLOOR
        feeds, logits = self._begin(samples.astype(np.float32, copy=False))
        return nods.likeliest(self._nods, feeds, logits, lambda feeds, token: self._go_on(
            dict(feeds), token))

    def describe(self, samples: np.ndarray) -> np.ndarray | None:
        """The encoder's mean over the last piece: the same samples give the same to the bit."""
        check(samples)
        last = split(samples.astype(np.float32, copy=False))[-1]
        return None if _is_silent(last) else self._encode(last)[0].mean(axis=0)

    def sure(self, samples: np.ndarray) -> float | None:
        """Of long speech, of its last piece. None for what was not heard last."""
        key = hashlib.sha1(split(samples.astype(np.float32, copy=False))[-1].tobytes()).digest()
        with self._lock:
            known, found = self._sure
        return found if known == key else None

    def _recognise_once(self, samples: np.ndarray) -> str:
        """Partial results of one utterance begin with the same pieces."""
        key = hashlib.sha1(samples.tobytes()).digest()
        text = self._known.get(key)
        if text is None:
            text = self._recognise(samples)
            with self._lock:
                self._known[key] = text
                while len(self._known) > KEPT:
                    del self._known[next(iter(self._known))]
        return text

    def _recognise(self, samples: np.ndarray, spotters: Sequence[Spotter] = ()) -> str:
        if _is_silent(samples):
            return ''
        feeds, logits = self._begin(samples)
        # of the encoder; those of the decoder grow with every token
        keys = {name: value for name, value in feeds.items() if '.decoder.' not in name}
        tokens, sure = self._decode(feeds, logits, _most_tokens(samples))
        with self._lock:
            self._sure = hashlib.sha1(samples.tobytes()).digest(), sure
        text = self._text(tokens)
        for spot in spotters:
            text = spot(text, logits_of(self._decoder, keys))
        return text

    def _decode(self, feeds: Feeds, logits: np.ndarray, limit: int) -> tuple[list[int], float]:
        """Greedy decoding: the tokens, and the mean log probability of each and of the end [nat]."""
        tokens: list[int] = []
        sure: list[float] = []
        while len(tokens) < limit:
            token = int(logits.argmax())
            sure.append(_log_probability(logits, token))
            if token == END:
                break
            tokens.append(token)
            turn = loop(tokens)
            if turn:
                tokens = tokens[:len(tokens) - turn * (LOOP_TURNS - 1)]
                break
            if len(tokens) < limit:
                feeds, logits = self._go_on(feeds, token)
        return tokens, float(np.mean(sure))

    def _begin(self, samples: np.ndarray) -> tuple[Feeds, np.ndarray]:
        """What to feed next, and the logits of the first token. This pass computes the keys of the
        encoder, later ones keep them without a copy.
        """
        import onnxruntime as ort
        hidden = self._encode(samples)
        # of RAW samples: the decoder of tiny divides by the stride by itself; base takes none
        mask = np.ones((1, samples.size), np.int64)
        value = ort.OrtValue.ortvalue_from_numpy
        feeds = {'encoder_hidden_states': value(hidden)}
        if MASK in self._fed:
            feeds[MASK] = value(mask)
        feeds.update(self._empty_cache(value))
        return self._step(feeds, START, first=True)

    def _encode(self, samples: np.ndarray) -> np.ndarray:
        """(1, frames, size); the newest is kept, for who wants to know it once more."""
        key = hashlib.sha1(samples.tobytes()).digest()
        with self._lock:
            known, hidden = self._heard
        if known != key:
            sound = {'input_values': samples[None],
                     'attention_mask': np.ones((1, samples.size), np.int64)}
            hidden = self._encoder.run(None, {name: sound[name] for name in self._takes})[0]
            with self._lock:
                self._heard = key, hidden
        return hidden

    def _go_on(self, feeds: Feeds, token: int) -> tuple[Feeds, np.ndarray]:
        """``feeds`` are changed, and given back, with the logits of what comes after it."""
        return self._step(feeds, token, first=False)

    def _step(self, feeds: Feeds, token: int, first: bool) -> tuple[Feeds, np.ndarray]:
        import onnxruntime as ort
        value = ort.OrtValue.ortvalue_from_numpy
        feeds['input_ids'] = value(np.array([[token]], np.int64))
        feeds['use_cache_branch'] = value(np.array([not first]))
        names = self._news[0 if first else 1]
        outputs = self._decoder.run_with_ort_values(
            ['logits', *(f'{PRESENT}{name}' for name in names)], feeds)
        feeds.update(zip((f'{PAST}{name}' for name in names), outputs[1:]))
        return feeds, outputs[0].numpy()[0, -1]

    def _empty_cache(self, value) -> Feeds:  # noqa: ANN001 - a function of ONNX Runtime
        names = [f'{PAST}{name}' for name in self._news[0]]
        _, heads, _, size = self._fed[names[0]]
        empty = value(np.zeros((1, heads, 0, size), np.float32))
        return {name: empty for name in names}

    def _text(self, tokens: Sequence[int]) -> str:
        raw = b''.join(self._pieces[token] for token in tokens if token > END)
        return raw.decode('utf-8', 'replace').replace('\u2581', ' ').strip()


class TwoPass:
    """``quick`` for partial results, ``better`` for final ones, where they are short enough for
    nobody to wait.
    """

    def __init__(self, quick: Recogniser, better: Recogniser) -> None:
        self._quick, self._better = quick, better
        self._said = quick                   # who found the newest words

    def __call__(self, samples: np.ndarray) -> str:
        self._said = self._quick
        return self._quick(samples)

    def final(self, samples: np.ndarray) -> str:
        """Where noise leaves base nothing to say, tiny often has something."""
        found = _final(self._better, samples) if samples.size <= LONGEST_FINAL else ''
        self._said = self._better if found else self._quick
        return found or _final(self._quick, samples)

    def sure(self, samples: np.ndarray) -> float | None:
        """As of who found the newest words."""
        return self._said.sure(samples) if isinstance(self._said, SureHearer) else None

    def nod(self, samples: np.ndarray) -> float:
        """As of ``quick``; nods are short, and time is."""
        return self._quick.nod(samples)

    def describe(self, samples: np.ndarray) -> np.ndarray | None:
        """As of ``quick``: vectors of one kind, whoever found the words."""
        return (self._quick.describe(samples) if isinstance(self._quick, SoundDescriber) else None)


def _final(recognise: Recogniser, samples: np.ndarray) -> str:
    return (recognise.final if isinstance(recognise, FinalHearer) else recognise)(samples)


def _log_probability(logits: np.ndarray, token: int) -> float:
    top = float(logits.max())
    return float(logits[token]) - top - float(np.log(np.exp(logits - top).sum()))


def _is_silent(samples: np.ndarray) -> bool:
    return len(samples) < MIN_SAMPLES or np.abs(samples).max() < SILENT


def _most_tokens(samples: np.ndarray) -> int:
    return max(MIN_TOKENS, int(np.ceil(len(samples) / RATE * TOKENS_PER_SECOND)))


def check(samples: np.ndarray) -> None:
    """Raises WireError for what cannot be one utterance."""
    if samples.ndim != 1 or samples.dtype.kind != 'f':
        raise WireError(
            f'speech is one row of float samples, not {samples.dtype} of shape {samples.shape}')
    if not np.isfinite(samples).all():
        raise WireError('speech holds NaN or infinity: the sound was damaged before recognition')


def split(samples: np.ndarray) -> list[np.ndarray]:
    """Cut what is too long at the quietest 0.1 s of the last third, so that no word is halved."""
    pieces = []
    while len(samples) > MAX_SAMPLES:
        begin = MAX_SAMPLES * 2 // 3
        power = np.square(samples[begin:MAX_SAMPLES]).reshape(-1, QUIET).sum(axis=1)
        cut = begin + int(power.argmin()) * QUIET + QUIET // 2
        pieces.append(samples[:cut])
        samples = samples[cut:]
    return [*pieces, samples]


def loop(tokens: Sequence[int]) -> int:
    """Length of the phrase that ``tokens`` ends with LOOP_TURNS copies of, or 0."""
    for size in range(1, LONGEST_LOOP + 1):
        tail = tokens[-size * LOOP_TURNS:]
        if len(tail) == size * LOOP_TURNS and tail == tail[:size] * LOOP_TURNS:
            return size
    return 0


def read_tokens(path: Path | str) -> list[bytes]:
    """The vocabulary file: for each token a length of one byte (or two, low seven bits first, from
    128 on), then text.

    Raises BackendError if the file ends in the middle of a token.
    """
    raw, at, pieces = Path(path).read_bytes(), 0, []
    while at < len(raw):
        size, at = raw[at], at + 1
        if size >= 0x80 and at < len(raw):
            size, at = (size & 0x7F) + raw[at] * 0x80, at + 1
        if at + size > len(raw):
            raise BackendError(f'{path} ends inside a token: pull the model again')
        pieces.append(raw[at:at + size])
        at += size
    return pieces


def _files(folder: Path | str | None, model: str) -> tuple[Path, Path, Path]:
    if folder is not None:
        encoder, decoder, tokens = (Path(folder) / name for name in FILES)
    else:
        from omni_agent.backends import models
        encoder, decoder, tokens = (models.path(model, name) for name in FILES)
    return encoder, decoder, tokens

"""Speech recognition: Moonshine tiny (English) on ONNX Runtime, one utterance at a time.

The encoder takes raw samples of any length, so cost follows the length of the speech (about 20 ms
for a second of it on one core) and partial results come from simply recognising the open utterance
again and again.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Sequence

import numpy as np

from omni_agent.backends import RATE
from omni_agent.backends.onnx import session
from omni_agent.core.errors import BackendError, WireError

if TYPE_CHECKING:
    import onnxruntime

START, END = 1, 2            # token ids
LAYERS, HEADS, HEAD_SIZE = 6, 8, 36
# the authors' cap: people do not speak faster, but a looping decoder does
TOKENS_PER_SECOND = 6.5
MIN_TOKENS = 6               # 'Okay, yes.' takes half a second and five tokens
MIN_SAMPLES = RATE // 10     # below 0.1 s the encoder's strided convolutions leave no frame
# -60 dBFS: below this peak nobody spoke, and the model would still say 'You'
SILENT = 1e-3
# the longest piece given to the encoder: it was trained on at most 30 s
MAX_SAMPLES = 24 * RATE
# [samples] the window in which the quietest place to cut is looked for
QUIET = RATE // 10
LONGEST_LOOP = 12            # [tokens] of a phrase that a stuck decoder repeats
LOOP_TURNS = 6               # 'no no no no' is speech; a sixth copy is a loop


class MoonshineRecogniser:
    """float32 samples in [-1, 1] at RATE -> text with case and punctuation; '' for less than 0.1
    s.

    Holds no state between calls, so several threads may share one. Raises WireError for NaN or
    wrong shape or type.
    """

    def __init__(self, threads: int = 1, folder: Path | str | None = None) -> None:
        encoder, decoder, tokens = _files(folder)
        self._encoder = session(encoder, threads)
        self._decoder = session(decoder, threads)
        self._pieces = read_tokens(tokens)
        self(np.random.default_rng(0).normal(0.0, 0.01, RATE).astype(np.float32))    # warm-up

    def __call__(self, samples: np.ndarray) -> str:
        check(samples)
        pieces = split(samples.astype(np.float32, copy=False))
        return ' '.join(filter(None, map(self._recognise, pieces)))

    def _recognise(self, samples: np.ndarray) -> str:
        if len(samples) < MIN_SAMPLES or np.abs(samples).max() < SILENT:
            return ''
        limit = max(MIN_TOKENS, int(np.ceil(len(samples) / RATE * TOKENS_PER_SECOND)))
        return self._text(self._decode(samples[None], limit))

    def _decode(self, samples: np.ndarray, limit: int) -> list[int]:
        """Greedy decoding. The first pass computes the keys of the encoder, later ones keep them
        without a copy.
        """
        import onnxruntime as ort
        # of RAW samples: the decoder divides by the stride by itself
        mask = np.ones(samples.shape, np.int64)
        hidden = self._encoder.run(None, {'input_values': samples, 'attention_mask': mask})[0]
        value = ort.OrtValue.ortvalue_from_numpy
        feeds = {'encoder_attention_mask': value(mask), 'encoder_hidden_states': value(hidden)}
        feeds.update(_empty_cache(value))
        tokens = [START]
        while len(tokens) <= limit:
            first = len(tokens) == 1
            feeds['input_ids'] = value(np.array([tokens[-1:]], np.int64))
            feeds['use_cache_branch'] = value(np.array([not first]))
            logits = _step(self._decoder, feeds, ('decoder', 'encoder') if first else ('decoder',))
            token = int(logits[0, -1].argmax())
            if token == END:
                break
            tokens.append(token)
            turn = loop(tokens[1:])
            if turn:
                return tokens[1:len(tokens) - turn * (LOOP_TURNS - 1)]
        return tokens[1:]

    def _text(self, tokens: Sequence[int]) -> str:
        raw = b''.join(self._pieces[token] for token in tokens if token > END)
        return raw.decode('utf-8', 'replace').replace('\u2581', ' ').strip()


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


def _files(folder: Path | str | None) -> tuple[Path, Path, Path]:
    names = ('encoder_model.ort', 'decoder_model_merged.ort', 'tokenizer.bin')
    if folder is not None:
        encoder, decoder, tokens = (Path(folder) / name for name in names)
    else:
        from omni_agent.backends import models
        encoder, decoder, tokens = (models.path('moonshine_tiny_en', name) for name in names)
    return encoder, decoder, tokens


def _empty_cache(value) -> dict[str, onnxruntime.OrtValue]:
    empty = value(np.zeros((1, HEADS, 0, HEAD_SIZE), np.float32))
    return {f'past_key_values.{layer}.{side}.{kind}': empty
            for layer in range(LAYERS) for side in ('decoder', 'encoder')
            for kind in ('key', 'value')}


def _step(decoder: onnxruntime.InferenceSession, feeds: dict[str, onnxruntime.OrtValue],
          sides: Sequence[str]) -> np.ndarray:
    """One pass; moves the new keys of ``sides`` into ``feeds`` and gives the logits."""
    names = [f'{layer}.{side}.{kind}'
             for layer in range(LAYERS) for side in sides for kind in ('key', 'value')]
    outputs = decoder.run_with_ort_values(
        ['logits', *(f'present.{name}' for name in names)], feeds)
    feeds.update(zip((f'past_key_values.{name}' for name in names), outputs[1:]))
    return outputs[0].numpy()

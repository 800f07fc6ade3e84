"""Pictures and any words: a text-image encoder of two towers (SigLIP, Zhai et al. 2023), where its
files are.

The detector knows 80 kinds of things; this one knows words, and says how well a picture fits each.
It says nothing of where. Optional: 211 MB, "omni-agent models pull siglip_base" and "pip install
tokenizers".
"""

from __future__ import annotations

import string
from collections import OrderedDict
from pathlib import Path
from typing import Sequence

import numpy as np

from omni_agent.backends import encoders, models
from omni_agent.backends.engines import ORDER, Attempt, Engine, Network, open_engine
from omni_agent.backends.vision import need_opencv, need_picture
from omni_agent.core.errors import BackendError, WireError

MODEL = 'siglip_base'
IMAGE, TEXT, TOKENIZER = 'vision_model_quantized.onnx', 'text_model_quantized.onnx', 'tokenizer.json'
SIDE, TOKENS = 224, 64           # what it was trained with: pixels across, tokens of a text
END = 1                          # token behind a text, and what fills the rest
OUTPUT = 'pooler_output'
# of the logits, learnt with the weights (google/siglip-base-patch16-224)
SCALE, BIAS = 117.330765, -12.932437
PHRASE = 'This is a photo of {}.'         # what pictures were described by in training
KEPT = 256                       # texts of which the embedding is remembered
LONGEST = 1000                   # [letters] of a text


class OpenVocabulary:
    """Raises BackendError if a network, OpenCV or the tokenizers are missing. ``attempts``:
    engines that were tried.

    ``folder``: towers and tokenizer of one's own, under the same names. One thread at a time.
    """

    def __init__(self, threads: int = 1, engines: Sequence[str] = ORDER, strict: bool = False,
                 folder: Path | None = None) -> None:
        self._cv2 = need_opencv()
        self._tokens = _tokenizer(
            models.path(MODEL, TOKENIZER) if folder is None else folder / TOKENIZER)
        networks = [encoders.network(name) if folder is None else _own(name, folder) for name in
                    ('siglip_image', 'siglip_text')]
        opened = [
            open_engine(network, engines, strict=strict, threads=threads) for network in networks
        ]
        self._image, self._text = (one.engine for one in opened)
        self.attempts: tuple[Attempt,
                             ...] = tuple(attempt for one in opened for attempt in one.attempts)
        self._known: OrderedDict[str, np.ndarray] = OrderedDict()

    def similarity(self, image: np.ndarray, texts: Sequence[str]) -> np.ndarray:
        """uint8 BGR image and texts -> (len(texts),): the probability that each describes it, each
        for itself.

        Only their order, and how they compare with those of other pictures, can be trusted: what
        fits well may have a few per cent. Raises WireError for anything but a picture, and for a
        text that is none.
        """
        return 1.0 / (1.0 + np.exp(-(SCALE * self.texts(texts) @ self.images([image])[0] + BIAS)))

    def images(self, images: Sequence[np.ndarray]) -> np.ndarray:
        """(len(images), size): directions in the space that pictures and texts share."""
        pixels = np.stack([self._pixels(image) for image in images])
        return _directions(self._image, {self._image.inputs[0].name: pixels})

    def texts(self, texts: Sequence[str]) -> np.ndarray:
        """(len(texts), size). Known ones cost nothing."""
        clean = [plain(text) for text in texts]
        new = [text for text in dict.fromkeys(clean) if text not in self._known]
        if new:
            found = _directions(
                self._text,
                {self._text.inputs[0].name: np.array([self._ids(text) for text in new])})
            self._known.update(zip(new, found))
        rows = [self._known[text] for text in clean]
        for text in clean:
            self._known.move_to_end(text)
        while len(self._known) > KEPT:
            self._known.popitem(last=False)
        return np.array(rows)

    def close(self) -> None:
        self._image.close()
        self._text.close()

    def _ids(self, text: str) -> list[int]:
        ids = [number
               for number in self._tokens.encode(text, add_special_tokens=False).ids][:TOKENS - 1]
        return ids + [END] * (TOKENS - len(ids))

    def _pixels(self, image: np.ndarray) -> np.ndarray:
        need_picture(image)
        larger = max(image.shape[:2]) > SIDE
        square = self._cv2.resize(
            image, (SIDE, SIDE),
            interpolation=self._cv2.INTER_AREA if larger else self._cv2.INTER_CUBIC)
        return np.ascontiguousarray(square[..., ::-1].transpose(2, 0, 1), np.float32) / 127.5 - 1.0


def describing(thing: str) -> str:
    """'a red cup' -> the sentence by which the encoder knows pictures of it best."""
    return PHRASE.format(thing.strip())


def plain(text: str) -> str:
    """As texts were written in training: small letters, no punctuation. Raises WireError where
    nothing is left.
    """
    if len(text) > LONGEST:
        raise WireError(f'a text of {len(text)} letters: describe a picture in at most {LONGEST}')
    words = ' '.join(text.lower().translate(str.maketrans('', '', string.punctuation)).split())
    if not words:
        raise WireError(f'{text!r} has no words')
    return words


def _own(name: str, folder: Path) -> Network:
    return encoders.tried(name, folder / encoders.ENCODERS[name].file)


def _tokenizer(path: Path) -> object:
    try:
        from tokenizers import Tokenizer
    except ImportError as error:
        raise BackendError(
            'tokenizers is not installed, and open vocabulary needs it: run "pip install '
            'tokenizers"'
        ) from error
    try:
        return Tokenizer.from_file(str(path))
    # the library raises Exception itself
    except Exception as error:
        raise BackendError(
            f'{path} is no tokenizer ({error}): run "omni-agent models pull {MODEL}"') from error


def _directions(engine: Engine, feeds: dict[str, np.ndarray]) -> np.ndarray:
    found = engine.infer(feeds)[OUTPUT].astype(np.float32)
    lengths = np.linalg.norm(found, axis=1, keepdims=True)
    if not (np.isfinite(lengths).all() and (lengths > 0).all()):
        raise BackendError(
            f'{engine.name} gave an embedding without direction: use another engine for {MODEL}')
    return found / lengths

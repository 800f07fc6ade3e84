"""From the names in parameters to models: the only list of what may be chosen.

Every function raises ConfigError for a name that is not on its list, BackendError if the model
cannot be opened. Where 'none' is a choice it gives None.
"""

from __future__ import annotations

from typing import Callable, Mapping, Sequence, TypeVar

from omni_agent.backends import (Canceller, Detector, FaceFinder, Llm, Recogniser, SentenceEnd,
                                 Suppressor, Tts, TurnEnd, Vad, VoicePrint, models)
from omni_agent.core.errors import ConfigError

Made = TypeVar('Made')

GGUF = {'qwen2_5_0_5b': 'qwen2.5-coder-0.5b-instruct-q4_k_m.gguf',
        'smollm2_135m': 'SmolLM2-135M-Instruct.Q4_1.gguf'}


def vad(name: str) -> Vad:
    return _choose('voice-activity model', name, {'silero': _silero, 'fake': _level})


def recogniser(name: str, threads: int = 1, names: Sequence[str] = ()) -> Recogniser | None:
    """``names``: of the robot, looked for again in final words."""
    return _choose(
        'speech recogniser', name,
        {'moonshine': lambda: _moonshine(threads, names),
         'moonshine_two_pass': lambda: _two_pass(threads, names),
         'fake': _scripted_recogniser, 'none': _nothing})


def turn_end(name: str, threads: int = 1) -> TurnEnd | None:
    return _choose(
        'end-of-turn model', name,
        {'smart_turn': lambda: _smart_turn(threads),
         'fake': _quiet_turn_end, 'none': _nothing})


def voice_print(name: str, threads: int = 1) -> VoicePrint | None:
    """None: voices are told apart by spectrum and pitch."""
    return _choose('voice print', name, {'ge2e': lambda: _ge2e(threads), 'spectrum': _nothing})


def detector(name: str, threads: int = 1, score: float | None = None, engine: str = 'auto',
             strict: bool = False,
             watch: Callable[[str, float], None] = lambda what, share: None) -> Detector | None:
    """``score``: the least sure box that is given, None for the model's own. ``engine`` as in
    ``engines.choices``; ``strict``: the first of them or none; ``watch`` hears of compiling.
    """
    return _choose(
        'object detector', name,
        {'nanodet': lambda: _nanodet(threads, score, engine, strict, watch),
         'fake': _brightness_detector, 'none': _nothing})


def faces(name: str, threads: int = 1, engine: str = 'auto',
          strict: bool = False) -> FaceFinder | None:
    """``engine`` and ``strict`` as for the detector."""
    return _choose('face finder', name, {
        'mediapipe': lambda: _mediapipe(threads, engine, strict),
        'none': _nothing
    })


def tts(name: str) -> Tts:
    return _choose('voice', name, {'hibari': _hibari, 'flite': _flite, 'fake': _tones})


def llm(name: str, threads: int = 1, context: int = 2048, model: str = '',
        api_key: str | None = None) -> Llm:
    """``name``: a model of ours, a .gguf file, the http(s) address of a server (where ``model``
    counts), or 'fake'.
    """
    if is_server(name):
        from omni_agent.backends.llm_server import ServerLlm
        return ServerLlm(name, model, api_key)
    if name == 'fake':
        from omni_agent.backends.fake import ScriptedLlm
        return ScriptedLlm()
    if name not in GGUF and not name.endswith('.gguf'):
        raise ConfigError(
            f'there is no language model called {name!r}: choose {", ".join(GGUF)}, fake, '
            'a .gguf file, or the address of a server such as http://127.0.0.1:8080/v1')
    from omni_agent.backends.llm import LocalLlm
    return LocalLlm(models.path(name, GGUF[name]) if name in GGUF else name, threads, context)


def is_server(name: str) -> bool:
    """What it is asked leaves this process, and perhaps this machine."""
    return name.startswith(('http://', 'https://'))


def sentence_end(name: str) -> SentenceEnd:
    """``name``: a model of ours, a .gguf file, or 'fake'."""
    if name == 'fake':
        from omni_agent.backends.fake import whole_sentence
        return whole_sentence
    if name not in GGUF and not name.endswith('.gguf'):
        raise ConfigError(
            f'there is no sentence-end model called {name!r}: choose {", ".join(GGUF)}, fake, '
            'none or a '
            '.gguf file')
    from omni_agent.backends.sentence_end import SentenceEnd as Model
    return Model(models.path(name, GGUF[name]) if name in GGUF else name)


def canceller(name: str) -> Canceller | None:
    return _choose('echo canceller', name, {'speex': _speex, 'aec3': _aec3, 'none': _nothing})


def suppressor(name: str) -> Suppressor | None:
    return _choose('noise suppressor', name, {'webrtc': _webrtc, 'none': _nothing})


def _choose(kind: str, name: str, choices: Mapping[str, Callable[[], Made]]) -> Made:
    if name not in choices:
        raise ConfigError(f'there is no {kind} called {name!r}: choose {", ".join(choices)}')
    return choices[name]()


def _nothing() -> None:
    return None


def _silero() -> Vad:
    from omni_agent.backends.vad import SileroVad
    return SileroVad()


def _moonshine(threads: int, names: Sequence[str]) -> Recogniser:
    from omni_agent.backends.asr import MoonshineRecogniser
    return MoonshineRecogniser(threads, names=names, stops=_stops())


def _two_pass(threads: int, names: Sequence[str]) -> Recogniser:
    from omni_agent.backends.asr import BASE, MoonshineRecogniser, TwoPass
    return TwoPass(MoonshineRecogniser(threads, names=names, stops=_stops()),
                   MoonshineRecogniser(threads, model=BASE, names=names, stops=_stops()))


def _stops() -> list[str]:
    """The plainest stop phrases of the language that these recognisers know."""
    from omni_agent.backends import languages
    return [' '.join(phrase) for phrase in languages.named('en').stop_everywhere]


def _smart_turn(threads: int) -> TurnEnd:
    from omni_agent.backends.turn_end import SmartTurn
    return SmartTurn(threads)


def _ge2e(threads: int) -> VoicePrint:
    from omni_agent.backends.voice_embedding import VoiceEmbedding
    return VoiceEmbedding(threads)


def _nanodet(threads: int, score: float | None, engine: str, strict: bool,
             watch: Callable[[str, float], None]) -> Detector:
    from omni_agent.backends.engines import choices
    from omni_agent.backends.vision import SCORE, NanoDet
    return NanoDet(threads, SCORE if score is None else score, engines=choices(engine),
                   strict=strict, watch=watch)


def _mediapipe(threads: int, engine: str, strict: bool) -> FaceFinder:
    from omni_agent.backends.engines import choices
    from omni_agent.backends.faces import FaceMesh
    return FaceMesh(threads, choices(engine), strict)


def _hibari() -> Tts:
    from omni_agent.backends.tts import HibariTts
    return HibariTts()


def _flite() -> Tts:
    from omni_agent.backends.flite import FliteTts
    return FliteTts()


def _speex() -> Canceller:
    from omni_agent.backends.canceller import SpeexCanceller
    return SpeexCanceller()


def _aec3() -> Canceller:
    from omni_agent.backends.webrtc import Aec3Canceller
    return Aec3Canceller()


def _webrtc() -> Suppressor:
    from omni_agent.backends.webrtc import NoiseSuppressor
    return NoiseSuppressor()


def _level() -> Vad:
    from omni_agent.backends.fake import LevelVad
    return LevelVad()


def _scripted_recogniser() -> Recogniser:
    from omni_agent.backends.fake import ScriptedRecogniser
    return ScriptedRecogniser()


def _quiet_turn_end() -> TurnEnd:
    from omni_agent.backends.fake import QuietTurnEnd
    return QuietTurnEnd()


def _brightness_detector() -> Detector:
    from omni_agent.backends.fake import BrightDetector
    return BrightDetector()


def _tones() -> Tts:
    from omni_agent.backends.fake import EchoTts
    return EchoTts()

"""Names in parameters -> models, and clear words for names that are none."""

from __future__ import annotations

from pathlib import Path

import pytest

from omni_agent.backends import fake, load
from omni_agent.core.errors import BackendError, ConfigError


@pytest.mark.parametrize(('make', 'choices'),
                         [(load.vad, ('silero', 'fake')),
                          (load.recogniser, ('moonshine', 'fake', 'none')),
                          (load.turn_end, ('smart_turn', 'fake', 'none')),
                          (load.voice_print, ('ge2e', 'spectrum')),
                          (load.detector, ('nanodet', 'fake', 'none')),
                          (load.tts, ('hibari', 'flite', 'fake')),
                          (load.llm, ('qwen2_5_0_5b', 'smollm2_135m', 'fake', '.gguf', 'http'))],
                         ids=lambda value: getattr(value, '__name__', ''))
@pytest.mark.parametrize('name', ['', 'nonsense', 'Fake'])
def test_an_unknown_name_lists_the_choices(make, choices: tuple[str, ...], name: str) -> None:
    with pytest.raises(ConfigError) as error:
        make(name)
    assert repr(name) in str(error.value)
    assert all(choice in str(error.value) for choice in choices)


@pytest.mark.parametrize(('make', 'kind'),
                         [(load.vad, fake.LevelVad),
                          (load.recogniser, fake.ScriptedRecogniser),
                          (load.turn_end, fake.QuietTurnEnd),
                          (load.detector, fake.BrightDetector),
                          (load.tts, fake.EchoTts),
                          (load.llm, fake.ScriptedLlm)])
def test_fakes_need_nothing(make, kind: type) -> None:
    assert isinstance(make('fake'), kind)


@pytest.mark.parametrize('make', [load.recogniser, load.turn_end, load.detector])
def test_none_is_none(make) -> None:
    assert make('none') is None


def test_an_engine_that_is_none_lists_those_there_are() -> None:
    pytest.importorskip('cv2')
    with pytest.raises(ConfigError, match="'abacus'.*ort-cpu"):
        load.detector('nanodet', engine='abacus')


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    pytest.importorskip('xllamacpp')
    with pytest.raises(BackendError, match='gone.gguf'):
        load.llm(str(tmp_path / 'gone.gguf'))


def test_an_address_makes_a_client_without_talking_to_it() -> None:
    pytest.importorskip('httpx')
    from omni_agent.backends.llm_server import ServerLlm
    assert isinstance(load.llm('http://127.0.0.1:9/v1', model='m'), ServerLlm)


@pytest.mark.parametrize('make',
                         [lambda: load.vad('silero'),
                          lambda: load.recogniser('moonshine'),
                          lambda: load.turn_end('smart_turn'),
                          lambda: load.voice_print('ge2e'),
                          lambda: load.llm('smollm2_135m')],
                         ids=['silero', 'moonshine', 'smart_turn', 'ge2e', 'smollm2_135m'])
def test_a_model_that_was_never_pulled_says_how_to_get_it(
        make, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    with pytest.raises(BackendError, match='omni-agent models pull'):
        make()

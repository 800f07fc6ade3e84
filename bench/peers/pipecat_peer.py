"""pipecat-ai with its own default interruption rules: one side of the comparison.

Its VAD and end-of-turn model are the ones in its wheel. What reaches the ear are the samples that
its output transport writes.
"""

from __future__ import annotations

import asyncio
import sys
import time
from contextlib import asynccontextmanager
from typing import AsyncGenerator, AsyncIterator

import numpy as np
from comparison import voices
from comparison.ear import Ear
from comparison.microphone import Microphone
from comparison.session import Peer, main
from comparison.sound import RATE
from loguru import logger
from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.audio.vad.vad_analyzer import VADParams
from pipecat.frames.frames import (Frame, InputAudioRawFrame, InterruptionFrame, LLMContextFrame,
                                   LLMFullResponseEndFrame, LLMFullResponseStartFrame, LLMRunFrame,
                                   LLMTextFrame, OutputAudioRawFrame, StartFrame,
                                   TranscriptionFrame, TTSAudioRawFrame)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import (LLMContextAggregatorPair,
                                                                   LLMUserAggregatorParams)
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.services.settings import TTSSettings
from pipecat.services.tts_service import TTSService
from pipecat.transports.base_input import BaseInputTransport
from pipecat.transports.base_output import BaseOutputTransport
from pipecat.transports.base_transport import TransportParams
from pipecat.turns.user_turn_strategies import UserTurnStrategies
from pipecat.workers.runner import WorkerRunner

OUT_RATE = PipelineParams().audio_out_sample_rate
JITTER_S = 0.02          # a write this late after the last is the event loop's, not a gap


class Input(BaseInputTransport):
    async def start(self, frame: StartFrame) -> None:
        await super().start(frame)
        await self.set_transport_ready(frame)


class Output(BaseOutputTransport):
    """A sound card without a buffer of its own: a write returns when it has been played."""

    def __init__(self, params: TransportParams, ear: Ear) -> None:
        super().__init__(params)
        self._ear = ear
        self._free_at = 0.0

    async def start(self, frame: StartFrame) -> None:
        await super().start(frame)
        await self.set_transport_ready(frame)

    async def write_audio_frame(self, frame: OutputAudioRawFrame) -> bool:
        now = time.monotonic()
        starts = self._free_at if now - self._free_at < JITTER_S else now
        samples = np.frombuffer(frame.audio, np.int16)
        self._ear.hear(starts, samples)
        self._free_at = starts + samples.size / frame.sample_rate
        await asyncio.sleep(max(0.0, self._free_at - time.monotonic()))
        return True


class Recogniser(FrameProcessor):
    """Says what it is told to have heard, and lets everything pass."""

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        await self.push_frame(frame, direction)

    async def say(self, text: str) -> None:
        stamp = time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())
        await self.push_frame(TranscriptionFrame(text, 'person', stamp, finalized=True))


class LanguageModel(FrameProcessor):
    """The long reply when asked for it, a short answer to everything else."""

    reply_next = False

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if not isinstance(frame, LLMContextFrame):
            await self.push_frame(frame, direction)
            return
        text = voices.REPLY_TEXT if self.reply_next else voices.ANSWER_TEXT
        self.reply_next = False
        await self.push_frame(LLMFullResponseStartFrame())
        await self.push_frame(LLMTextFrame(text))
        await self.push_frame(LLMFullResponseEndFrame())


class Voice(TTSService):
    def __init__(self) -> None:
        super().__init__(push_start_frame=True, push_stop_frames=True,
                         settings=TTSSettings(model=None, voice=None, language=None))

    async def run_tts(self, text: str, context_id: str) -> AsyncGenerator[Frame, None]:
        for chunk in voices.chunks(text, self.sample_rate):
            yield TTSAudioRawFrame(chunk, self.sample_rate, 1, context_id=context_id)
            await asyncio.sleep(voices.CHUNK_PACE_S)


class PipecatSession:
    def __init__(self) -> None:
        self.ear = Ear(OUT_RATE)
        self._input = Input(TransportParams(audio_in_enabled=True))
        self._recogniser, self._model = Recogniser(), LanguageModel()
        pair = LLMContextAggregatorPair(
            LLMContext(), user_params=LLMUserAggregatorParams(vad_analyzer=SileroVADAnalyzer()))
        output = Output(TransportParams(audio_out_enabled=True), self.ear)
        self.worker = PipelineWorker(Pipeline([
            self._input, self._recogniser, pair.user(), self._model, Voice(), output,
            pair.assistant()]), idle_timeout_secs=None)
        self.microphone = Microphone(self._record)

    async def _record(self, block: bytes) -> None:
        await self._input.push_audio_frame(InputAudioRawFrame(block, RATE, 1))

    async def start_reply(self) -> None:
        self._model.reply_next = True
        await self.worker.queue_frame(LLMRunFrame())

    async def end_reply(self) -> None:
        await self.worker.queue_frame(InterruptionFrame())

    async def transcribed(self, text: str) -> None:
        await self._recogniser.say(text)


@asynccontextmanager
async def session() -> AsyncIterator[PipecatSession]:
    one = PipecatSession()
    started = asyncio.Event()

    @one.worker.event_handler('on_pipeline_started')
    async def on_started(_worker: PipelineWorker, _frame: Frame) -> None:
        started.set()

    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(one.worker)
    running = asyncio.create_task(runner.run())
    try:
        await asyncio.wait_for(started.wait(), 30)
        yield one
    finally:
        await runner.cancel()
        await running


def rules() -> dict:
    """The defaults in use, asked from the package itself."""
    strategies, vad = UserTurnStrategies(), VADParams()
    params = LLMUserAggregatorParams()
    return {'turn_start': [type(one).__name__ for one in strategies.start],
            'turn_stop': [type(one).__name__ for one in strategies.stop],
            'vad': 'Silero of the wheel', 'vad_confidence': vad.confidence,
            'vad_start_s': vad.start_secs, 'vad_stop_s': vad.stop_secs,
            'vad_min_volume': vad.min_volume, 'turn_stop_timeout_s': params.user_turn_stop_timeout,
            'empty_user_turn': type(params.empty_user_turn).__name__,
            'output_chunk_ms': 10 * TransportParams().audio_out_10ms_chunks,
            'pause_and_resume': 'none: an interruption drops what was queued'}


if __name__ == '__main__':
    logger.remove()
    logger.add(sys.stderr, level='ERROR')
    main(Peer('pipecat', ('pipecat-ai', 'onnxruntime', 'numpy'), rules, 4.0, session))

"""livekit-agents with its own default interruption rules: one side of the comparison.

Its VAD and end-of-turn model are the local ones of its wheels, and run only inside it. Its own
room output plays into a local track; what reaches the ear are the samples of that track.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from typing import AsyncIterator

import numpy as np
from comparison import voices
from comparison.ear import Ear
from comparison.microphone import Microphone
from comparison.session import Peer, main
from comparison.sound import RATE

from livekit import rtc
from livekit.agents import Agent, AgentSession, llm, stt, tts
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS, NOT_GIVEN, APIConnectOptions
from livekit.agents.voice import io
from livekit.agents.voice.room_io._output import _ParticipantAudioOutput

OUT_RATE = 24_000        # [Hz] its room output's default


class Input(io.AudioInput):
    def __init__(self) -> None:
        super().__init__(label='microphone')
        self._frames: asyncio.Queue[rtc.AudioFrame] = asyncio.Queue()

    async def put(self, block: bytes) -> None:
        self._frames.put_nowait(rtc.AudioFrame(block, RATE, 1, len(block) // 2))

    async def __anext__(self) -> rtc.AudioFrame:
        return await self._frames.get()


class Publication:
    """A publication that somebody has subscribed to."""

    sid = 'local'

    async def wait_for_subscription(self) -> None:
        return


class LocalRoom:
    """A room of one: publishing a track gives it to the ear instead of to a server."""

    def __init__(self, ear: Ear) -> None:
        self.local_participant = self
        self._ear = ear
        self._listening: asyncio.Task[None] | None = None

    async def publish_track(self, track: rtc.LocalAudioTrack,
                            _options: rtc.TrackPublishOptions) -> Publication:
        self._listening = asyncio.create_task(self._listen(track))
        return Publication()

    async def _listen(self, track: rtc.LocalAudioTrack) -> None:
        stream = rtc.AudioStream.from_track(track=track, sample_rate=OUT_RATE, num_channels=1)
        try:
            async for event in stream:
                self._ear.hear(time.monotonic(), np.frombuffer(event.frame.data, np.int16).copy())
        finally:
            await stream.aclose()

    async def close(self) -> None:
        if self._listening:
            self._listening.cancel()
            await asyncio.gather(self._listening, return_exceptions=True)


class Recogniser(stt.STT):
    """Says what it is told to have heard."""

    def __init__(self) -> None:
        super().__init__(capabilities=stt.STTCapabilities(
            streaming=True, interim_results=False, offline_recognize=False))
        self.streams: list[Recognition] = []

    async def _recognize_impl(self, *_: object, **__: object) -> stt.SpeechEvent:
        raise NotImplementedError('this recogniser only streams')

    def stream(self, *, language: str = NOT_GIVEN,
               conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS) -> Recognition:
        self.streams.append(Recognition(stt=self, conn_options=conn_options))
        return self.streams[-1]


class Recognition(stt.RecognizeStream):
    async def _run(self) -> None:
        async for _ in self._input_ch:
            pass

    def say(self, text: str) -> None:
        self._event_ch.send_nowait(stt.SpeechEvent(
            stt.SpeechEventType.FINAL_TRANSCRIPT,
            alternatives=[stt.SpeechData('en', text, confidence=1.0)]))


class LanguageModel(llm.LLM):
    """A short answer to everything; the long reply is said, not asked for."""

    def chat(self, *, chat_ctx: llm.ChatContext, tools: list[llm.Tool] | None = None,
             conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS,
             **_: object) -> llm.LLMStream:
        return Answer(self, chat_ctx=chat_ctx, tools=tools or [], conn_options=conn_options)


class Answer(llm.LLMStream):
    async def _run(self) -> None:
        self._event_ch.send_nowait(llm.ChatChunk(id='answer', delta=llm.ChoiceDelta(
            role='assistant', content=voices.ANSWER_TEXT)))


class Voice(tts.TTS):
    def __init__(self) -> None:
        super().__init__(capabilities=tts.TTSCapabilities(streaming=False), sample_rate=OUT_RATE,
                         num_channels=1)

    def synthesize(self, text: str, *, conn_options: APIConnectOptions =
                   DEFAULT_API_CONNECT_OPTIONS) -> tts.ChunkedStream:
        return Utterance(tts=self, input_text=text, conn_options=conn_options)


class Utterance(tts.ChunkedStream):
    async def _run(self, output_emitter: tts.AudioEmitter) -> None:
        output_emitter.initialize(request_id='utterance', sample_rate=OUT_RATE, num_channels=1,
                                  mime_type='audio/pcm')
        for chunk in voices.chunks(self.input_text, OUT_RATE):
            output_emitter.push(chunk)
            await asyncio.sleep(voices.CHUNK_PACE_S)
        output_emitter.flush()


class LivekitSession:
    def __init__(self) -> None:
        self.ear = Ear(OUT_RATE)
        self.input = Input()
        self.microphone = Microphone(self.input.put)
        self.room = LocalRoom(self.ear)
        self.output = _ParticipantAudioOutput(
            self.room, sample_rate=OUT_RATE, num_channels=1,
            track_publish_options=rtc.TrackPublishOptions())
        self.recogniser = Recogniser()
        self.agent = AgentSession(stt=self.recogniser, llm=LanguageModel(), tts=Voice())

    async def start_reply(self) -> None:
        self.agent.say(voices.REPLY_TEXT)

    async def end_reply(self) -> None:
        self.agent.clear_user_turn()
        await self.agent.interrupt(force=True)

    async def transcribed(self, text: str) -> None:
        self.recogniser.streams[-1].say(text)


@asynccontextmanager
async def session() -> AsyncIterator[LivekitSession]:
    one = LivekitSession()
    await one.output.start()
    one.agent.input.audio = one.input
    one.agent.output.audio = one.output
    await one.agent.start(Agent(instructions='Answer briefly.'))
    try:
        yield one
    finally:
        await one.agent.aclose()
        await one.output.aclose()
        await one.room.close()


def rules() -> dict:
    """The defaults in use, asked from the package itself."""
    agent = AgentSession(stt=Recogniser(), llm=LanguageModel(), tts=Voice())
    options = agent.options
    return {'turn_detection': type(agent.turn_detection).__name__,
            'turn_detection_model': getattr(agent.turn_detection, 'model', 'unknown'),
            'vad': type(agent.vad).__module__, 'interruption': dict(options.interruption),
            'interruption_mode': 'vad (the adaptive detector needs its cloud)',
            'endpointing': dict(options.endpointing),
            'aec_warmup_s': options.aec_warmup_duration}


if __name__ == '__main__':
    main(Peer('livekit', ('livekit-agents', 'livekit', 'livekit-local-inference', 'numpy'), rules,
              5.0, session))

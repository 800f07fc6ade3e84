"""The embedded language model: a GGUF file in this process, in llama.cpp's own server engine.

The engine keeps two prompt caches ("slots"). A request goes to the one that holds its first
message, else to the one that was idle longer. So asking whether an utterance was meant for the
robot does not throw away the prompt of the conversation, and both may run at once. (Left to choose
by itself, the engine takes the wrong slot after a cancel.)
"""

from __future__ import annotations

import contextlib
import math
import os
import secrets
import sys
import threading
import weakref
from pathlib import Path
from queue import SimpleQueue
from typing import Iterator, Mapping, Sequence

from omni_agent.backends import CountedText, Message, Spent
from omni_agent.core.errors import BackendError

SLOTS = 2
SILENT, CHATTY = -1, 3       # llama.cpp's verbosity: it writes to stderr behind Python's back
LOG_VARIABLE = 'OMNI_AGENT_LLM_LOG'   # set it to 1 to see llama.cpp's log
# [tokens] a request can be cancelled between two batches of its prompt
BATCH = 128
# progress: a word between batches, to cancel at; timings: tokens so far
STREAMED = {'stream': True, 'return_progress': True, 'timings_per_token': True}
NICENESS = 3          # a third of the processor where others want it too, all of it where not
CANDIDATES = 64              # most likely first tokens among which Yes and No are looked for
YES, NO = 'yes', 'no'


class LocalLlm:
    """A chat model in this process. ``stream``, ``margin`` and ``warm`` may be called from several
    threads.

    ``threads`` compute threads; ``context`` tokens for each of the two slots. Threads meet at
    barriers many times a token; ``_open`` says how long they spin there. Give it no more than
    there are free cores. Raises BackendError if the file is missing, is no GGUF, or does not fit.
    """

    def __init__(self, path: Path | str, threads: int = 1, context: int = 2048) -> None:
        self._engine = _Engine(_open(Path(path), threads, context))
        self._slots = Slots(SLOTS)
        self._close = weakref.finalize(self, self._engine.close, self._slots)
        # An engine that is destroyed before its first request can deadlock: let it answer once.
        self._ask([Message('user', 'Hi')])

    def stream(self, messages: Sequence[Message], max_tokens: int = 96) -> Iterator[str]:
        """Pieces of the reply. Closing the iterator stops the computation within one token (or
        BATCH of prompt).

        Raises BackendError, also in the middle, if the prompt does not fit or the engine fails.
        """
        pieces: SimpleQueue[str | BackendError | None] = SimpleQueue()
        cancelled = threading.Event()
        threading.Thread(target=self._generate, args=(messages, max_tokens, pieces, cancelled),
                         name='llm', daemon=True).start()
        try:
            while (piece := pieces.get()) is not None:
                if isinstance(piece, BackendError):
                    raise piece
                yield piece
        finally:
            cancelled.set()

    def margin(self, messages: Sequence[Message]) -> float:
        """log P(Yes) - log P(No) of the first token of the reply; leaves the prompt of ``stream``
        cached.
        """
        reply = self._ask(messages, {'logprobs': True, 'top_logprobs': CANDIDATES})
        try:
            candidates = reply['choices'][0]['logprobs']['content'][0]['top_logprobs']
            return yes_margin({c['token']: c['logprob'] for c in candidates})
        except (KeyError, IndexError, TypeError) as error:
            raise BackendError(
                f'the language model gave no first-token probabilities: {reply}') from error

    def answer(self, messages: Sequence[Message], schema: Mapping[str, object],
               max_tokens: int = 64) -> str:
        """JSON text that fits a JSON schema; the model can write nothing else. Cut off at
        ``max_tokens`` it is no JSON.
        """
        with self._slots.of(messages) as slot:
            reply = self._engine.run(
                _request(slot, messages, max_tokens) | {'json_schema': dict(schema)})
        try:
            return str(reply['choices'][0]['message']['content'])
        except (KeyError, IndexError, TypeError) as error:
            raise BackendError(f'the language model gave no answer: {reply}') from error

    def next_tokens(self, text: str) -> dict[str, float]:
        """The likeliest tokens after ``text``, outside of any chat, with their probabilities."""
        with self._slots.of([Message('text', '')]) as slot:
            reply = self._engine.run(
                {
                    'prompt': text,
                    'n_predict': 1,
                    'temperature': 0.0,
                    'n_probs': CANDIDATES,
                    'cache_prompt': True,
                    'id_slot': slot
                }, chat=False)
        try:
            return likeliest(reply)
        except (KeyError, IndexError, TypeError) as error:
            raise BackendError(
                f'the language model gave no token probabilities: {reply}') from error

    def warm(self, messages: Sequence[Message]) -> None:
        """Read the prompt into a cache, for ``stream`` or for ``margin``."""
        self._ask(messages)

    def close(self) -> None:
        """Stop what runs and free the model; also happens at the end of the process."""
        self._close()

    def _ask(self, messages: Sequence[Message], extra: Mapping[str, object] | None = None) -> dict:
        """One token without streaming."""
        with self._slots.of(messages) as slot:
            return self._engine.run(_request(slot, messages, 1) | dict(extra or {}))

    def _generate(self, messages: Sequence[Message], max_tokens: int, pieces: SimpleQueue,
                  cancelled: threading.Event) -> None:
        def take(chunk: dict) -> bool:
            text = _text(chunk)
            if text:
                pieces.put(_counted(text, chunk.get('timings')))
            return cancelled.is_set()
        with self._slots.of(messages) as slot:
            try:
                if not cancelled.is_set():
                    self._engine.run(_request(slot, messages, max_tokens) | STREAMED, take)
                pieces.put(None)
            except BackendError as error:
                pieces.put(error)


class Slots:
    """Which prompt cache a request gets, and that each serves one request at a time."""

    def __init__(self, count: int) -> None:
        self._lock = threading.Lock()
        self._busy = [threading.Lock() for _ in range(count)]
        self._held: list[Message | None] = [None] * count        # first message in each cache
        self._order = list(range(count))                          # longest idle first

    @contextlib.contextmanager
    def of(self, messages: Sequence[Message]) -> Iterator[int]:
        head = messages[0] if messages else None
        with self._lock:
            slot = self._held.index(head) if head in self._held else self._order[0]
            self._held[slot] = head
            self._order.remove(slot)
            self._order.append(slot)
        with self._busy[slot]:
            yield slot

    @contextlib.contextmanager
    def all(self) -> Iterator[None]:
        with contextlib.ExitStack() as stack:
            for busy in self._busy:
                stack.enter_context(busy)
            yield


class _Engine:
    """Owns the native object, so that it can be ended while requests run and never outlives the
    interpreter.
    """

    def __init__(self, server) -> None:
        self._server = server
        self._closing = False

    def run(self, request: dict, take=None, chat: bool = True) -> dict:
        """One request, of a chat or of plain text; with ``take``, every chunk goes there until it
        returns True. Raises BackendError.
        """
        failure: list[dict] = []

        def on_chunk(chunk: dict) -> bool:
            if 'error' in chunk or 'code' in chunk:
                failure.append(chunk)
                return True
            return self._closing or (take is not None and take(chunk))
        if self._closing:
            raise BackendError('the language model has been closed')
        try:
            arguments = (request, on_chunk) if take is not None else (request,)
            handle = (self._server.handle_chat_completions
                      if chat else self._server.handle_completions)
            reply = handle(*arguments)
        except (RuntimeError, ValueError) as error:
            raise BackendError(f'the language model refused the request: {error}') from error
        if isinstance(reply, dict) and ('error' in reply or 'code' in reply):
            failure.append(reply)
        if failure:
            error = failure[0].get('error', failure[0])
            raise BackendError(
                f'the language model refused the request: {error.get("message", error)}')
        return reply

    def close(self, slots: Slots) -> None:
        self._closing = True
        with slots.all():
            self._server = None


def likeliest(reply: dict) -> dict[str, float]:
    """Token -> probability at the first place of a plain completion; releases of llama.cpp name
    the fields differently.
    """
    places = reply.get('completion_probabilities') or reply['choices'][0]['logprobs']['content']
    listed = places[0].get('top_logprobs') or places[0]['top_probs']
    return {
        item['token']: math.exp(item['logprob']) if 'logprob' in item else item['prob']
        for item in listed
    }


def yes_margin(logprobs: Mapping[str, float]) -> float:
    """Margin from the listed first tokens, summed over spellings; what is not listed is at most
    the least listed.
    """
    if not logprobs:
        raise BackendError('the language model listed no candidates for its first token')
    floor = min(logprobs.values())

    def mass(word: str) -> float:
        found = [value for token, value in logprobs.items() if token.strip().lower() == word]
        return math.log(sum(map(math.exp, found))) if found else floor
    return mass(YES) - mass(NO)


def _request(slot: int, messages: Sequence[Message], max_tokens: int) -> dict:
    return {'messages': [{'role': m.role, 'content': m.content} for m in messages],
            'max_tokens': max_tokens, 'temperature': 0.0, 'cache_prompt': True, 'id_slot': slot}


def _text(chunk: dict) -> str:
    choices = chunk.get('choices') or [{}]
    return choices[0].get('delta', {}).get('content') or ''


def _counted(text: str, timings: Mapping[str, float] | None) -> str:
    if not timings:
        return text
    read, kept, written = (int(timings.get(name, 0))
                           for name in ('prompt_n', 'cache_n', 'predicted_n'))
    return CountedText.of(text, Spent(read, kept, written))


def _step_back() -> None:
    """On Linux this is of the calling thread and of those that it starts: ears and voice come
    before the model.
    """
    if sys.platform == 'linux':
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)


def _open(path: Path, threads: int, context: int):
    # How long a thread spins at a barrier before it sleeps. Two threads, 2 shared cores, tokens a
    # second idle / with one core taken: for ever (llama.cpp's way) 23 / 1 to 2, never 15 / 7, for
    # a short while 19 / 6.
    os.environ.setdefault('OMP_WAIT_POLICY', 'PASSIVE')
    os.environ.setdefault('GOMP_SPINCOUNT', '5000')
    try:
        import xllamacpp
    except ImportError as error:
        raise BackendError('xllamacpp is not installed: run "pip install xllamacpp"') from error
    if not path.is_file():
        raise BackendError(f'{path} does not exist: run "omni-agent models pull"')
    _step_back()
    params = xllamacpp.CommonParams()
    params.model.path = str(path)
    params.n_ctx, params.n_parallel = SLOTS * context, SLOTS
    params.n_batch = params.n_ubatch = BATCH
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    # it is for dividing a model between graphics cards, and takes a second
    params.fit_params = False
    # a slot keeps its prompt, without copies
    params.cache_ram_mib, params.cache_idle_slots = 0, False
    params.verbosity = CHATTY if os.environ.get(LOG_VARIABLE) == '1' else SILENT
    _shut_door(params)
    try:
        return xllamacpp.Server(params)
    except (RuntimeError, ValueError) as error:
        raise BackendError(
            f'{path} cannot be loaded as a GGUF language model ({error}): set {LOG_VARIABLE}=1 '
            'to see why, and run "omni-agent models verify"') from error


def _shut_door(params) -> None:
    """The engine insists on an HTTP listener: loopback only, a free port, no pages, and a key that
    nobody knows.
    """
    params.hostnames, params.port, params.ui = ['127.0.0.1'], 0, False
    params.endpoint_slots = params.endpoint_props = False
    params.api_keys = [secrets.token_urlsafe(32)]

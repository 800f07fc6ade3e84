"""The only place that stands in for a language model with nothing to decide: it tells a story,
word by word.

An OpenAI-compatible server on loopback, so that the nodes talk to it exactly as they talk to a
real one. No sentence of the story is a question or asks for anything, so that a nod stays a nod.
"""

from __future__ import annotations

import itertools
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType

WORDS_PER_S = 40.0           # a fast model; the voice waits for nothing
STORY = '''
Once upon a time a small robot lived in an old lighthouse by the sea. Every evening it climbed the long stairs and lit the
great lamp. The fishermen in their boats saw the light and knew the way home. On clear nights the robot counted the stars
above the dark water. It had learned their names from a dusty book in the cellar. One autumn a heavy storm came from the
west. The waves rose higher than the harbour wall and the wind broke two of the windows. The robot carried boards and nails
up the stairs and closed the holes. All night long it turned the lamp by hand, because the motor had stopped. In the
morning the sea was calm again and seven boats lay safely in the harbour. The people brought bread, apples and a new motor
for the lamp. Since that day somebody visits the lighthouse every Sunday. They drink tea on the wooden balcony and listen
to the gulls. In winter the snow covers the rocks and the path to the village. Then the robot builds a little sledge and
brings the letters down the hill. The baker gives it warm cinnamon rolls for the keeper of the northern light. The journey
takes three hours when the ice is thick. On the way back it rests under a crooked pine tree. From there the whole coast can
be seen, with its islands and its long white beaches. A family of seals sleeps on the sand between the stones. In spring the
first ships arrive with timber, wool and oranges. The sailors tell of cities with golden roofs and of rivers as wide as the
sea. The robot writes everything down in a thick green notebook. It has filled eleven of them by now.
'''


class StoryServer:
    """``with StoryServer() as url``: an address for the parameter ``reaction.llm``. Every reply
    begins elsewhere.
    """

    def __init__(self, story: str = STORY, words_per_s: float = WORDS_PER_S) -> None:
        sentences = [
            part.strip() + '.' for part in ' '.join(story.split()).split('.') if part.strip()
        ]
        self._sentences = sentences
        self._turn = itertools.count()
        self._pause_s = 1.0 / words_per_s
        self._closing = threading.Event()
        self._server = ThreadingHTTPServer(('127.0.0.1', 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, name='story server',
                                        daemon=True)

    def __enter__(self) -> str:
        self._thread.start()
        return f'http://127.0.0.1:{self._server.server_address[1]}/v1'

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()

    def words(self) -> list[str]:
        """The next telling: all sentences, from another one on each time."""
        first = 5 * next(self._turn) % len(self._sentences)
        return ' '.join(self._sentences[first:] + self._sentences[:first]).split()

    def wait(self) -> bool:
        """Until the next word is due; True when the server is being closed."""
        return self._closing.wait(self._pause_s)


def _handler(story: StoryServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """Two pages of the interface: which models there are, and a chat."""

        def log_message(self, *_: object) -> None:
            """Nothing: the bench has a progress bar on this terminal."""

        def do_GET(self) -> None:
            self._send({'object': 'list', 'data': [{'id': 'story', 'object': 'model'}]})

        def do_POST(self) -> None:
            request = json.loads(
                self.rfile.read(int(self.headers.get('Content-Length', 0))) or b'{}')
            if request.get('stream'):
                self._stream(int(request.get('max_tokens', 96)))
            else:
                self._send({
                    'choices': [{
                        'message': {
                            'role': 'assistant',
                            'content': 'Once'
                        },
                        'finish_reason': 'length'
                    }]
                })

        def _send(self, answer: dict) -> None:
            body = json.dumps(answer).encode()
            self.send_response(200)
            self.send_header('Content-Type', 'application/json')
            self.send_header('Content-Length', str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def _stream(self, limit: int) -> None:
            self.send_response(200)
            self.send_header('Content-Type', 'text/event-stream')
            self.end_headers()
            try:
                for at, word in enumerate(story.words()[:limit]):
                    self._event(
                        {'choices': [{
                            'delta': {
                                'content': f'{" " if at else ""}{word}'
                            }
                        }]})
                    if story.wait():
                        return
                self._event({'choices': [{'delta': {}, 'finish_reason': 'stop'}]})
                self.wfile.write(b'data: [DONE]\n\n')
            except (BrokenPipeError, ConnectionResetError):
                return                       # the reply was interrupted: nobody wants the rest

        def _event(self, chunk: dict) -> None:
            self.wfile.write(f'data: {json.dumps(chunk)}\n\n'.encode())
            self.wfile.flush()

    return Handler

"""A network camera that speaks RTSP: H.264 of a moving test picture, over the connection itself.

ffmpeg encodes and packs (RTP); what a client asks of a camera in RTSP 1.0 (RFC 2326) is here.
"""

from __future__ import annotations

import base64
import shutil
import socket
import socketserver
import struct
import subprocess
import threading

import pytest

WIDTH, HEIGHT, FPS = 160, 120, 25
USER, PASSWORD = 'anna', 'secret'
SDP = ('v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=camera\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\n'
       'c=IN IP4 0.0.0.0\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1\r\n'
       'a=control:track\r\n')
ENCODE = ('ffmpeg -loglevel quiet -re -f lavfi -i testsrc=size={width}x{height}:rate={fps} '
          '-c:v libx264 -preset ultrafast -tune zerolatency -pix_fmt yuv420p -g {fps} -threads 1 '
          '-f rtp -payload_type 96 rtp://127.0.0.1:{port}?pkt_size=1200')


class RtspCamera:
    """On when made. ``stop`` is a pulled plug: connections end in the middle of a picture."""

    def __init__(self, port: int = 0) -> None:
        shutil.which('ffmpeg') or pytest.skip('ffmpeg is not installed')
        outer = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                outer.serve(self)

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = True
            daemon_threads = True

        self._server = Server(('127.0.0.1', port), Handler)
        self._live: list[tuple[socket.socket, subprocess.Popen[bytes]]] = []
        self.port: int = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self) -> str:
        return f'rtsp://{USER}:{PASSWORD}@127.0.0.1:{self.port}/cam'

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        for connection, encoder in self._live:
            encoder.kill()
            encoder.wait()
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue         # the client has gone already

    def serve(self, client: socketserver.StreamRequestHandler) -> None:
        """Answer until it wants to be sent pictures; then they go out as long as it listens."""
        while (request := _request(client)) is not None:
            method, headers = request
            given = headers.get('authorization', '')
            wanted = base64.b64encode(f'{USER}:{PASSWORD}'.encode()).decode()
            if method != 'OPTIONS' and given != f'Basic {wanted}':
                _answer(client, headers, '401 Unauthorized',
                        'WWW-Authenticate: Basic realm="camera"')
            elif method == 'OPTIONS':
                _answer(client, headers, '200 OK', 'Public: DESCRIBE, SETUP, PLAY, TEARDOWN')
            elif method == 'DESCRIBE':
                _answer(client, headers, '200 OK', 'Content-Type: application/sdp', body=SDP)
            elif method == 'SETUP':
                _answer(client, headers, '200 OK', 'Session: 1',
                        'Transport: RTP/AVP/TCP;unicast;interleaved=0-1')
            elif method == 'PLAY':
                _answer(client, headers, '200 OK', 'Session: 1')
                self._send(client.connection)
                return
            else:
                _answer(client, headers, '200 OK', 'Session: 1')

    def _send(self, connection: socket.socket) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as packets:
            packets.bind(('127.0.0.1', 0))
            packets.settimeout(5.0)
            port = packets.getsockname()[1]
            words = ENCODE.format(width=WIDTH, height=HEIGHT, fps=FPS, port=port).split()
            encoder = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
            self._live.append((connection, encoder))
            try:
                while True:
                    packet = packets.recv(2048)
                    connection.sendall(struct.pack('>cBH', b'$', 0, len(packet)) + packet)
            except OSError:
                return           # the client has gone, or the plug was pulled
            finally:
                encoder.kill()
                encoder.wait()


def _request(client: socketserver.StreamRequestHandler) -> tuple[str, dict[str, str]] | None:
    """Method and headers (names in lower case); None at the end."""
    first = client.rfile.readline().decode()
    headers: dict[str, str] = {}
    while (line := client.rfile.readline().decode().strip()):
        name, _, value = line.partition(':')
        headers[name.lower()] = value.strip()
    return (first.split()[0], headers) if first.strip() else None


def _answer(client: socketserver.StreamRequestHandler, headers: dict[str, str], status: str,
            *more: str, body: str = '') -> None:
    lines = [f'RTSP/1.0 {status}', f'CSeq: {headers.get("cseq", "0")}', *more,
             f'Content-Length: {len(body)}', '', body]
    client.wfile.write('\r\n'.join(lines).encode())

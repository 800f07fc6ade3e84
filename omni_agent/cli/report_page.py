"""``report.html``: one file that plays the conversation and shows what the robot made of it.

Everything is inlined (sound, data, script), so it can be mailed or attached and needs no network.
The drawing is done in the browser by ``report_page.html``, which this fills in.
"""

from __future__ import annotations

import base64
import json
from io import BytesIO
from pathlib import Path

import numpy as np

from ..core.recording import Recording, Tracks
from ..core.sounding import RobotSound, Span, lowered_spans
from .report_picture import headline, scores

TEMPLATE = Path(__file__).with_name('report_page.html')
STROKE_S = 0.02            # one stroke of a waveform
# Silence after the end: Chromium fails to seek into the last frames of a FLAC, a quarter of a
# second each, and plays nothing any more once it has failed.
TAIL_S = 3.0


def page(recording: Recording, tracks: Tracks, metrics: dict, stereo_wav: Path,
         path_png: Path | None = None) -> str:
    """The finished HTML; ``path_png`` shows where the robot went, if it went anywhere."""
    sound, kind = _compressed(stereo_wav)
    data = json.dumps(_data(recording, tracks, metrics), allow_nan=False, separators=(',', ':'))
    # A transcript may hold '</script>'; JSON can write '<' so that no browser takes it for a tag.
    data = data.replace('<', '\\u003c')
    audio = f'data:{kind};base64,{base64.b64encode(sound).decode("ascii")}'
    html = TEMPLATE.read_text(encoding='utf-8')
    html = html.replace('{{PATH}}', _picture(path_png))
    html = html.replace('{{TITLE}}', _escape(headline(metrics))).replace('{{AUDIO}}', audio)
    return html.replace('{{DATA}}', data)


def _picture(path: Path | None) -> str:
    if path is None:
        return ''
    return (
        '<section class="card"><h2>Where it went</h2><p class="note">Seen from above, in metres: '
        'its way by odometry, '
        'where a skill began and how each ended.</p><img style="width:100%;max-width:900px" '
        'alt="The way of the robot" '
        f'src="data:image/png;base64,{base64.b64encode(path.read_bytes()).decode("ascii")}"></section>'
    )


def _escape(text: str) -> str:
    return text.replace('&', '&amp;').replace('<', '&lt;').replace('>', '&gt;')


def _compressed(wav: Path) -> tuple[bytes, str]:
    """FLAC: every browser plays it, and unlike MP3 it begins on time. WAV without soundfile."""
    try:
        import soundfile
    except (ImportError, OSError):         # OSError: the wheel is there, its libsndfile is not
        return wav.read_bytes(), 'audio/wav'
    samples, rate = soundfile.read(str(wav), dtype='int16', always_2d=True)
    tail = np.zeros((round(TAIL_S * rate), samples.shape[1]), np.int16)
    out = BytesIO()
    soundfile.write(out, np.concatenate((samples, tail)), rate, format='FLAC', subtype='PCM_16')
    return out.getvalue(), 'audio/flac'


def _data(recording: Recording, tracks: Tracks, metrics: dict) -> dict:
    """What the page draws, in seconds since the first sample and short lists."""
    sound = RobotSound(tracks, recording.playback)
    t0 = tracks.t0
    return {
        'metrics': metrics,
        'headline': headline(metrics),
        'duration': round(tracks.robot.size / tracks.rate, 3),
        'stroke': STROKE_S,
        'person': _strokes(tracks.person, tracks.rate),
        'robot': _strokes(tracks.robot, tracks.rate),
        'voices': _voices(recording, sound, t0),
        'lowered': [_span(span, t0)
                    for span in lowered_spans(recording.interrupts, recording.end)],
        'activity': [[_s(frame.t, t0), _percent(frame.probability),
                      _percent(frame.echo_likelihood)]
                     for frame in recording.voice],
        'states': [[_s(state.t, t0), state.person, state.agent] for state in recording.states],
        'scores': _scores(recording, t0),
        'words': [[_s(one.received, t0), one.kind, one.utterance, one.text]
                  for one in recording.percepts if one.kind in ('partial', 'final')],
        'interrupts': [{'t': _s(one.t, t0), 'reason': one.reason, 'ducked': one.ducked,
                        'epoch': str(one.epoch),
                        'evidence': _s(one.evidence, t0) if one.evidence > 0 else None}
                       for one in recording.interrupts],
        'reacts': [[_s(one.received, t0), one.brief, str(one.epoch)] for one in recording.reacts],
        'images': [_s(one.received, t0) for one in recording.images],
        'scenes': [[_s(one.t, t0), one.text, _number(one.salience)] for one in recording.percepts
                   if one.kind == 'scene'],
        'keyframes': _keyframes(recording, t0),
        'routes': _routes(recording, t0),
    }


def _keyframes(recording: Recording, t0: float) -> list[list]:
    """(seconds, JPEG in base64); what was there before the conversation stands at its
    beginning.
    """
    found = [[max(0.0, _s(one.t, t0)), one.keyframe] for one in recording.looks if one.keyframe]
    before = sum(t == 0.0 for t, _ in found)
    return found[max(0, before - 1):]


def _routes(recording: Recording, t0: float) -> list[dict]:
    """One for each answer, of what the nodes that worked at it told."""
    answers: dict[int, dict] = {}
    for one in recording.routes:
        answer = answers.setdefault(one.epoch, {
            't': _s(one.t, t0), 'epoch': str(one.epoch), 'brief': one.brief, 'steps': []})
        answer['steps'] += [[step.specialist, step.why, _number(step.cost_ms), step.frames,
                             step.tokens] for step in one.steps]
    return list(answers.values())


def _voices(recording: Recording, sound: RobotSound, t0: float) -> list[dict]:
    words: dict[int, list[list]] = {}
    for record in recording.playback:
        said = words.setdefault(record.epoch, [])
        if record.heard and (not said or said[-1][1] != record.heard):
            said.append([_s(record.t, t0), record.heard])
    return [{'epoch': str(voice.epoch), 'start': _s(voice.begin, t0), 'stop': _s(voice.end, t0),
             'state': voice.state, 'heard': voice.heard, 'words': words.get(voice.epoch, [])}
            for voice in sound.voices]


def _scores(recording: Recording, t0: float) -> list[dict]:
    states = {state.t: state for state in recording.states}
    return [{'t': _s(t, t0), 'score': round(score, 3), 'text': states[t].text,
             'why': states[t].why,
             'evidence': {name: _number(value) for name, value in states[t].evidence.items()}}
            for t, score in scores(recording)]


def _strokes(samples: np.ndarray, rate: int) -> list[int]:
    """Loudest sample of every STROKE_S as 0 to 99, bent so that quiet speech stays visible."""
    size = int(rate * STROKE_S)
    frames = samples[:samples.size - samples.size % size].reshape(-1, size).astype(np.float32)
    if not frames.size:
        return []
    top = np.max(np.abs(frames), axis=1) / 32768.0
    share = np.minimum(1.0, top / max(0.05, float(top.max())))
    return np.round(99 * share ** 0.7).astype(int).tolist()


def _s(t: float, t0: float) -> float:
    return round(t - t0, 3)


def _span(span: Span, t0: float) -> list[float]:
    return [_s(span.start, t0), _s(span.stop, t0)]


def _number(value: float) -> float | None:
    return round(value, 3) if value == value else None


def _percent(value: float) -> int:
    return int(round(100 * min(1.0, max(0.0, value)))) if value == value else 0

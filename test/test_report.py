"""What ``omni-agent report`` writes into the folder of a run."""

from __future__ import annotations

import argparse
import base64
import json
import re
import wave
from io import BytesIO

import numpy as np
import pytest
from synthetic_recording import T0, conversation, write

from omni_agent.cli import report
from omni_agent.core.errors import WireError


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    out = write(tmp_path_factory.mktemp('run') / 'out', 'old_answer_returns')
    report.write(out)
    return out


def test_every_file_is_there_and_nothing_half_written(folder):
    names = {path.name for path in folder.iterdir()}
    assert names == {'events.jsonl', 'person.wav', 'robot.wav', 'conversation.wav', 'timeline.png',
                     'metrics.json',
                     'report.html'}


def test_the_person_is_on_the_left_and_the_robot_on_the_right(folder):
    _, tracks = conversation('old_answer_returns')
    with wave.open(str(folder / 'conversation.wav')) as source:
        assert (source.getnchannels(), source.getframerate()) == (2, 16_000)
        both = np.frombuffer(source.readframes(source.getnframes()), '<i2').reshape(-1, 2)
    assert np.array_equal(both[:, 0], tracks.person)
    assert np.array_equal(both[:, 1], tracks.robot)


def test_the_picture_is_wide_enough_to_read(folder):
    image = pytest.importorskip('matplotlib.image').imread(str(folder / 'timeline.png'))
    height, width = image.shape[:2]
    assert 1600 <= width <= 2400
    assert height > 1200
    assert image[..., :3].std() > 0.05


def test_the_page_asks_nobody_for_anything(folder):
    html = (folder / 'report.html').read_text(encoding='utf-8')
    assert not re.search(r'\bhttps?:|src\s*=\s*["\']?//|@import|\burl\((?!["\']?data:)', html)
    assert "default-src 'none'" in html
    assert '{{' not in html


def test_the_page_holds_the_sound_and_the_numbers(folder):
    html = (folder / 'report.html').read_text(encoding='utf-8')
    data = json.loads(re.search(r'id="data">(.*?)</script>', html, re.S).group(1))
    assert data['metrics'] == json.loads((folder / 'metrics.json').read_text(encoding='utf-8'))
    assert 'went wrong' in data['headline']
    kind, sound = re.search(r'id="sound">data:([^;]+);base64,([^<]+)<', html).groups()
    if kind == 'audio/flac':
        soundfile = pytest.importorskip('soundfile')
        samples, rate = soundfile.read(BytesIO(base64.b64decode(sound)), dtype='int16')
        assert (rate, samples.shape[1]) == (16_000, 2)


def test_the_sound_goes_on_in_silence_because_a_browser_cannot_seek_into_the_end_of_it(folder):
    soundfile = pytest.importorskip('soundfile')
    html = (folder / 'report.html').read_text(encoding='utf-8')
    sound = re.search(r'id="sound">data:audio/flac;base64,([^<]+)<', html).group(1)
    samples, rate = soundfile.read(BytesIO(base64.b64decode(sound)), dtype='int16')
    with wave.open(str(folder / 'conversation.wav')) as source:
        spoken = np.frombuffer(source.readframes(source.getnframes()), '<i2').reshape(-1, 2)
    assert np.array_equal(samples[:len(spoken)], spoken)
    assert len(samples) - len(spoken) >= 2 * rate and not samples[len(spoken):].any()


def test_a_node_that_was_loading_before_the_conversation_was_well_in_it(tmp_path):
    out = write(tmp_path)
    report_of = {'topic': 'diagnostics', 'node': 'reaction', 'values': {}}
    with (out / 'events.jsonl').open('a', encoding='utf-8') as events:
        for t, level, message in ((T0 - 2, 1, 'loading'), (T0 + 2, 0, 'OK')):
            news = {**report_of, 't': t, 'level': level, 'message': message}
            events.write(json.dumps(news) + '\n')
        late = {**report_of, 'node': 'camera', 't': T0 + 3, 'level': 2, 'message': 'unplugged'}
        events.write(json.dumps(late) + '\n')
    report.write(out)
    nodes = json.loads((out / 'metrics.json').read_text(encoding='utf-8'))['nodes']
    assert nodes['reaction']['worst'] == 0
    assert (nodes['camera']['worst'], nodes['camera']['message']) == (2, 'unplugged')


@pytest.mark.filterwarnings('error')
def test_words_that_look_like_markup_stay_words(tmp_path):
    out = write(tmp_path)
    evil = '</script><script>alert(1)</script><!-- {{DATA}} {{AUDIO}} $5 or $\\frac 日本'
    line = {'topic': 'line', 't': T0 + 50, 'end': T0 + 51, 'index': 50, 'name': evil, 'who': evil,
            'text': evil,
            'expect': 'ignored'}
    with (out / 'events.jsonl').open('a', encoding='utf-8') as events:
        events.write(json.dumps(line) + '\n')
    report.write(out)
    html = (out / 'report.html').read_text(encoding='utf-8')
    assert '<script>alert' not in html
    data = json.loads(re.search(r'id="data">(.*?)</script>', html, re.S).group(1))
    assert any(one['text'] == evil for one in data['metrics']['lines'])


def test_a_recording_with_almost_nothing_in_it_still_gets_a_report(tmp_path):
    out = write(tmp_path)
    meta = json.dumps({'topic': 'meta', 't': T0, 't0': T0})
    (out / 'events.jsonl').write_text(meta + '\n{broken\n')
    report.write(out)
    outcome = json.loads((out / 'metrics.json').read_text(encoding='utf-8'))
    assert outcome['counts']['malformed'] == 1
    assert outcome['all_passed'] is False


def test_an_empty_track_still_gets_a_report(tmp_path):
    out = write(tmp_path)
    for name in ('person.wav', 'robot.wav'):
        with wave.open(str(out / name), 'wb') as track:
            track.setnchannels(1)
            track.setsampwidth(2)
            track.setframerate(16_000)
    report.write(out)
    assert (out / 'report.html').exists()


def test_a_folder_without_a_recording_is_refused_with_advice(tmp_path):
    with pytest.raises(WireError, match='events.jsonl does not exist'):
        report.write(tmp_path)


def test_a_stereo_track_is_refused(tmp_path):
    out = write(tmp_path)
    with wave.open(str(out / 'robot.wav'), 'wb') as track:
        track.setnchannels(2)
        track.setsampwidth(2)
        track.setframerate(16_000)
        track.writeframes(bytes(64))
    with pytest.raises(WireError, match='must be mono'):
        report.write(out)


def test_the_command_prints_the_verdicts(folder, capsys):
    parser = argparse.ArgumentParser()
    report.add_parser(parser.add_subparsers())
    args = parser.parse_args(['report', str(folder)])
    assert args.run(args) == 0
    printed = capsys.readouterr().out
    assert 'FAIL a new question cuts in' in printed
    assert 'ok   a first question' in printed


def test_the_page_shows_a_picture_where_something_changed(tmp_path):
    out = write(tmp_path / 'out')
    jpeg = base64.b64encode(b'a picture').decode()
    with open(out / 'events.jsonl', 'a', encoding='utf-8') as events:
        for at in (-5.0, -1.0, 7.0, 8.0):
            record = {'topic': 'look', 't': T0 + at, **({'keyframe': jpeg} if at != 8.0 else {})}
            events.write(json.dumps(record) + '\n')
    report.write(out)
    html = (out / 'report.html').read_text(encoding='utf-8')
    data = json.loads(re.search(r'id="data">(.*?)</script>', html, re.S).group(1))
    assert data['keyframes'] == [[0.0, jpeg], [7.0, jpeg]]


def test_the_page_tells_how_each_answer_came_about(tmp_path):
    out = write(tmp_path / 'out')
    looked = {'specialist': 'closer look', 'why': 'a cup', 'cost_ms': 410.5, 'frames': 1,
              'tokens': 0}
    wrote = {'specialist': 'language model', 'why': 'wrote the reply', 'cost_ms': 900.0,
             'frames': 0, 'tokens': 70}
    routes = [(6.0, 7, [looked]), (7.5, 8, [{'specialist': 'memory', 'cost_ms': None}]),
              (8.0, 7, [wrote]), (9.0, 9, 'nobody')]
    with open(out / 'events.jsonl', 'a', encoding='utf-8') as events:
        for at, epoch, steps in routes:
            events.write(json.dumps({'topic': 'answer_route', 't': T0 + at, 'epoch': epoch,
                                     'brief': f'question {epoch}', 'steps': steps}) + '\n')
    report.write(out)
    html = (out / 'report.html').read_text(encoding='utf-8')
    data = json.loads(re.search(r'id="data">(.*?)</script>', html, re.S).group(1))
    assert data['routes'] == [
        {'t': 6.0, 'epoch': '7', 'brief': 'question 7',
         'steps': [['closer look', 'a cup', 410.5, 1, 0],
                   ['language model', 'wrote the reply', 900.0, 0, 70]]},
        {'t': 7.5, 'epoch': '8', 'brief': 'question 8', 'steps': [['memory', '', None, 0, 0]]}]
    assert data['metrics']['counts']['malformed'] == 1

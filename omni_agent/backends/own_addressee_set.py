"""The only place that turns the scenes of our own set into sound: built once, kept in the cache,
read like any other.
"""

from __future__ import annotations

import ast
import hashlib
import inspect
import math
import os
import shutil
import tempfile
from pathlib import Path
from typing import Callable, Iterator

import numpy as np

from omni_agent.backends import (RATE, addressee_script, audio_files, broadcast, image_room,
                                 noises, speakers)
from omni_agent.backends import room_acoustics as acoustics
from omni_agent.backends.addressee_script import Place, Said, Scene
from omni_agent.core.addressee_set import BROADCAST, FOR_ROBOT, Item, as_csv

VERSION = '1'
VOICE_DBFS = -26.0       # at 1 m, of who is not turned away
TO_ROBOT_DB = 1.5        # people speak up a little for a machine
LEAD_S, TAIL_S = 0.8, 0.6
NOISE_S = 20.0
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef)


def folder(half: str, progress: Callable[[int, int], None] = lambda done, total: None) -> Path:
    """A half of the set on this machine, built if it is not there yet. Raises BackendError where a
    voice is missing.
    """
    cache = Path(
        os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache', 'omni_agent', 'addressee')
    final = cache / f'{half}-{_key(half)}'
    if (final / 'labels.csv').is_file():
        return final
    cache.mkdir(parents=True, exist_ok=True)
    scenes = addressee_script.scenes(half)
    with tempfile.TemporaryDirectory(dir=cache) as scratch:
        part, items = Path(scratch, 'set'), []
        part.mkdir()
        for done, scene in enumerate(scenes):
            progress(done, len(scenes))
            for item, samples in render(scene):
                audio_files.write(part / item.file, audio_files.to_int16(samples))
                items.append(item)
        (part / 'labels.csv').write_text(as_csv(items), encoding='utf-8')
        shutil.rmtree(final, ignore_errors=True)
        os.replace(part, final)
    return final


def _key(half: str) -> str:
    """Of what it is made from: other words, another room, another set."""
    digest = hashlib.sha256(VERSION.encode())
    digest.update(repr([addressee_script.texts(half)[part] for part in ('for', 'other')]).encode())
    for module in (addressee_script, broadcast, image_room):
        digest.update(_code(inspect.getsource(module)).encode())
    return digest.hexdigest()[:16]


def _code(source: str) -> str:
    """What it does, however it is laid out and explained."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, DOCUMENTED) and ast.get_docstring(node) is not None:
            node.body = node.body[1:]
    return ast.unparse(tree)


def render(scene: Scene) -> Iterator[tuple[Item, np.ndarray]]:
    """Every utterance of a scene as the microphone hears it."""
    rng = np.random.default_rng(scene.seed)
    box = image_room.draw(scene.room)
    loudness = {
        voice: float(rng.normal(VOICE_DBFS, 2.5))
        for said in scene.said
        for voice in said.voices
    }
    heard = [_heard(said, box, loudness, rng) for said in scene.said]
    asker = next((at for at, said in enumerate(scene.said) if said.label == FOR_ROBOT), 0)
    noise_dbfs = acoustics.speech_level(heard[asker]) - scene.snr_db
    noise = noise_of(scene.noise, scene.half, scene.seed)
    for index, (said, voice) in enumerate(zip(scene.said, heard)):
        lead, tail = round(LEAD_S * RATE), round(TAIL_S * RATE)
        start = int(rng.integers(noise.size))
        mix = (np.take(noise, np.arange(start, start + lead + voice.size + tail), mode='wrap') *
               acoustics.db(noise_dbfs))
        mix[lead:lead + voice.size] += voice
        snr_db = acoustics.speech_level(voice) - noise_dbfs
        yield _item(scene, index, said, snr_db), mix.astype(np.float32)


def _heard(said: Said, box: image_room.Box, loudness: dict[str, float],
           rng: np.random.Generator) -> np.ndarray:
    spoken = [speakers.speak(text, voice) for text, voice in zip(said.texts, _voices(said))]
    if said.label == BROADCAST:
        dry = broadcast.programme(spoken, int(rng.integers(2**31)))
        level = VOICE_DBFS + float(rng.uniform(-6.0, 3.0))
    else:
        first, last = acoustics.voiced_span(spoken[0])
        dry = spoken[0][max(0, first - acoustics.MARGIN):last + acoustics.MARGIN]
        level = loudness[said.voices[0]] + (TO_ROBOT_DB if said.label == FOR_ROBOT else 0.0)
    dry = dry * acoustics.db(level - acoustics.speech_level(dry))
    return through(dry, box, said.place)


def _voices(said: Said) -> tuple[str, ...]:
    return said.voices if len(said.voices) > 1 else said.voices * len(said.texts)


def through(dry: np.ndarray, box: image_room.Box, place: Place) -> np.ndarray:
    """A voice after the room, from where the direct sound arrives on."""
    response = image_room.response(box, place.distance_m, place.turned_deg, place.seed)
    response = response[max(0, int(np.flatnonzero(response)[0]) - 8):]
    length = 1 << (dry.size + response.size).bit_length()
    wet = np.fft.irfft(np.fft.rfft(dry, length) * np.fft.rfft(response, length), length)
    return wet[:dry.size + round(box.rt60_s * RATE)].astype(np.float32)


def _item(scene: Scene, index: int, said: Said, snr_db: float) -> Item:
    faces, looks_here, lips = (None if math.isnan(value) else round(value, 3)
                               for value in said.camera)
    return Item(f'{scene.name}-{index}.wav', said.label, scene.name, said.kind,
                ' '.join(said.texts), ' '.join(dict.fromkeys(said.voices)), scene.half,
                round(said.gap_s, 2), said.robot_said, round(float(snr_db), 1),
                round(said.place.distance_m, 2), faces, looks_here, lips)


# -- noises of a household that go on: RMS 1 ------------------------------------------------------


def noise_of(kind: str, half: str, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    size = round(NOISE_S * RATE)
    if kind in ('babble', 'chatter'):
        sound = _crowd(half, size, rng)
    elif kind == 'pink':
        sound = acoustics.pink_noise(0.0, seed % 2**31)[:size]
    elif kind == 'vacuum':
        sound = np.resize(noises.make('vacuum', seed % 2**31)[RATE // 2:-RATE // 2], size)
    elif kind == 'dishes':
        sound = (_now_and_then(lambda: noises.dishes(rng), size, rng) +
                 0.01 * rng.standard_normal(size))
    elif kind == 'water':
        gush = 1 + 0.3 * np.sin(2 * np.pi * np.cumsum(rng.uniform(0.5, 3, size)) / RATE)
        sound = noises.band(rng.standard_normal(size), 400, 6500) * gush
    elif kind == 'fan':
        t = np.arange(size) / RATE
        hum = sum(np.sin(2 * np.pi * 37 * k * t + k) / k for k in range(1, 9))
        sound = noises.band(rng.standard_normal(size), 60, 1800) + 0.25 * hum
    else:
        sound = (_now_and_then(lambda: _clank(rng), size, rng) +
                 0.008 * noises.band(rng.standard_normal(size), 100, 5000))
    return (sound / np.sqrt(np.mean(sound**2))).astype(np.float32)


def _now_and_then(one: Callable[[], np.ndarray], size: int,
                  rng: np.random.Generator) -> np.ndarray:
    out, at = np.zeros(size), 0
    while at < size:
        sound = one()[:size - at]
        out[at:at + sound.size] += sound * rng.uniform(0.3, 1.0)
        at += int(rng.uniform(0.4, 1.6) * RATE)
    return out


def _clank(rng: np.random.Generator) -> np.ndarray:
    """A pot lid: few low partials that ring, and a knock."""
    t = np.arange(round(0.6 * RATE)) / RATE
    tones = sum(
        np.sin(2 * np.pi * hz * t) * np.exp(-t / rng.uniform(0.05, 0.2))
        for hz in rng.uniform(500, 2600, 6))
    return 0.15 * tones + noises.burst(rng, 0.6, 0.01, 150, 2000)


def _crowd(half: str, size: int, rng: np.random.Generator) -> np.ndarray:
    """Six people in the next room."""
    lines = addressee_script.texts(half)['other']['phone']
    out = np.zeros(size)
    people = addressee_script.PERSONS[half]
    for index, voice in enumerate(people):
        at, own = int(rng.integers(RATE)), lines[index::len(people)]
        while at < size:
            said = speakers.speak(str(rng.choice(own)), voice)
            said = (said * acoustics.db(-26.0 - acoustics.speech_level(said)))[:size - at]
            out[at:at + said.size] += said
            at += said.size + int(rng.uniform(0.1, 0.5) * RATE)
    return noises.band(out, 100, 4000)

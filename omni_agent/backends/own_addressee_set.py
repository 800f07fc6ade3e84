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

from omni_agent.backends import (RATE, addressee_noises, addressee_script, audio_files, broadcast,
                                 image_room, recorded_people, speakers)
from omni_agent.backends import room_acoustics as acoustics
from omni_agent.backends.addressee_script import Place, Said, Scene
from omni_agent.core.addressee_set import BROADCAST, FOR_ROBOT, Item, as_csv

VERSION = '1'
VOICE_DBFS = -26.0       # at 1 m, of who is not turned away
TO_ROBOT_DB = 1.5        # people speak up a little for a machine
LEAD_S, TAIL_S = 0.8, 0.6
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
    for one in recorded_people.recordings(half):
        path = recorded_people.file_of(half, one)
        digest.update(repr(one).encode() + (path.read_bytes() if path else b''))
    for module in (addressee_noises, addressee_script, broadcast, image_room):
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
    heard = [_heard(said, scene.half, box, loudness, rng) for said in scene.said]
    asker = next((at for at, said in enumerate(scene.said) if said.label == FOR_ROBOT), 0)
    noise_dbfs = acoustics.speech_level(heard[asker]) - scene.snr_db
    noise = addressee_noises.noise_of(scene.noise, scene.half, scene.seed)
    for index, (said, voice) in enumerate(zip(scene.said, heard)):
        lead, tail = round(LEAD_S * RATE), round(TAIL_S * RATE)
        start = int(rng.integers(noise.size))
        mix = (np.take(noise, np.arange(start, start + lead + voice.size + tail), mode='wrap') *
               acoustics.db(noise_dbfs))
        mix[lead:lead + voice.size] += voice
        snr_db = acoustics.speech_level(voice) - noise_dbfs
        yield _item(scene, index, said, snr_db), mix.astype(np.float32)


def _heard(said: Said, half: str, box: image_room.Box, loudness: dict[str, float],
           rng: np.random.Generator) -> np.ndarray:
    spoken = [speakers.speak(text, voice) for text, voice in zip(said.texts, _voices(said))]
    if said.label == BROADCAST:
        dry = broadcast.programme(spoken, int(rng.integers(2**31)),
                                  addressee_noises.MUSIC[half])
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

"""Videos with labelled moments: the only place that reads a set of them and plays it at its own
time.

A set is a folder with videos and labels.csv (docs/proactive_sets.md). Our own set has composed
scenes as well.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Callable, Iterator, Sequence

import numpy as np

from omni_agent.backends import Detector, composed_scenes, proactive_set, watching
from omni_agent.backends.composed_scenes import Scene, Studio
from omni_agent.backends.watcher import Watcher
from omni_agent.core.errors import BackendError, ConfigError
from omni_agent.core.fovea import FoveaParams
from omni_agent.core.frame_skip import FrameSkipParams, SkipFigures
from omni_agent.core.moments import Row, Watch, parse_labels
from omni_agent.core.speak_score import Scorer, parse
from omni_agent.core.speak_up import SpeakUp
from omni_agent.core.speak_up_params import SpeakUpParams
from omni_agent.core.tracks import TracksParams
from omni_agent.core.watch_events import Looked, Remark, WatchEffect
from omni_agent.core.watch_items import Answer, WatchItems
from omni_agent.share import share_dir

RATE_HZ = 10.0
LABELS = 'labels.csv'
USUAL_FPS = 25.0             # of a file that does not say

Frames = Iterator[tuple[float, np.ndarray]]


@dataclass(frozen=True)
class Clip:
    """A piece of video and what is watched for in it; ``frames`` begins anew at each call."""

    name: str
    half: str
    kind: str                    # 'real' or 'composed'
    watches: tuple[Watch, ...]
    frames: Callable[[int], Frames]      # of a variant; real videos have only number 0

    @property
    def uneventful(self) -> bool:
        return not any(watch.moments or watch.unsure for watch in self.watches)


def read(folder: Path) -> list[Clip]:
    """Anybody's own set. Raises ConfigError that names what is wrong."""
    path = folder / LABELS
    try:
        rows = parse_labels(path.read_text(encoding='utf-8-sig'), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f'{folder} is no set of labelled videos: {path} cannot be read ({error}); '
            'docs/proactive_sets.md says what it holds') from error
    for row in rows:
        if not (folder / row.file).is_file():
            raise ConfigError(f"{path}:{row.line}: there is no file '{row.file}' in {folder}")
    return _clips(rows, lambda name: folder / name)


def own() -> list[Clip]:
    """Our own set: real videos, and scenes made of pictures. Raises BackendError where files are
    missing.
    """
    library = proactive_set.Library()
    rows = parse_labels((proactive_set.folder() / LABELS).read_text(encoding='utf-8'), LABELS)
    scenes = composed_scenes.read(proactive_set.folder() / 'scenes.yaml')
    studio = Studio(library.find)
    return _clips(rows, library.find) + [composed(scene, studio) for scene in scenes]


def composed(scene: Scene, studio: Studio) -> Clip:
    """The clip of a scene that is made of pictures."""
    return Clip(scene.name, scene.half, 'composed', scene.watches,
                lambda variant: studio.frames(scene, RATE_HZ, variant))


def _clips(rows: Sequence[Row], find: Callable[[str], Path]) -> list[Clip]:
    together: dict[object, list[Row]] = {}
    for row in rows:
        together.setdefault(row.clip, []).append(row)
    return [_clip(group, find(group[0].file)) for group in together.values()]


def _clip(rows: Sequence[Row], path: Path) -> Clip:
    row = rows[0]
    part = '' if row.crop is None else f' {row.crop[0]},{row.crop[1]}-{row.crop[2]},{row.crop[3]}'
    length = f' for {row.loop_s:g} s' if row.loop_s else ''
    return Clip(f'{row.file}{part}{length}', row.half, 'real', tuple(one.watch for one in rows),
                lambda variant: _played(path, row))


def _played(path: Path, row: Row) -> Frames:
    """Pictures at RATE_HZ or less, with the times of the video; a loop goes on counting."""
    if not row.loop_s:
        yield from _frames(path, row)
        return
    frames = [image for _, image in _frames(path, row)]
    if not frames:
        return
    # no cut where it begins anew
    there_and_back = [*range(len(frames)), *range(len(frames) - 2, 0, -1)]
    for index in range(int(row.loop_s * RATE_HZ)):
        yield row.start_s + index / RATE_HZ, frames[there_and_back[index % len(there_and_back)]]


def _frames(path: Path, row: Row) -> Frames:
    capture = _cv2().VideoCapture(str(path))
    if not capture.isOpened():
        raise BackendError(f'{path} is not a video that OpenCV can play: convert it')
    try:
        fps = capture.get(_cv2().CAP_PROP_FPS)
        fps = fps if 0 < fps < 1000 else USUAL_FPS
        index, due = 0, row.start_s
        while capture.grab() and index / fps <= row.end_s:
            t = index / fps
            index += 1
            if t + 0.5 / fps < due:
                continue
            due = max(due + 1.0 / RATE_HZ, t)
            ok, image = capture.retrieve()
            if ok:
                yield t, _cropped(image, row, path)
    finally:
        capture.release()


def _cropped(image: np.ndarray, row: Row, path: Path) -> np.ndarray:
    if row.crop is None:
        return image
    left, top, right, bottom = row.crop
    if right > image.shape[1] or bottom > image.shape[0]:
        raise ConfigError(
            f'{LABELS}:{row.line}: the crop reaches beyond the {image.shape[1]} x '
            f'{image.shape[0]} '
            f'pixels of {path.name}')
    return np.ascontiguousarray(image[top:bottom, left:right])


def _cv2():  # noqa: ANN202 - a module
    try:
        import cv2
    except ImportError as error:
        raise BackendError(
            'no videos without OpenCV: run "pip install opencv-python-headless"') from error
    return cv2


# -- watching a clip ------------------------------------------------------------------------------

@dataclass(frozen=True)
class Said:
    """A remark or a silence, with the instruction that it is about (its number in the clip)."""

    t: float
    watch: int
    effect: WatchEffect


@dataclass(frozen=True)
class Watching:
    """What a clip came to; ``looks`` are what the decision saw, for fitting."""

    seconds: float
    said: tuple[Said, ...]
    looks: tuple[Looked, ...]
    skip: SkipFigures
    look_s: tuple[float, ...]    # time that each look took that was not skipped
    crops: int = 0               # closer looks

    def remarks(self, watch: int) -> list[float]:
        return [
            one.t for one in self.said if one.watch == watch and isinstance(one.effect, Remark)
        ]


@dataclass(frozen=True)
class Settings:
    """What is measured; the defaults are the product's."""

    tracks: TracksParams = TracksParams()
    skip: FrameSkipParams = FrameSkipParams()
    speak_up: SpeakUpParams = SpeakUpParams()
    fovea: FoveaParams = FoveaParams()


def scorer(path: Path | None = None) -> Scorer:
    """The fitted weights that come with the package. Raises ConfigError."""
    path = path or share_dir() / 'config' / 'watching' / 'speak_up.json'
    try:
        return parse(path.read_text(encoding='utf-8'))
    except OSError as error:
        raise ConfigError(f'cannot read the weights for speaking up in {path}: {error}') from error
    except ConfigError as error:
        raise ConfigError(f'{path}: {error}') from error


def watch(clip: Clip, detect: Detector, weights: Scorer, settings: Settings = Settings(),
          variant: int = 0) -> Watching:
    """The whole chain at the clip's own time: detector, tracks, instructions, decision."""
    watcher = Watcher(detect, settings.tracks, settings.skip, fovea=settings.fovea)
    machines: list[tuple[int, WatchItems, SpeakUp]] = []
    waiting = list(enumerate(clip.watches))
    said: list[Said] = []
    looks: list[Looked] = []
    took: list[float] = []
    crops, first, t = 0, 0.0, 0.0
    for index, (t, image) in enumerate(clip.frames(variant)):
        first = t if index == 0 else first
        waiting = _ask(waiting, t, machines, settings.speak_up, weights)
        watched = watcher.look(image, t)
        looked = replace(watched.looked, size=(image.shape[1], image.shape[0]))
        looks.append(looked)
        took += [] if watched.skipped else [watched.seconds]
        crops += watched.crops
        for number, _, machine in machines:
            said += [Said(t, number, effect) for effect in machine.step(looked, t)]
    return Watching(t - first, tuple(said), tuple(looks), watcher.figures(), tuple(took),
                    crops)


def _ask(waiting: list[tuple[int, Watch]], t: float, machines: list[tuple[int, WatchItems,
                                                                          SpeakUp]],
         params: SpeakUpParams, weights: Scorer) -> list[tuple[int, Watch]]:
    """Gives each instruction when its time has come; each has a machine of its own, so that they
    are told apart.
    """
    for number, one in [item for item in waiting if item[1].ask_s <= t]:
        items = WatchItems(watching.watch_words())
        reply = items.hear(one.say, t)
        if reply is None or reply.answer is not Answer.ADDED:
            raise ConfigError(
                f"'{one.say}' is no instruction that can be watched for: "
                f'{reply.text if reply else "it does not ask to be told of anything"}')
        machines.append((number, items, SpeakUp(params, weights, items)))
    return [item for item in waiting if item[1].ask_s > t]

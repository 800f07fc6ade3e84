"""What the package stands on: versions, licences, and whether each really loads."""

from __future__ import annotations

import ctypes.util
import importlib
import shutil
from dataclasses import dataclass
from importlib import metadata
from typing import Iterator

from omni_agent.cli.doctor_probe import Wanted
from omni_agent.core.checkup import Finding, note, ok, wrong


@dataclass(frozen=True)
class Library:
    """``module`` is what is imported, ``name`` what pip calls it. ``without``: what is lost;
    empty: nothing works.
    """

    name: str
    module: str
    licence: str
    without: str = ''


PYTHON = (
    Library('numpy', 'numpy', 'BSD-3-Clause'),
    Library('scipy', 'scipy.signal', 'BSD-3-Clause'),
    Library('PyYAML', 'yaml', 'MIT'),
    Library('onnxruntime', 'onnxruntime', 'MIT'),
    Library('opencv-python-headless', 'cv2', 'Apache-2.0'),
    Library('xllamacpp', 'xllamacpp', 'MIT',
            'no language model inside: name a server with llm:=http://...'),
    Library('hibari-tts', 'hibari', 'Apache-2.0', 'no good voice: tts:=flite'),
    Library('sounddevice', 'sounddevice', 'MIT',
            'no microphone and no loudspeaker of this machine'),
    Library('soundfile', 'soundfile', 'BSD-3-Clause, libsndfile LGPL-2.1', 'no sound files'),
    Library('pywebrtc-audio', 'pywebrtc_audio', 'Apache-2.0, WebRTC BSD-3-Clause',
            'the robot is interrupted later over its own voice'),
    Library('httpx', 'httpx', 'BSD-3-Clause', 'no language model on a server'),
    Library('psutil', 'psutil', 'BSD-3-Clause', 'no figures of processes'),
    Library('rich', 'rich', 'MIT', 'plain lines instead of panels'),
    Library('websockets', 'websockets', 'BSD-3-Clause', 'no window in the browser'),
    Library('rosbags', 'rosbags.typesys', 'Apache-2.0', 'no recording and no replay'),
    Library('matplotlib', 'matplotlib', 'PSF-like', 'no pictures in reports'),
)
SHARED = (
    Library('libportaudio2', 'portaudio', 'MIT',
            'no microphone and no loudspeaker of this machine'),
    Library('libspeexdsp1', 'speexdsp', 'BSD-3-Clause',
            'people\'s words are not kept whole over the robot\'s voice'),
)
PROGRAMS = (
    Library('flite', 'flite', 'BSD-like', 'no fallback voice'),
    Library('espeak-ng', 'espeak-ng', 'GPL-3.0 (a program of its own)',
            'nobody speaks in virtual rooms'),
)


def findings(wanted: Wanted) -> Iterator[Finding]:
    for library in PYTHON:
        yield _python(library)
    for library in SHARED:
        yield _found(library, ctypes.util.find_library(library.module),
                     f'apt-get install {library.name}')
    for program in PROGRAMS:
        yield _found(program, shutil.which(program.module), f'apt-get install {program.name}')


def _python(library: Library) -> Finding:
    try:
        module = importlib.import_module(library.module)
    # whatever a broken library raises while it is imported is what there is to say about it
    except Exception as error:
        return _missing(library, ' '.join(str(error).split())[:200], f'pip install {library.name}')
    return ok(library.name, f'{_version(library, module)}, {library.licence}')


def _version(library: Library, module: object) -> str:
    for name in (library.name, library.name.replace(
            '-headless', ''), library.name.replace('-headless', '-contrib')):
        try:
            return metadata.version(name)
        except metadata.PackageNotFoundError:
            continue                             # from apt, or under another name
    return str(getattr(module, '__version__', 'of an unknown version'))


def _found(library: Library, place: str | None, mend: str) -> Finding:
    return (ok(library.name, f'{place}, {library.licence}') if place else _missing(
        library, 'not found', mend))


def _missing(library: Library, why: str, mend: str) -> Finding:
    if library.without:
        return note(library.name, f'{why}; without it: {library.without}', mend)
    return wrong(library.name, why, mend)

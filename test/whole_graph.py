"""All six nodes with models and devices that need nothing, and whether they have come up."""

from __future__ import annotations

import subprocess
import sys
import wave
from pathlib import Path
from typing import Mapping

COMING_UP_S = 40.0        # [s] six Python processes on two busy cores, and slow discovery

QUIET = '''
version: 1
name: quiet
people:
  nobody: {}
lines:
  - {name: never, who: nobody, text: nothing, sound: never.wav}
'''

# In a process of its own, so that rclpy and its environment stay out of pytest's.
LISTENER = f'''
import sys, time, rclpy
from diagnostic_msgs.msg import DiagnosticArray
missing = set(sys.argv[1:])
rclpy.init(args=[])
node = rclpy.create_node('listener')
heard = lambda array: missing.difference_update(status.name for status in array.status)
node.create_subscription(DiagnosticArray, '/diagnostics', heard, 50)
deadline = time.monotonic() + {COMING_UP_S}
while missing and time.monotonic() < deadline:
    rclpy.spin_once(node, timeout_sec=0.1)
node.destroy_node()
rclpy.shutdown()
sys.exit(f'never heard of {{sorted(missing)}}' if missing else 0)
'''


def fakes(folder: Path) -> dict[str, dict[str, str]]:
    """Parameters of each node: scripted models, and in ``folder`` a room where nobody speaks."""
    with wave.open(str(folder / 'never.wav'), 'wb') as sound:
        sound.setparams((1, 2, 16_000, 0, 'NONE', ''))
        sound.writeframes(16_000 * b'\x00\x10\x00\xf0')       # a tone: silence would be refused
    (folder / 'quiet.yaml').write_text(QUIET)
    room = f'room:{folder / "quiet.yaml"}@{folder / "room"}?wait'
    return {
        'speaker': {'device': room},
        'microphone': {'device': room},
        'camera': {'device': 'none'},
        'perception': {'vad': 'fake', 'recogniser': 'none', 'turn_end': 'none',
                       'detector': 'none'},
        'reaction': {'llm': 'fake', 'tts': 'fake'},
        'decision': {'llm': 'none', 'sentence_end': 'none'},
    }


def listener(names: list[str], environment: Mapping[str, str]) -> subprocess.Popen[str]:
    """A process that ends with 0 as soon as every node in ``names`` has published diagnostics."""
    return subprocess.Popen([sys.executable, '-c', LISTENER, *names], env=dict(environment),
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def assert_all_heard(waiting: subprocess.Popen[str]) -> None:
    said, _ = waiting.communicate(timeout=COMING_UP_S + 20)
    assert waiting.returncode == 0, said

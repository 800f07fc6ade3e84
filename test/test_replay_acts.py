"""What the robot would be told to do now, in ``omni-agent replay``: acts beside those of then."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip('rosbags')

from bag_making import OWN, STRING, BagMaker  # noqa: E402
from test_replay import Recorded  # noqa: E402

from omni_agent.cli.main import main  # noqa: E402
from omni_agent.core.events import Played, Playing, React, Tick  # noqa: E402

SUCCEEDED = 3
# in another order than the planner's
LEFT = '{"speed": 45.0, "angle": 90.0, "direction": "left"}'
RIGHT = LEFT.replace('left', 'right')


def asked(*texts: str) -> Recorded:
    """Each is answered and heard to the end before the next."""
    recorded, t = Recorded(), 101.0
    for number, text in enumerate(texts, 1):
        recorded.says(t, number, text).step(Tick(t + 3.0), t + 3.0)
        epoch = recorded.machine.epoch
        recorded.step(Playing(t + 3.2, epoch, 'Yes'), t + 3.25)
        recorded.step(Played(t + 4.0, epoch, 'Yes.', True), t + 4.05)
        t += 8.0
    return recorded.step(Tick(t), t)


def replies(recorded: Recorded) -> list[React]:
    """The last of each epoch: from then on it was sure."""
    found = {effect.epoch: effect for step in recorded.pieces()[1] for effect in step.effects
             if isinstance(effect, React)}
    return list(found.values())


def bag(folder: Path, recorded: Recorded, acts: list[tuple[React, int, str, str]]) -> Path:
    """With skills, and what was handed out for which reply: step, skill, arguments."""
    with BagMaker(folder, version='0.1.0') as maker:
        for number, line in enumerate(recorded.lines):
            maker.put('/decision_trace', STRING, 100.0 + 0.001 * number, data=line)
        for reply, step, skill, arguments in acts:
            t = reply.not_before + 0.5 * step
            maker.put('/act', f'{OWN}Act', t, header=t, epoch=reply.epoch, step=step, skill=skill,
                      arguments=arguments, not_before=t)
            maker.put('/skill_state', f'{OWN}SkillState', t + 0.5, header=t, epoch=reply.epoch,
                      step=step, skill=skill, state=SUCCEEDED)
    (folder / 'parameters').mkdir()
    (folder / 'parameters' / 'decision.yaml').write_text(
        '/decision:\n  ros__parameters: {skills: default, llm: none}\n')
    return folder


def acts_of(file: Path) -> list[tuple[str, str]]:
    rows = json.loads(file.read_text())['pieces'][0]['decisions']
    return [(row['verdict'], (row['now'] or row['then'])['skill']) for row in rows
            if (row['now'] or row['then'])['kind'] == 'Act']


def test_the_same_request_is_the_same_act(tmp_path: Path,
                                          capsys: pytest.CaptureFixture[str]) -> None:
    recorded = asked('Turn left, please.')
    reply, = replies(recorded)
    folder = bag(tmp_path / 'bag', recorded, [(reply, 0, 'turn', LEFT)])
    file = tmp_path / 'replay.json'
    code = main(['replay', str(folder), '--json', str(file)])
    said = capsys.readouterr().out
    assert code == 0, said
    assert acts_of(file) == [('same', 'turn')] and 'act turn {' in said
    assert 'Request \\"Turn left, please.\\"' in file.read_text()


def test_an_act_that_is_understood_otherwise_today_is_told(
        tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recorded = asked('Turn left, please.', 'Turn right.')
    first, second = replies(recorded)
    folder = bag(tmp_path / 'bag', recorded, [(first, 0, 'turn', RIGHT)])
    file = tmp_path / 'replay.json'
    assert main(['replay', str(folder), '--json', str(file), '--different']) == 1
    assert sorted(acts_of(file)) == [('changed', 'turn'), ('new', 'turn')]
    assert 'act turn {' in capsys.readouterr().out


def test_a_request_that_is_not_answered_any_more_moves_nothing(tmp_path: Path) -> None:
    recorded = asked('Turn left, please.')
    reply, = replies(recorded)
    folder = bag(tmp_path / 'bag', recorded, [(reply, 0, 'turn', LEFT)])
    file = tmp_path / 'replay.json'
    assert main(['replay', str(folder), '--json', str(file), '--set', 'addressee.sure=10.0',
                 '--set', 'addressee.threshold=0.95']) == 1
    assert acts_of(file) == [('not any more', 'turn')]


def test_steps_of_a_plan_follow_what_became_of_each(tmp_path: Path) -> None:
    recorded = asked('Turn left, then turn right.')
    reply, = replies(recorded)
    folder = bag(tmp_path / 'bag', recorded, [(reply, 0, 'turn', LEFT),
                                              (reply, 1, 'turn', RIGHT)])
    file = tmp_path / 'replay.json'
    assert main(['replay', str(folder), '--json', str(file)]) == 0
    assert acts_of(file) == [('same', 'turn'), ('same', 'turn')]

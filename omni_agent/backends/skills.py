"""Skills from files and Python modules, and the words around them: config/skills/*.yaml,
config/skills/words/*.yaml.

``load('simulated, /home/me/my.yaml, my_package.skills')`` lays what is named over the shipped
default, in that order.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Mapping, Protocol, Sequence

from omni_agent.backends import Message, yaml_lines
from omni_agent.core.checked_table import Value
from omni_agent.core.errors import ConfigError
from omni_agent.core.prompts import Prompt
from omni_agent.core.skill_gate import SkillWords
from omni_agent.core.skill_gate import parse as parse_words
from omni_agent.core.skill_plan import Planner, PlannerParams
from omni_agent.core.skill_rules import fault
from omni_agent.core.skill_table import laid_over, parse
from omni_agent.core.skills import Skill, Skills
from omni_agent.share import share_dir

DEFAULT = 'default'
ENGLISH = 'en'
MODULE_LIST = 'SKILLS'       # what a Python module calls its list
ANSWER_TOKENS = 80


class Chooser(Protocol):
    """A language model that answers under a JSON schema."""

    def answer(self, messages: Sequence[Message], schema: Mapping[str, object],
               max_tokens: int = 64) -> str:
        ...


def load(names: str = '') -> Skills:
    """``names`` with commas between them: of a shipped file, a path that ends in .yaml, or a
    Python module. Raises ConfigError.
    """
    parts = [
        DEFAULT,
        *(part.strip() for part in names.split(',') if part.strip() and part.strip() != DEFAULT)
    ]
    files = [part for part in parts if _path(part) is not None]
    skills = _from_files([path for part in files if (path := _path(part))])
    return _with(skills,
                 [skill for part in parts if part not in files for skill in _from_module(part)])


def words(spoken: str = ENGLISH) -> SkillWords:
    """Of the first of the languages (codes with commas between them) that has such words; else
    English.
    """
    folder = _folder() / 'words'
    there = [file.stem for file in folder.glob('*.yaml')]
    code = next((code for part in spoken.split(',') if (code := part.strip().lower()) in there),
                ENGLISH)
    return yaml_lines.read(folder / f'{code}.yaml', 'the words of requests',
                           lambda data: parse_words(data, code))


def planner(
    skills: Skills, llm: Chooser | None = None, spoken: str = ENGLISH, names: Sequence[str] = (),
    params: PlannerParams = PlannerParams()
) -> Planner:
    """``names``: how the robot is called. Without ``llm`` only the phrases count."""
    if llm is None:
        return Planner(skills, words(spoken), None, params, names)

    def ask(prompt: Prompt, schema: Mapping[str, object]) -> str:
        return llm.answer([Message(role, text) for role, text in prompt], schema, ANSWER_TOKENS)
    return Planner(skills, words(spoken), ask, params, names)


def _folder() -> Path:
    return share_dir() / 'config' / 'skills'


def _path(part: str) -> Path | None:
    """None for a Python module."""
    if part.endswith(('.yaml', '.yml')):
        return Path(part).expanduser()
    shipped = _folder() / f'{part}.yaml'
    return shipped if shipped.is_file() else None


def _from_files(paths: Sequence[Path]) -> Skills:
    merged: Value = {}
    skills = Skills()
    for path in paths:
        below = merged

        def lay(data: Value) -> tuple[Value, Skills]:
            over = laid_over(below, data)
            return over, parse(over)
        merged, skills = yaml_lines.read(path, 'the skills', lay)
    return skills


def _from_module(name: str) -> list[Skill]:
    try:
        found = getattr(importlib.import_module(name), MODULE_LIST)
    except ImportError as error:
        raise ConfigError(
            f"the skills '{name}' are neither a shipped file, nor a path that ends in .yaml, nor "
            "a "
            f'Python module ({error}): shipped are {", ".join(_shipped())}') from error
    except AttributeError as error:
        raise ConfigError(
            f"the Python module '{name}' has no list {MODULE_LIST} of skills") from error
    for skill in found:
        if not isinstance(skill, Skill):
            raise ConfigError(f'{name}.{MODULE_LIST} holds {skill!r}, which is no Skill')
        if problem := fault(skill):
            raise ConfigError(f"{name}.{MODULE_LIST}: skill '{skill.name}' {problem}")
    return list(found)


def _shipped() -> list[str]:
    return sorted(path.stem for path in _folder().glob('*.yaml'))


def _with(skills: Skills, more: Sequence[Skill]) -> Skills:
    """A skill from Python takes the place of one with its name."""
    return Skills(({
        skill.name: skill
        for skill in skills
    } | {
        skill.name: skill
        for skill in more
    }).values())

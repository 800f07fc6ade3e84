"""Language files: found, checked, and refused with the line and the field."""

from __future__ import annotations

from pathlib import Path

import pytest

from omni_agent.backends import languages
from omni_agent.core.errors import ConfigError

SOURCE = Path(__file__).resolve().parents[1] / 'config' / 'languages'
GOOD = '''version: 1
language: xx
shortest_question: 3
stop: stop, be quiet
stop_alone: enough
before_stop: can you
after_stop: now
around_stop: please
nods: yes, I see
laughter: ha
noises: uh
trailing: and
question_words: who
'''


def written(folder: Path, text: str, name: str = 'xx.yaml') -> Path:
    path = folder / name
    path.write_text(text, encoding='utf-8')
    return path


def test_the_five_that_come_with_the_package_can_be_read() -> None:
    assert languages.names() == ['de', 'en', 'es', 'fr', 'zh']
    for code in languages.names():
        language = languages.named(code)
        assert language.code == code and len(language.stop) >= 20 and len(language.nods) >= 20


def test_they_are_installed_with_the_package() -> None:
    import ast
    setup = (SOURCE.parents[1] / 'setup.py').read_text(encoding='utf-8')
    shared = next(ast.literal_eval(node.value) for node in ast.parse(setup).body
                  if isinstance(node, ast.Assign) and node.targets[0].id == 'SHARED')
    assert 'config' in shared                     # with all folders below it


def test_a_good_file_is_a_language(tmp_path: Path) -> None:
    language = languages.load(written(tmp_path, GOOD))
    assert ['be', 'quiet'] in language.stop and len(language.openers) == 0
    assert ['i', 'see'] in language.nods


@pytest.mark.parametrize('wrong, told', [
    (GOOD.replace('nods: yes', 'nod: yes'), "'nods' is missing: is 'nod' meant to be it?"),
    (GOOD + 'hints: well\n', 'xx.yaml:14: hints: is not a field here'),
    (GOOD.replace('noises: uh',
                  'noises: no'), 'xx.yaml:11: noises: must be text, not false: put it in quotes'),
    (GOOD.replace('after_stop: now',
                  'after_stop: [now]'), 'xx.yaml:7: after_stop: must be text, not a list'),
    (GOOD.replace('yes, I see', 'yes, , I see'), "xx.yaml:9: nods: has '' between two commas"),
    (GOOD.replace('nods: yes', 'nods: enough'), "xx.yaml:9: nods: 'enough' is also a stop phrase"),
    (GOOD + 'stop_everywhere: halt\n',
     "xx.yaml:14: stop_everywhere: 'halt' must be listed in 'stop'"),
    (GOOD.replace('language: xx',
                  'language: yy'), "xx.yaml:2: language: must be 'xx', like the name of the file"),
    (GOOD.replace('version: 1', 'version: 2'), 'xx.yaml:1: version: must be 1'),
    (GOOD.replace('shortest_question: 3',
                  'shortest_question: 0'), 'xx.yaml:3: shortest_question: must be'),
    ('- stop\n', 'must be a table'), (GOOD + 'stop: quiet\n', "'stop' is already given on line 4"),
    ('stop: "x\n', 'this is not YAML')
])
def test_a_mistake_is_told_with_its_line_and_what_the_field_may_be(tmp_path: Path, wrong: str,
                                                                   told: str) -> None:
    with pytest.raises(ConfigError) as error:
        languages.load(written(tmp_path, wrong))
    assert told in str(error.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match='cannot read the language .*xx.yaml'):
        languages.load(tmp_path / 'xx.yaml')


@pytest.mark.parametrize('spoken, told',
                         [('', 'name one at least'), (' , ', 'name one at least'),
                          ('en,tlh', "there is no language 'tlh': there are de, en"),
                          ('../en', "there is no language '../en'")])
def test_a_language_that_does_not_exist_is_refused_with_those_that_do(spoken: str,
                                                                      told: str) -> None:
    with pytest.raises(ConfigError) as error:
        languages.lexicon(spoken)
    assert told in str(error.value)


def test_languages_are_taken_in_order_and_once() -> None:
    lexicon = languages.lexicon('DE, en,de')
    assert [language.code for language in lexicon.languages] == ['de', 'en']

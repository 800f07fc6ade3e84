"""The model files: here, checked by sha256, how large, under which licence."""

from __future__ import annotations

from typing import Iterator

from omni_agent.backends import models
from omni_agent.backends.model_cache import cache_dir, place_of
from omni_agent.backends.model_manifest import Manifest
from omni_agent.cli.doctor_probe import Wanted
from omni_agent.core.checkup import Finding, note, ok, wrong


def findings(wanted: Wanted) -> Iterator[Finding]:
    needed = {one.name for one in models.chosen(profile=wanted.profile)}
    for manifest in models.manifests().values():
        yield _state(manifest, manifest.name in needed)
    yield ok('folder', str(cache_dir()))


def _state(manifest: Manifest, needed: bool) -> Finding:
    about = f'{manifest.size / 1e6:.1f} MB, {manifest.licence}, {manifest.purpose}'
    if models.present(manifest):
        return ok(manifest.name, f'here and checked, {about}')
    there = any(place_of(manifest, file).is_file() for file in manifest.files)
    state = 'incomplete, or not the right bytes' if there else 'missing'
    mend = f'omni-agent models pull {manifest.name}'
    return (wrong(manifest.name, f'{state}, {about}', mend) if needed else \
        note(manifest.name, f'{state}, and not needed for this profile; {about}', mend if there else ''))

"""Pictures that are not looked at change nothing of what is said."""

from __future__ import annotations

from pathlib import Path

from test_bench_proactive import film  # noqa: F401 - a fixture

from omni_agent.backends import labelled_videos
from omni_agent.backends.labelled_videos import Settings, Watching
from omni_agent.cli.bench_proactive import detector
from omni_agent.core.frame_skip import FrameSkipParams
from omni_agent.core.tracks import TracksParams

LATER_S = 0.2            # a remark may come by so much: a picture or two of the camera


def test_the_same_remarks_are_made_with_and_without_skipping(film: Path) -> None:  # noqa: F811
    """On a replay of the same pictures, with the real detector."""
    clip = labelled_videos.read(film)[0]
    detect, weights = detector(TracksParams()), labelled_videos.scorer()
    skipping, always = (labelled_videos.watch(clip, detect, weights, Settings(skip=params))
                        for params in (FrameSkipParams(), FrameSkipParams(cells=0)))
    assert skipping.skip.skip_share > 0.3 and always.skip.skip_share == 0.0
    assert skipping.skip.saved_ms > 0.0 and len(skipping.look_s) < 0.7 * len(always.look_s)
    assert texts(skipping) == texts(always) and len(texts(always)) == 1
    for number, _ in enumerate(clip.watches):
        for one, other in zip(skipping.remarks(number), always.remarks(number)):
            assert abs(one - other) <= LATER_S


def texts(watching: Watching) -> list[tuple[int, str]]:
    return [(said.watch, said.effect.text) for said in watching.said
            if getattr(said.effect, 'text', '')]

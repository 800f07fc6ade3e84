"""Pictures that need no look."""

from __future__ import annotations

import numpy as np

from omni_agent.core.frame_skip import ACROSS, DOWN, FrameSkip, FrameSkipParams, thumbnail


def camera(seconds: float, grain: float = 4.0, light: float = 0.0, hz: float = 10.0):
    """(t, picture) of a textured wall, with the noise of a camera and light that comes and
    goes.
    """
    chance = np.random.default_rng(3)
    wall = np.kron(chance.uniform(40, 200, (24, 32)), np.ones((10, 10)))
    for step in range(int(seconds * hz)):
        t = step / hz
        level = 1.0 + light * np.sin(2 * np.pi * t / 7.0)
        yield t, np.clip(wall * level + grain * chance.standard_normal(wall.shape, np.float32), 0,
                         255).astype(np.uint8)


def looked(skip: FrameSkip, pictures) -> list[float]:
    return [t for t, image in pictures if skip.wants(image, t)]


def test_a_still_picture_is_looked_at_every_two_seconds_only() -> None:
    skip = FrameSkip()
    times = looked(skip, camera(20))
    assert len(times) == 10
    assert skip.figures().skip_share == 0.95


def test_noise_is_learnt_and_is_no_change() -> None:
    for grain in (0.0, 2.0, 25.0):
        skip = FrameSkip()
        assert len(looked(skip, camera(12, grain))) <= 12, grain


def test_somebody_small_who_comes_in_is_looked_at_at_once() -> None:
    skip = FrameSkip()
    for t, image in camera(6):
        came = t >= 3.05
        if came:
            image[100:140, 150:170] = 20           # 40 x 20 of 320 x 240 pixels
        wanted = skip.wants(image, t)
        if came:
            assert wanted and t < 3.2
            return
    raise AssertionError('nobody came')


def test_after_a_change_every_picture_is_looked_at_for_a_while() -> None:
    skip = FrameSkip(FrameSkipParams(settle_s=0.5))
    pictures = [(t, np.roll(image, 150, axis=1) if t >= 3.05 else image) for t, image in camera(6)]
    assert [t for t in looked(skip, pictures) if 3.05 <= t < 3.6] == [3.1, 3.2, 3.3, 3.4, 3.5]


def test_a_slow_processor_detects_at_its_own_pace_however_often_pictures_are_compared() -> None:
    """Ten comparisons a second, five looks: what came between two of them is in the next."""
    skip = FrameSkip(FrameSkipParams(detect_s=0.2, settle_s=5.0))
    pictures = [(t, np.roll(image, 150, axis=1) if t >= 3.05 else image) for t, image in camera(6)]
    times = [t for t in looked(skip, pictures) if 3.05 <= t < 4.2]
    assert np.allclose(np.diff(times), 0.2) and times[0] == 3.1
    every = FrameSkip(FrameSkipParams(settle_s=5.0))
    assert np.allclose(np.diff([t for t in looked(every, pictures) if 3.05 <= t < 4.2]), 0.1)


def test_a_cloud_changes_every_cell_alike_and_is_no_change() -> None:
    assert len(looked(FrameSkip(), camera(14, light=0.03))) <= 14


def test_whoever_waits_for_something_sees_every_picture() -> None:
    skip = FrameSkip()
    assert all(skip.wants(image, t, busy=True) for t, image in camera(3))
    assert skip.figures().skipped == 0


def test_what_was_saved_is_the_time_that_the_looks_took() -> None:
    skip = FrameSkip()
    for t, image in camera(10):
        if skip.wants(image, t):
            for _ in range(30):
                skip.took(0.050)
    figures = skip.figures()
    assert 0.9 < figures.saved_ms / (50.0 * figures.skipped) < 1.01


def test_another_size_of_picture_and_a_clock_that_was_set_back_are_looked_at() -> None:
    skip = FrameSkip()
    for t, image in camera(1):
        skip.wants(image, t)
    assert skip.wants(np.zeros((300, 200, 3), np.uint8), 1.1)
    assert skip.wants(np.zeros((300, 200, 3), np.uint8), 0.2)


def test_any_picture_has_a_thumbnail() -> None:
    for shape in ((480, 640, 3), (480, 640), (144, 176, 3), (1, 1), (5, 700, 3), (1080, 1920, 3)):
        small = thumbnail(np.full(shape, 77, np.uint8))
        assert small.shape[0] <= DOWN and small.shape[1] <= ACROSS and np.allclose(small, 77)


def test_somebody_who_sits_there_and_talks_is_looked_at_now_and_then() -> None:
    skip, chance, times = FrameSkip(), np.random.default_rng(5), []
    for t, image in camera(20):
        # a twentieth of the picture, never the same
        image[80:160, 140:200] = chance.integers(20, 220)
        if skip.wants(image, t):
            times.append(t)
    gaps = np.diff(times[5:])
    assert 0.75 < np.median(gaps) < 0.85 and gaps.max() < 1.3      # by chance it may look the same


def test_what_is_missing_is_looked_for_at_that_pace_in_a_still_picture_too() -> None:
    skip = FrameSkip()
    times = [t for t, image in camera(20) if skip.wants(image, t, unsettled=True)]
    assert 0.75 < np.median(np.diff(times[5:])) < 0.85


def test_while_somebody_waits_only_what_is_large_or_about_to_be_found_is_looked_at() -> None:
    skip, chance, times = FrameSkip(), np.random.default_rng(5), []
    for t, image in camera(12):
        image[80:160, 140:200] = chance.integers(20, 220)
        if 8.55 < t:
            image[:, 160:] = 20                          # half of it
        if skip.wants(image, t, busy=6.05 < t < 6.95, unsettled=True, spare=True):
            times.append(round(t, 1))
    # every two seconds, as in a still room; and what is urgent, but not in each picture
    assert [t for t in times if t < 9] == [0.0, 2.0, 4.0, 6.0, 6.4, 6.8, 8.6]


def test_whoever_waits_for_nothing_has_every_urgent_picture_looked_at() -> None:
    skip = FrameSkip()
    times = [round(t, 1) for t, image in camera(8) if skip.wants(image, t, busy=6.05 < t < 6.55)]
    assert {6.1, 6.2, 6.3, 6.4, 6.5} <= set(times)

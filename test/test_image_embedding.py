"""Pictures as directions: alike for one scene, apart for others."""

from __future__ import annotations

import numpy as np
import pytest
from human_recordings import need_model

from omni_agent.backends.engines import CPU
from omni_agent.backends.image_embedding import SIZE, ImageEmbedding
from omni_agent.core.errors import BackendError, WireError

cv2 = pytest.importorskip('cv2')


@pytest.fixture(scope='module')
def embed() -> ImageEmbedding:
    return ImageEmbedding()


def frames(name: str, at: tuple[int, ...]) -> list[np.ndarray]:
    video = cv2.VideoCapture(str(need_model('demo_video', name)))
    read = [video.read()[1] for _ in range(max(at) + 1)]
    return [read[index] for index in at]


def test_an_embedding_has_length_one_whatever_the_size_of_the_picture(
        embed: ImageEmbedding) -> None:
    for shape in [(1, 1), (480, 640), (30, 2000)]:
        found = embed(np.random.RandomState(0).randint(0, 256, (*shape, 3), np.uint8))
        assert found.shape == (SIZE,) and found.dtype == np.float32
        assert np.linalg.norm(found) == pytest.approx(1.0, abs=1e-5)


def test_a_scene_is_like_itself_and_unlike_another(embed: ImageEmbedding) -> None:
    car = embed.many(frames('carphone_pristine.mp4', (0, 3, 6)))
    street = embed.many(frames('bikes.mp4', (0, 1)))
    assert (car @ car.T).min() > 0.85
    assert (car @ street.T).max() < 0.7
    assert (street @ street.T).min() > (car @ street.T).max()


def test_several_pictures_at_once_get_what_each_gets_alone(embed: ImageEmbedding) -> None:
    images = [*frames('carphone_pristine.mp4', (0,)), *frames('bikes.mp4', (0, 20))]
    assert np.allclose(embed.many(images), [embed(image) for image in images], atol=1e-5)
    assert embed.many([]).shape == (0, SIZE)


def test_channels_are_blue_green_red(embed: ImageEmbedding) -> None:
    """A network trained on photographs finds a picture nearer to its own slight blur than to
    itself with red and blue exchanged, which only holds if the order is known at all.
    """
    image = frames('bikes.mp4', (0,))[0]
    here = embed(image)
    assert here @ embed(cv2.GaussianBlur(image, (3, 3), 0)) > here @ embed(image[..., ::-1])


def test_a_picture_of_another_kind_is_refused(embed: ImageEmbedding) -> None:
    for image in (np.zeros((10, 10), np.uint8), np.zeros((10, 10, 3), np.float32)):
        with pytest.raises(WireError, match='uint8 BGR'):
            embed(image)


def test_it_says_which_engines_were_tried(embed: ImageEmbedding) -> None:
    assert [one.name for one in embed.attempts if one.ok] == [embed.attempts[-1].name]
    assert len(ImageEmbedding(engines=CPU).attempts) == 1
    with pytest.raises(BackendError, match='strict'):
        ImageEmbedding(engines=('tensorrt',), strict=True,
                       path=need_model('nanodet', 'nanodet_m_416_fp16.onnx').parent / 'none')

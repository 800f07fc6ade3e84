"""The eyes of today on recorded pictures, on the recording's own clock: the only place that lets a
look take a time that is not the processor's.

A look takes as long as it took on the day of the recording, and where the pace is that of then it
is of the pictures that were looked at then. So a fast machine sees what a slow one does, and twice
the same.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from statistics import median

from omni_agent.backends.ear_workers import Busy
from omni_agent.backends.eyes import Eyes, Glance, Sight, WatchingParams, WatchPace
from omni_agent.core.bag_time import Picture
from omni_agent.core.errors import WireError
from omni_agent.core.frame_skip import USUAL_S
from omni_agent.core.percepts import Kind, Perceived
from omni_agent.core.seen_then_and_now import Saw
from omni_agent.core.track import Appeared

WAIT = 1                 # pictures that wait, as in the node
LEAST_S = 0.001
EARLIER_S = 1e-6         # of a scene that is due again: sums of times are not exact


@dataclass(frozen=True)
class Then:
    """What was seen then: ``looks`` and ``scenes`` in the order of time. ``paced``: pictures were
    looked at as often as they are to be now.
    """

    looks: tuple[Saw, ...] = ()
    scenes: tuple[Perceived, ...] = ()
    paced: bool = False

    def look_at(self, stamp: float) -> Saw | None:
        """The one at that picture."""
        at = bisect_right(self.looks, stamp + EARLIER_S, key=_t) - 1
        found = self.looks[at] if at >= 0 else None
        return found if found is not None and abs(found.t - stamp) <= 2 * EARLIER_S else None

    def last_look(self, stamp: float) -> Saw | None:
        at = bisect_right(self.looks, stamp + EARLIER_S, key=_t) - 1
        return self.looks[at] if at >= 0 else None

    @property
    def usual_s(self) -> float:
        took = [one.seconds for one in self.looks if not one.skipped and one.seconds > 0.0]
        return median(took) if took else USUAL_S


@dataclass(frozen=True)
class Looked:
    """What came of a picture, and how long it took then."""

    glance: Glance
    seconds: float

    @property
    def saw(self) -> Saw:
        watched, t = self.glance.watched, self.glance.t
        return Saw(t, watched.skipped, watched.looked.tracks, watched.looked.events,
                   len(watched.faces.faces), self.seconds)

    @property
    def scene(self) -> Perceived | None:
        news = self.glance.news
        return None if news is None else Perceived(
            Kind.SCENE, self.glance.t, text=news.text, salience=news.salience,
            processing_s=self.seconds)


class SeeAgain:
    """Give it each ``picture``, and fetch what ``looked`` gives when it is due."""

    def __init__(self, eyes: Eyes, sight: Sight, params: WatchingParams, then: Then) -> None:
        self._eyes, self._sight, self._then = eyes, sight, then
        self._scene_s = params.scene_s
        self._pace = WatchPace(params)
        # those that were looked at then did not overtake each other
        self._busy: Busy[Looked | None] = Busy(None if then.paced else WAIT)
        self._usual_s = then.usual_s
        self._first_s: float | None = None       # stamp of the first picture
        self._has_looked = False
        self.refused = 0                         # pictures

    @property
    def has_looked(self) -> bool:
        return self._has_looked

    @property
    def is_paced(self) -> bool:
        """The pictures are those of then."""
        return self._then.paced

    @property
    def due_s(self) -> float:
        """When the next look is done; infinity: none is under way."""
        return self._busy.done_s

    def looked(self) -> Looked | None:
        """The look that is due; None: the picture is none. Raises what the models raise."""
        self._has_looked = True
        return self._busy.result()

    def spare(self, on: bool, t: float) -> None:
        """The processor is needed for something else."""
        self._pace.spare(on, t)

    def picture(self, picture: Picture) -> None:
        look = self._then.look_at(picture.stamp)
        if not (self._is_wanted(look) if self._then.paced else self._pace.is_due(picture.t)):
            return
        if self._first_s is None:
            self._first_s = picture.stamp
        seconds = max(LEAST_S, self._usual_s if look is None else look.seconds)
        spare = self._pace.is_spare(picture.t)
        self._busy.submit(lambda: self._look(picture, spare, seconds), seconds, picture.t)

    def _is_wanted(self, look: Saw | None) -> bool:
        """It was looked at then; the first one in earnest, so that the same pictures are skipped
        after it.
        """
        return look is not None and (self._first_s is not None or not look.skipped)

    def _look(self, picture: Picture, spare: bool, seconds: float) -> Looked | None:
        try:
            pixels = picture.pixels()
            if picture.stamp == self._first_s:
                self._begin(picture.stamp, (pixels.shape[1], pixels.shape[0]))
            return Looked(self._eyes.look(self._sight, pixels, picture.stamp, spare), seconds)
        except WireError:
            self.refused += 1
            return None

    def _begin(self, stamp: float, size: tuple[int, int]) -> None:
        """Where the eyes of then were: they may have looked for long when the recording began."""
        last = self._then.last_look(stamp)
        if last is None:
            return
        new = {event.track.id for event in last.events if isinstance(event, Appeared)}
        scene = next((one for one in self._then.scenes if one.t >= stamp - EARLIER_S), None)
        told_s = stamp if scene is None else scene.t - self._scene_s - EARLIER_S
        self._eyes.go_on_with([one for one in last.tracks if one.id not in new], size, told_s)


def _t(look: Saw) -> float:
    return look.t

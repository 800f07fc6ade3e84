"""Hours of plausible life in a flat, and questions about it whose true episode is known; for
benches and tests.

Seeded: the same seed is the same day on every machine. Two halves share no name, thing, sound or
wording of a question; the development half is for choosing weights, the test half only for
reporting.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from typing import Iterator, Sequence

import numpy as np

from omni_agent.backends.experience_words import DEVELOPMENT, HALVES
from omni_agent.core.past import ROBOT, Episode, Kind, Moment

MEAN_S = 30.0            # of an episode
FACT_EVERY_S = 100.0     # something happens that is asked for later
VECTOR = 384             # length of the embeddings, that of small text models


@dataclass(frozen=True)
class Asked:
    """``truth``: indices of the episodes that answer it. ``way``: what it takes to find them."""

    text: str
    truth: frozenset[int]
    way: str
    kind: Kind               # the sense that holds the answer
    answer: str              # text of the moment that answers
    t: float                 # of that moment


@dataclass(frozen=True)
class Log:
    """Episodes in order of time, ``end`` Unix seconds, and what can be asked then."""

    episodes: tuple[Episode, ...]
    asked: tuple[Asked, ...]
    begin: float
    end: float


class Experience:
    """``pictures``: each episode gets a picture and an embedding, which take most of the time."""

    def __init__(self, half: str = 'development', seed: int = 0, pictures: bool = False) -> None:
        self._half = HALVES[half]
        self._dice = random.Random(f'{half} {seed}')
        self._numbers = np.random.default_rng(self._dice.randrange(1 << 30))
        self._pictures = pictures
        self._themes = self._numbers.normal(size=(40, VECTOR)).astype(np.float32)
        self._room, self._people = self._half.rooms[0], tuple(self._half.people[:1])
        self._left = {
            name: self._dice.sample(list(getattr(self._half, name)), len(getattr(self._half,
                                                                                 name)))
            for name in ('things', 'belongings', 'sounds', 'visitors')
        }

    def log(self, seconds: float, begin: float) -> Log:
        """``seconds`` of life from ``begin``, and every question that its facts allow."""
        episodes: list[Episode] = []
        facts: list[tuple[int, str, Sequence[str], Moment]] = []
        t, due = begin, begin + 20.0
        while t < begin + seconds:
            length = min(max(8.0, self._dice.expovariate(1 / MEAN_S)), 240.0)
            episode = self._routine(t, t + length)
            if t + length >= due:
                episode, found = self._fact(episode)
                facts += [(len(episodes), *one) for one in found]
                due = t + FACT_EVERY_S * self._dice.uniform(0.6, 1.4)
            episodes.append(self._shown(episode))
            t += (length + (self._dice.uniform(0, 5)
                            if self._dice.random() < 0.95 else self._dice.uniform(30, 300)))
        end = episodes[-1].end + 30.0
        return Log(tuple(episodes), tuple(self._ask(one, episodes, end) for one in facts
                                          if self._can_ask(one, end)), begin, end)

    # -- life -------------------------------------------------------------------------------------

    def _routine(self, start: float, end: float) -> Episode:
        half, dice = self._half, self._dice
        if dice.random() < 0.3:              # people stay where they are for a while
            self._room = dice.choice(half.rooms)
            self._people = tuple(
                sorted(dice.sample(list(half.people), dice.choice((0, 1, 1, 2, 2, 3)))))
        room, people = self._room, self._people
        moments = [Moment(start, Kind.SEEN, self._table(), people)]
        if people:
            moments.append(
                Moment(start + 0.5, Kind.SEEN, f'{" and ".join(people)} in the {room}', people))
        t = start + dice.uniform(2, 6)
        while t < end - 1:
            if people and dice.random() < 0.75:
                moments.append(
                    Moment(t, Kind.SAID, dice.choice(half.chat), (dice.choice(
                        (*people, *people, ROBOT)), )))
            elif dice.random() < 0.5:
                moments.append(Moment(t, Kind.HEARD, dice.choice(half.noises)))
            else:
                moments.append(Moment(t, Kind.SEEN, self._table(), people))
            t += dice.uniform(2, 8)
        return Episode(start, end, tuple(moments), room, people, dice.uniform(0.1, 0.6))

    def _table(self) -> str:
        first, second = self._dice.sample(list(self._half.objects), 2)
        top = 'table' if self._half is DEVELOPMENT else 'desk'
        return (
            f'a {self._dice.choice(self._half.colours)} {first} and a '
            f'{self._dice.choice(self._half.colours)} '
            f'{second} on the {top}')

    # -- something to ask for ---------------------------------------------------------------------

    def _fact(self, episode: Episode) -> tuple[Episode, list[tuple[str, Sequence[str], Moment]]]:
        ways = [self._news, self._put_away, self._sound, self._visit, self._clock]
        self._dice.shuffle(ways)
        for way in ways:
            made = way(episode)
            if made is not None:
                changed, found = made
                moments = tuple(sorted(changed.moments, key=lambda moment: moment.t))
                return replace(changed, moments=moments, salience=self._dice.uniform(0.5,
                                                                                     0.9)), found
        return episode, []

    def _middle(self, episode: Episode) -> float:
        return episode.start + (episode.end - episode.start) * self._dice.uniform(0.3, 0.6)

    def _with(self, episode: Episode, *moments: Moment) -> Episode:
        who = tuple(
            dict.fromkeys((*episode.people, *(name for one in moments
                                              for name in one.who if name != ROBOT))))
        return replace(episode, moments=(*episode.moments, *moments), people=who)

    def _news(self, episode: Episode) -> tuple[Episode, list] | None:
        if not self._left['things']:
            return None
        thing, person = self._left['things'].pop(), self._dice.choice(self._half.people)
        text = self._dice.choice(self._half.news).format(thing, self._dice.randint(3, 29))
        said = Moment(self._middle(episode), Kind.SAID, text, (person,))
        noise = Moment(said.t + 0.5, Kind.HEARD, self._dice.choice(self._half.noises))
        found = [('about', (person, thing), said)]
        if self._dice.random() < 0.4:
            return self._with(episode, said, noise), [('heard_when', (person, thing), noise)]
        return self._with(episode, said), found

    def _put_away(self, episode: Episode) -> tuple[Episode, list] | None:
        if not self._left['belongings']:
            return None
        thing, spot = self._left['belongings'].pop(), self._dice.choice(self._half.spots)
        said = Moment(self._middle(episode), Kind.SAID,
                      self._dice.choice(self._half.putting).format(thing, spot),
                      (self._dice.choice(self._half.people), ))
        return self._with(episode, said), [('where', (thing,), said)]

    def _sound(self, episode: Episode) -> tuple[Episode, list] | None:
        if not self._left['sounds']:
            return None
        heard, asked = self._left['sounds'].pop()
        t, person = self._middle(episode), self._dice.choice(self._half.people)
        seen = Moment(t - 1.5, Kind.SEEN, self._table(), episode.people)
        said = Moment(t + 1.0, Kind.SAID, self._dice.choice(self._half.chat), (person,))
        return (self._with(episode, seen, Moment(t, Kind.HEARD, heard), said),
                [('seen_when', (asked,), seen), ('said_when', (asked, person), said)])

    def _visit(self, episode: Episode) -> tuple[Episode, list] | None:
        if not self._left['visitors']:
            return None
        visitor = self._left['visitors'].pop()
        seen = Moment(self._middle(episode), Kind.SEEN, f'{visitor} at the door', (visitor,))
        return self._with(episode, seen), [('last_seen', (visitor,), seen)]

    def _clock(self, episode: Episode) -> tuple[Episode, list] | None:
        t, person = self._middle(episode), self._dice.choice(self._half.people)
        seen = Moment(t, Kind.SEEN, self._table(), episode.people)
        said = Moment(t + 0.7, Kind.SAID, self._dice.choice(self._half.chat), (person,))
        return self._with(episode, seen, said), [
            ('seen_ago', (), seen) if self._dice.random() < 0.5 else ('said_ago', (person,), said)]

    # -- questions --------------------------------------------------------------------------------

    def _can_ask(self, fact: tuple[int, str, Sequence[str], Moment], end: float) -> bool:
        """'Forty minutes ago' is only asked for where it is right to some seconds."""
        _, way, _, moment = fact
        off = (end - moment.t) % 60.0
        return not way.endswith('_ago') or min(off, 60.0 - off) <= 8.0 and end - moment.t >= 90.0

    def _ask(self, fact: tuple[int, str, Sequence[str], Moment], episodes: Sequence[Episode],
             end: float) -> Asked:
        index, way, slots, moment = fact
        if way.endswith('_ago'):
            minutes = round((end - moment.t) / 60.0)
            at = end - 60.0 * minutes
            slots = (str(minutes), *slots)
            truth = {
                number
                for number, one in enumerate(episodes) if one.start - 10 <= at <= one.end + 10
            }
            truth.add(index)
        else:
            truth = {index}
        text = self._dice.choice(getattr(self._half, way)).format(*slots)
        return Asked(text, frozenset(truth), way, moment.kind, moment.text, moment.t)

    # -- pictures ---------------------------------------------------------------------------------

    def _shown(self, episode: Episode) -> Episode:
        if not self._pictures:
            return episode
        from omni_agent.backends.memory_scene import thumbnail
        theme = self._themes[self._dice.randrange(len(self._themes))]
        vector = theme + self._numbers.normal(scale=0.7, size=VECTOR).astype(np.float32)
        return replace(episode, picture=thumbnail(self._picture()), embedding=vector)

    def _picture(self) -> np.ndarray:
        """A wall, a table and some boxes with a camera's noise: as many bytes as a photograph."""
        wall, table = self._numbers.integers(40, 220, (2, 3))
        image = np.empty((120, 160, 3), np.float32)
        image[:70], image[70:] = wall, table
        image *= np.linspace(0.6, 1.2, 160, dtype=np.float32)[None, :, None]
        for _ in range(self._dice.randint(2, 7)):
            x, y = self._dice.randrange(130), self._dice.randrange(40, 95)
            image[y:y + self._dice.randint(8, 40),
                  x:x + self._dice.randint(6, 30)] = self._numbers.integers(0, 255, 3)
        image += self._numbers.normal(scale=6.0, size=image.shape)
        return np.clip(image, 0, 255).astype(np.uint8)


def looks(episode: Episode, rate_hz: float = 10.0) -> Iterator[tuple[float, Moment]]:
    """The episode as a camera and a microphone gave it: the last thing seen again and again, the
    rest as it came.
    """
    times = np.arange(episode.start, episode.end, 1.0 / rate_hz)
    moments = sorted(episode.moments, key=lambda moment: moment.t)
    seen: Moment | None = None
    index = 0
    for t in times:
        while index < len(moments) and moments[index].t <= t:
            if moments[index].kind is Kind.SEEN:
                seen = moments[index]
            yield float(t), moments[index]
            index += 1
        if seen is not None:
            yield float(t), replace(seen, t=float(t))
    for moment in moments[index:]:
        yield moment.t, moment

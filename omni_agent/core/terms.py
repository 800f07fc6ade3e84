"""Text -> the terms by which it is found again: folded, stemmed, without the words that every
sentence has.

Terms are letters and digits only, so that any index can hold them. A question and a memory go
through the same door; what matters is that both come out alike, not that a stem is a word.
"""

from __future__ import annotations

import re

from .words import folded, is_han, words

STOP_WORDS = frozenset('''
a an the this that these those and or but so because if then than as of to in on at for with from by about into onto
out up down off over under again very too also just only even still yet there here now i me my mine myself we us our
ours you your yours he him his she her hers it its they them their theirs who whom whose what which where when why how
is are was were am be been being do does did done doing have has had having will would shall should can could may might
must not no yes okay ok please well oh ah um uh hey hello hi got get gets some any all each every other another one
ones thing things something anything someone somebody anyone anybody everybody everyone nobody nothing
s t d ll re ve m don didn doesn isn wasn weren aren hasn haven couldn wouldn let
time times moment minute minutes hour hours second seconds day ago while during before after until since
'''.split())

# What frames a question about the past and says nothing about what it was
FRAME = frozenset('''
say tell talk speak mention ask remember remind recall know think see look watch notice hear listen happen forget
last first ever robot omni kind sort much many often long anymore else color colour
'''.split())

IRREGULAR = {
    'rang': 'ring',
    'rung': 'ring',
    'said': 'say',
    'told': 'tell',
    'saw': 'see',
    'seen': 'see',
    'heard': 'hear',
    'left': 'leave',
    'went': 'go',
    'gone': 'go',
    'came': 'come',
    'took': 'take',
    'taken': 'take',
    'brought': 'bring',
    'bought': 'buy',
    'gave': 'give',
    'given': 'give',
    'fell': 'fall',
    'fallen': 'fall',
    'broke': 'break',
    'broken': 'break',
    'ate': 'eat',
    'eaten': 'eat',
    'drank': 'drink',
    'drunk': 'drink',
    'wore': 'wear',
    'worn': 'wear',
    'held': 'hold',
    'sat': 'sit',
    'stood': 'stand',
    'lost': 'lose',
    'found': 'find',
    'met': 'meet',
    'spoke': 'speak',
    'spoken': 'speak',
    'thought': 'think',
    'wrote': 'write',
    'written': 'write',
    'kept': 'keep',
    'made': 'make',
    'sang': 'sing',
    'sung': 'sing',
    'slept': 'sleep',
    'forgot': 'forget',
    'forgotten': 'forget',
    'paid': 'pay',
    'sent': 'send',
    'ran': 'run',
    'hid': 'hide',
    'hidden': 'hide',
    'threw': 'throw',
    'thrown': 'throw',
    'sold': 'sell',
    'built': 'build',
    'caught': 'catch',
    'taught': 'teach',
    'felt': 'feel',
    'drove': 'drive',
    'driven': 'drive',
    'knew': 'know',
    'known': 'know',
    'grew': 'grow',
    'blew': 'blow',
    'flew': 'fly',
    'began': 'begin',
    'won': 'win',
    'spilt': 'spill',
    'knives': 'knife',
    'people': 'person',
    'men': 'man',
    'women': 'woman',
    'children': 'child',
    'mice': 'mouse',
    'feet': 'foot',
    'teeth': 'tooth',
    'shelves': 'shelf',
    'leaves': 'leaf',
}
SAME = {
    'telephone': 'phone',
    'cellphone': 'phone',
    'mobile': 'phone',
    'smartphone': 'phone',
    'television': 'tv',
    'telly': 'tv',
    'couch': 'sofa',
    'bicycle': 'bike',
    'refrigerator': 'fridge',
    'mum': 'mother',
    'mom': 'mother',
    'dad': 'father',
    'photograph': 'photo',
    'picture': 'photo',
    'parcel': 'package',
    'colour': 'color',
    'grey': 'gray',
    'automobile': 'car',
    'kid': 'child',
    'doorbell': 'bell',
    'enter': 'come',
    'arrive': 'come',
}
_PARTS = re.compile(r'[^\W_]+')
_VOWEL = re.compile('[aeiouy]')


def terms(text: str) -> list[str]:
    """In order, with repetitions."""
    return [stem(part) for part in _parts(text) if part not in STOP_WORDS]


def content(text: str) -> list[str]:
    """Terms that say what a question is about, each once."""
    return list(dict.fromkeys(term for term in terms(text) if term not in _FRAME_STEMS))


def stem(word: str) -> str:
    """'knives' and 'knife', 'rang' and 'ringing' become one."""
    known = IRREGULAR.get(word)
    return _without_e(_base(SAME.get(known or word, known or _plain(word))))


def _plain(word: str) -> str:
    singular = _singular(word)
    singular = IRREGULAR.get(singular, singular)
    return SAME.get(singular, singular)


def _parts(text: str) -> list[str]:
    found: list[str] = []
    for word in words(text):
        found += [word] if is_han(word) else _PARTS.findall(folded(word))
    return found


def _singular(word: str) -> str:
    if len(word) < 4 or word.endswith(('ss', 'us', 'is')):
        return word
    if word.endswith('ies'):
        return word[:-3] + 'y'
    if word.endswith(('shes', 'ches', 'xes', 'zes', 'sses')):
        return word[:-2]
    return word[:-1] if word.endswith('s') else word


def _base(word: str) -> str:
    for ending in ('ing', 'ed'):
        rest = word[:-len(ending)]
        if word.endswith(ending) and len(rest) > 2 and _VOWEL.search(rest):
            return rest[:-1] if rest[-1] == rest[-2] and rest[-1] not in 'lsz' else rest
    return word


def _without_e(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith('e') else word


_FRAME_STEMS = frozenset(stem(word) for word in FRAME)

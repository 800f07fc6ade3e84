"""What the words of an utterance tell about whom it is for, as named signs that are there or not:
English.

The signs are chosen by hand, their weights are fitted (core/judgement.py). The older and fewer
signs of core/addressee.py, whose weights are set by hand, are used where nothing was fitted.
"""

from __future__ import annotations

import re
from typing import Iterator

from .words import words

ASKING = frozenset('what who whom whose where when which why how'.split())
AUXILIARY = frozenset(
    '''is are am was were do does did can could will would should shall may have has had isn't aren't
don't doesn't didn't can't couldn't won't wouldn't what's who's where's how's'''.split())
WISHES = ("i'd like", 'i would like', 'i want', 'i need', 'i am looking', "i'm looking",
          'i am trying', "i'm trying", 'i have a question', "i can't", 'i cannot', 'can i',
          'could i', 'may i', 'can we', 'let us', "let's")
STATING = frozenset("the this that that's there a an it it's you you're".split())
OPENERS = frozenset(
    'hey hi hello okay ok so well and then now um uh oh ah please wait no yes yeah right sorry'.
    split())
PEOPLE = frozenset(
    '''mother father mom mum mama dad papa sister brother son daughter wife husband uncle aunt cousin grandma
grandpa grandmother grandfather kids children baby boss colleague neighbour neighbours neighbor neighbors friend friends
doctor teacher mr mrs miss dear darling honey sweetheart guys everybody everyone'''.split())
PAST = frozenset(
    '''was were had did went said told thought knew saw came got gave took left made found met put heard sold
bought brought kept broke woke called asked wanted looked talked promised finished happened yesterday ago last'''
    .split())
THIRD = frozenset('he she they him her them his hers their theirs'.split())
US = frozenset("we us our ours we're we'll we've let's".split())
FIRST = frozenset("i i'm i've i'll i'd my mine".split())
SECOND = frozenset("you your yours you're you've you'll".split())
NODDING = frozenset(
    'yes yeah no nope yep sure fine exactly right really great good true maybe probably okay '
    'alright'
    .split())
DETERMINERS = frozenset(
    '''the a an that this these those my our your his her their its every any some no which another of
with'''.split())
# before a name that is not the last word: 'what does robot do', where the article got lost
SPEAKING_OF = DETERMINERS | AUXILIARY | frozenset('about for of like and or to at'.split())
THANKS = ('thank you', 'thanks', "that's all", 'that is all', 'good night', 'good morning',
          'hello', 'goodbye')
# 'what was the first thing I asked you?': no story, but what the robot was told itself
THIS_TALK = re.compile(r'^(what|which|when|who|how|do you|can you|did) .*\b(i|we) (just )?'
                       r'(asked|told) you\b')
MEASURES = frozenset(
    'many much far tall old long high big fast deep heavy often warm cold large wide'.split())
VERBS_FOR_IT = frozenset(
    '''tell give show explain describe play sing count say turn go come look help remind find bring take
move open close start follow name list spell read write translate set repeat speak stop wait recommend calculate put get check
call pick clean pour watch switch dim lower raise add cancel wake keep stay drive hand throw remember forget make lift ring
warn guess multiply let be take note search fetch carry hold point wave skip pause continue louder quieter'''
    .split())


def called(text: str, names: frozenset[str]) -> str:
    """'calls' where one of the names is used to speak to its bearer, 'about' where it is spoken
    of, else ''.
    """
    spoken = words(text)
    line = f' {" ".join(spoken)} '
    found = ''
    for name in names:
        at = line.find(f' {name} ')
        while at >= 0:
            before = line[:at].split()
            last = line[at + len(name) + 2:].strip() == ''
            if not before or before[-1] not in (DETERMINERS if last else SPEAKING_OF):
                return 'calls'
            found = 'about'
            at = line.find(f' {name} ', at + 1)
        if f' {name}s ' in line or f" {name}'s " in line:
            found = found or 'about'
    return found


def signs(text: str, names: frozenset[str]) -> tuple[str, ...]:
    """The signs that are there, in a fixed order."""
    return tuple(dict.fromkeys(_signs(text, words(text), names)))


def _signs(text: str, spoken: list[str], names: frozenset[str]) -> Iterator[str]:
    if not spoken:
        yield 'no words'
        return
    name = called(text, names)
    if name:
        yield 'its name' if name == 'calls' else 'speaks about it'
    own = {word for one in names for word in one.split()}
    core = [word for word in spoken if word not in own]
    while len(core) > 1 and core[0] in OPENERS:
        core = core[1:]
    core = core or spoken
    yield from _form(text, core)
    yield from _persons(core, spoken)
    yield from _length(text, spoken)


def _form(text: str, core: list[str]) -> Iterator[str]:
    """What kind of sentence it begins as."""
    start, line = core[0], f'{" ".join(core)} '
    persons = set(core) & (FIRST | US | THIRD | SECOND)
    if start in ASKING or start.split("'")[0] in ASKING and start in AUXILIARY:
        yield 'a question'
        if not persons:
            yield 'a question about the world'
        if start == 'how' and len(core) > 1 and core[1] in MEASURES:
            yield 'a question about a measure'
        if len(core) <= 3:
            yield 'a short question'
    elif line.startswith(('can you ', 'could you ', 'would you ', 'will you ')):
        yield 'a request'
    elif start in AUXILIARY:
        yield 'a yes/no question'
        if not persons:
            yield 'a yes/no question about the world'
    elif start in VERBS_FOR_IT or start in ('do', "don't"):
        yield 'a command'
        if {'me', 'us'} & set(core[1:4]):
            yield 'for me'
    elif line.startswith(WISHES):
        yield 'a wish'
    elif start in FIRST | US | THIRD | STATING:
        yield 'a statement'
    if any(phrase in f' {line}' for phrase in (' please ', ' would you mind ')):
        yield 'please'
    if any(f' {line}'.find(f' {phrase} ') >= 0 for phrase in THANKS):
        yield 'thanks or a greeting'
    if line.startswith(
        ('it ', "it's ", 'is it ', 'does it ', 'can it ', 'has it ', 'do not talk to it ')):
        yield 'about some it'
    if text.rstrip().endswith('?'):
        yield 'ends as a question'
    if '!' in text:
        yield 'exclaimed'


def _persons(core: list[str], spoken: list[str]) -> Iterator[str]:
    """Who is in it."""
    found = set(spoken)
    if found & THIRD:
        yield 'about others'
    if found & US:
        yield 'about us'
    if found & (FIRST - {'my'}) and core[0] not in ASKING | AUXILIARY | VERBS_FOR_IT:
        yield 'about me'
    line = ' '.join(core)
    if re.match(
            r'(do|can|could|would|will|may|how|what|who|why) (are |do |can |is )?(you|your|i|we)\b',
            line):
        yield 'asks you'
    elif found & SECOND and not THIS_TALK.search(line):
        yield 'you'
    if found & PEOPLE:
        yield 'people of the family'
    if found & PAST and not THIS_TALK.search(line):
        yield 'the past'
    if re.match(
            r"(did|have|were|had|haven't|didn't|what did|where did|why did|how was|where "
            r"were|are) you\b",
            line):
        yield 'what you did'
    if spoken[0] in NODDING:
        yield 'begins like a reply'


def _length(text: str, spoken: list[str]) -> Iterator[str]:
    if len(spoken) == 1:
        yield 'one word'
    if len(spoken) <= 3:
        yield 'a few words'
    if len(spoken) >= 12:
        yield 'many words'
    if len(re.findall(r'[.!?]+\s', text)) >= 2:
        yield 'several sentences'
    if 2 <= len(spoken) <= 8 and not set(spoken) & (FIRST | US | THIRD | PEOPLE | PAST):
        yield 'short and impersonal'


SIGNS = ('no words', 'its name', 'speaks about it', 'a question', 'a question about the world',
         'a question about a measure', 'a short question', 'a request', 'a yes/no question',
         'a yes/no question about the world', 'a command', 'for me', 'a wish', 'a statement',
         'please', 'thanks or a greeting', 'about some it', 'ends as a question', 'exclaimed',
         'about others', 'about us', 'about me', 'you', 'asks you', 'people of the family',
         'the past', 'what you did', 'begins like a reply', 'one word', 'a few words',
         'many words', 'several sentences', 'short and impersonal', 'calls somebody')

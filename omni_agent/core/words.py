"""What a handful of words means for the turn, without a model: nods, stop phrases, unfinished sentences."""

from __future__ import annotations

import re

NODS = frozenset('''
mm mhm mmhm mm-hm mm-hmm mhmm hm hmm hmmm uh-huh uhhuh huh uh um er ah aha oh ooh yeah yep yup yes okay ok right sure
wow nice cool great true exactly indeed fine good haha ha interesting alright
'''.split())
NOD_PHRASES = frozenset({'i see', 'got it', 'of course', 'all right', 'oh really', 'is that so', 'oh wow',
                         'that is right', "that's right", 'go on', 'no way', 'thank you', 'thanks'})
# What recognisers write for breath, coughs and short hums
NOISES = frozenset({'', 'you', 'the', 'a', 'bye', 'i', 'oh', 'so', 'hm', 'and', 'but', 'it', 'ugh', 'huh', 'ah',
                    'ow', 'ha', 'cough', 'coughing', 'blank_audio', 'laughter', 'sigh', 'hey', 'mom', 'hum'})
STOPS = frozenset({'stop', 'stop it', 'stop that', 'stop talking', 'stop now', 'stop speaking', 'be quiet', 'quiet',
                   'shut up', 'silence', 'hush', 'shush', 'enough', "that's enough", 'that is enough', 'cancel',
                   'freeze', 'halt', 'stop please', 'please stop', 'be silent', 'stop moving', 'wait', 'wait wait',
                   'wait a minute', 'wait a second', 'wait a moment', 'hold on', 'hold on a second', 'one moment'})
POLITE = frozenset('please okay ok no hey wait now robot and just oh'.split())
# A sentence that ends in one of these is not over
TRAILING = frozenset('''
and or but so because the a an to of in on at for with from by about as is are was were if when while that which who
my your his her its our their this these those um uh er like then than into can could would will should do does did
'''.split())

_WORD = re.compile(r"\w+(?:['-]\w+)*")


def words(text: str) -> list[str]:
    """Lower-case words without punctuation."""
    return _WORD.findall(text.lower().replace('’', "'"))


def is_stop(text: str, names: frozenset[str] = frozenset()) -> bool:
    """True if the whole utterance asks for silence; 'the bus stop' does not. ``names`` are the robot's."""
    spoken = words(text)
    asked = [word for word in spoken if word not in (POLITE - {'wait'}) | NODS | names]
    if asked and set(asked) <= {'stop', 'wait'}:  # said twice, or with a 'please'
        return True
    core = [word for word in asked if word != 'wait']
    return any(' '.join(phrase) in STOPS for phrase in (spoken, asked, core))


def is_noise(text: str) -> bool:
    """True for what a cough or a breath is transcribed as."""
    return ' '.join(words(text)) in NOISES


def is_nod(text: str) -> bool:
    """True for what people say to show that they listen, and for noise."""
    spoken = words(text)
    if is_noise(text) or ' '.join(spoken) in NOD_PHRASES:
        return True
    return len(spoken) <= 4 and all(word in NODS for word in spoken)


def is_trailing(text: str) -> bool:
    """True if the sentence cannot be over: it ends in 'and', 'to the', 'um', or in a comma or dash."""
    spoken = words(text)
    if not spoken:
        return True
    return spoken[-1] in TRAILING or text.rstrip().endswith((',', '-', '…', '...'))


def news(text: str) -> int:
    """Number of words that are neither nods nor fillers."""
    return sum(word not in NODS for word in words(text))

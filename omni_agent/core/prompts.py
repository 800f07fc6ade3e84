"""The words given to the language model: how to speak, and who was meant. Chosen by measurement;
see the comments.

A prompt is a tuple of (role, content), so that it needs no type of the backends.
"""

from __future__ import annotations

Prompt = tuple[tuple[str, str], ...]

# 72 tokens. Tried on Qwen2.5-Coder-0.5B with twelve spoken questions: 'Speak as "I"' stops it from
# calling the person the robot, naming what it has NOT got stops half of its inventions (it still
# tells a time). Saying 'if unsure, say you do not know' makes a model of this size answer 'I do
# not know' to everything. It ignores limits on length in stories and explanations: the number of
# sentences has to be limited from outside.
REPLY = (
    'You are Omni, a friendly robot talking with people in a room. You have a camera, '
    'a microphone and a voice, but no arms, no clock and no internet. Speak as "I". '
    'Answer in one or two short spoken sentences, never more than twenty words. '
    'Begin with a sentence of at most six words. Plain text only.')

# A reply that was cut off ends in CUT_OFF, and the person's next words begin with INTERRUPTED. On
# Qwen2.5-0.5B, three cut replies, 'What did you say last?': a note inside the robot's own line is
# read out ('I was interrupted here', three of three), a dash or brackets there make it deny having
# spoken; with the note on the person's side it says its last words (three of three). 'Go on' is
# followed no better with any of five wordings (one or two of three). Other questions do not
# suffer.
CUT_OFF = '...'
INTERRUPTED = '(I interrupted you. The last words I heard were: "{last}".)'
LAST_WORDS = 3

# What long-term memory holds about a question stands before it. Of four wordings on Qwen2.5-0.5B
# with five questions this one brought five right answers, '(Your memory says: ...)' and '(You
# remember: ...)' three
RECALLED = 'Notes from your memory: {lines} Question: {brief}'

# What a person is taken to have said before a line that the robot spoke unasked
UNASKED = '(Nobody has spoken.)'

# Asked without examples, a model of this size answers by chance (area under the ROC curve 0.32 to
# 0.68 for three wordings); the same twenty inside the system prompt give 0.70. As turns of a chat
# they reach 0.96 on the 48 sentences used for choosing and 0.96 on 40 others; eight of them, 0.90
# and 0.81. SmolLM2-135M stays near chance with any of them. Above a margin of -0.5, 0, 0.5, 1 lie
# 100, 89, 77, 61 % of what is said to the robot and 41, 20, 14, 0 % of what people say to each
# other; a logistic fit to all 88 gives log odds of 2.9 * margin - 0.6.
JUDGE = (
    'People talk in a room with a robot assistant. Yes: a question about facts or about what '
    'can be seen, a request or a command for the robot. No: what one person tells or asks '
    'another person about their life, family, friends, plans or feelings. Answer Yes or No.')
JUDGE_QUESTION = '"{text}"'
JUDGE_EXAMPLES = (
    ('What is on the table?', True),
    ('I told Maria we would be late.', False),
    ('Turn left, please.', True),
    ('Did you feed the dog, Ben?', False),
    ('How tall is Mount Everest?', True),
    ('Oh, that was such a nice evening.', False),
    ('Can you see me?', True),
    ('Do you want to come to our place on Sunday?', False),
    ('Open the door.', True),
    ('And what did your wife say?', False),
    ('Who invented the telephone?', True),
    ('Mom, I am hungry.', False),
    ('Say hello to everybody.', True),
    ('We met at university, ages ago.', False),
    ('Do you see a bottle?', True),
    ('You should have told me, Paul.', False),
    ('What is five times nine?', True),
    ('Is your sister still in London?', False),
    ('Look to the right.', True),
    ("Let's watch something tonight.", False),
)
# [characters] whoever was meant is clear from the end of a long speech
LONGEST_UTTERANCE = 300


def reply(seen: str = '') -> Prompt:
    """System prompt of the conversation; ``seen`` is what the camera shows, as in 'one person and
    two cups'.

    What changes stands last, so that everything before it stays in the model's prompt cache.
    """
    return (('system', f'{REPLY} Your camera sees {seen}.' if seen else REPLY),)


def interrupted(heard: str) -> str:
    """What a person is taken to say after having cut off ``heard``."""
    return INTERRUPTED.format(last=' '.join(heard.replace('"', "'").split()[-LAST_WORDS:]))


def judge(utterance: str) -> Prompt:
    """Chat whose next word is Yes if ``utterance`` was meant for the robot; only its last line
    differs each time.
    """
    lines: list[tuple[str, str]] = [('system', JUDGE)]
    for text, robot in JUDGE_EXAMPLES:
        lines += [('user', _question(text)), ('assistant', 'Yes' if robot else 'No')]
    return (*lines, ('user', _question(utterance[-LONGEST_UTTERANCE:])))


def _question(text: str) -> str:
    return JUDGE_QUESTION.format(text=text.replace('"', "'").strip())

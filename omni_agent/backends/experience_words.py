"""The words of generated experience, in two halves that share no name, thing, sound or wording of
a question.

The development half is for choosing weights and rules, the test half only for reporting.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Sequence


@dataclass(frozen=True)
class Half:
    """Words of one half."""

    people: Sequence[str]
    visitors: Sequence[str]
    rooms: Sequence[str]
    objects: Sequence[str]
    colours: Sequence[str]
    things: Sequence[str]        # each is spoken about once
    belongings: Sequence[str]    # each is put away once
    spots: Sequence[str]
    sounds: Sequence[tuple[str, str]]        # as it is heard, as it is asked for
    news: Sequence[str]
    putting: Sequence[str]
    chat: Sequence[str]
    noises: Sequence[str]
    about: Sequence[str]
    where: Sequence[str]
    seen_when: Sequence[str]
    said_when: Sequence[str]
    heard_when: Sequence[str]
    seen_ago: Sequence[str]
    said_ago: Sequence[str]
    last_seen: Sequence[str]
    others: Sequence[str]        # questions that memory has no business with


DEVELOPMENT = Half(
    people=('Anna', 'Ben', 'Clara', 'David'),
    visitors=('Erik', 'Fiona', 'Gustav', 'Hanna', 'Igor', 'Julia'),
    rooms=('kitchen', 'living room', 'hall', 'study'),
    objects=('cup', 'laptop', 'book', 'bottle', 'plate', 'lamp', 'vase', 'newspaper', 'bowl',
             'candle'), colours=('red', 'blue', 'green', 'white', 'black', 'yellow'),
    things=('invoice', 'train', 'dentist', 'garden', 'piano', 'heating', 'neighbour', 'recipe',
            'holiday', 'passport', 'concert', 'mortgage', 'aquarium', 'roof', 'wedding', 'printer',
            'marathon', 'bakery', 'museum', 'tent', 'allergy', 'lottery', 'ladder', 'violin',
            'sunflower', 'visa', 'hedgehog', 'ferry', 'chimney', 'orchestra'),
    belongings=('keys', 'wallet', 'glasses', 'charger', 'umbrella', 'gloves', 'scissors',
                'headphones', 'notebook', 'torch', 'tape', 'medicine', 'screwdriver', 'camera',
                'stapler', 'scarf', 'tickets', 'remote'),
    spots=('in the blue drawer', 'under the sofa', 'on the top shelf', 'behind the curtain',
           'in the old box', 'next to the toaster', 'in my coat', 'on the windowsill'),
    sounds=(('the kettle whistles', 'the kettle whistled'), ('a glass breaks', 'the glass broke'),
            ('the doorbell rings', 'the doorbell rang'), ('a dog barks', 'the dog barked'),
            ('the smoke alarm beeps', 'the smoke alarm beeped'),
            ('thunder outside', 'there was thunder'), ('somebody knocks at the door',
                                                       'somebody knocked'), ('a siren passes',
                                                                             'the siren passed'),
            ('the oven timer buzzes', 'the oven timer buzzed'), ('a church bell chimes',
                                                                 'the church bell chimed')),
    news=('The {0} will cost us {1} euros.', 'I finally called about the {0}, they say {1} days.',
          'We should not forget the {0} on the {1}th.',
          'My sister told me the {0} takes {1} weeks.'),
    putting=('I put the {0} {1}.', 'I am leaving the {0} {1}, so that nobody trips.',
             'So, the {0} goes {1}.'),
    chat=('That is what I thought as well.', 'Shall we eat something soon?',
          'I am a little tired today.', 'It was so cold this morning.',
          'Could you pass me that, please?', 'We have to leave in a while.',
          'The table is full again.', 'I will be back in a minute.', 'Did you sleep well?',
          'Look at the window.', 'I have so much work this week.', 'The coffee is too hot.',
          'Who wants some more bread?'), noises=('footsteps', 'a chair moves', 'music',
                                                 'a door closes', 'a car outside', 'water runs'),
    about=('What did {0} say about the {1}?', 'Do you remember what {0} said about the {1}?',
           'What did {0} tell us about the {1}?'),
    where=('Where did I put the {0}?', 'Where are my {0}?', 'Do you remember where the {0} went?'),
    seen_when=('What was on the table when {0}?', 'When {0}, what was on the table?',
               'What did you see when {0}?'), said_when=('What did {1} say when {0}?',
                                                         'When {0}, what did {1} say?'),
    heard_when=('What did you hear when {0} talked about the {1}?',
                'What noise was there when {0} mentioned the {1}?'),
    seen_ago=('What did you see {0} minutes ago?', 'What was here about {0} minutes ago?'),
    said_ago=('What did {1} say {0} minutes ago?', 'About {0} minutes ago, what did {1} say?'),
    last_seen=('When did you last see {0}?', 'When was the last time you saw {0}?',
               'When was {0} last seen here?', 'How long ago did you last see {0}?'),
    others=('What is the capital of France?', 'How are you today?', 'Who was Napoleon?',
            'What do you see?', 'Can you tell me a joke?', 'What is five times nine?',
            'How tall is Mount Everest?', 'Who wrote Hamlet?', 'Is it going to rain tomorrow?',
            'What time is it?', 'Can you hear me?', 'Tell me a story about a dragon.',
            'When did the second world war end?', 'Why is the sky blue?', 'Please turn left.',
            'What is your name?', 'How does a fridge work?', 'Which planet is the largest?',
            'Who invented the telephone?', 'I was in the bathroom when it happened.',
            'What is the weather like today?'))
TEST = Half(
    people=('Karl', 'Lena', 'Marco', 'Nadia'),
    visitors=('Oskar', 'Paula', 'Quentin', 'Rosa', 'Samir', 'Teresa'),
    rooms=('workshop', 'office', 'corridor', 'cafeteria'),
    objects=('mug', 'tablet', 'folder', 'flask', 'tray', 'monitor', 'flower pot', 'magazine',
             'basket', 'clock'), colours=('orange', 'grey', 'brown', 'purple', 'pink', 'silver'),
    things=('contract', 'bus', 'doctor', 'balcony', 'guitar', 'boiler', 'landlord', 'soup',
            'conference', 'licence', 'theatre', 'insurance', 'terrarium', 'gutter', 'funeral',
            'scanner', 'regatta', 'butcher', 'castle', 'caravan', 'vaccination', 'auction',
            'scaffold', 'trumpet', 'orchid', 'customs', 'squirrel', 'tunnel', 'fireplace',
            'choir'), belongings=('badge', 'purse', 'lenses', 'adapter', 'raincoat', 'mittens',
                                  'pliers', 'earplugs', 'diary', 'lantern', 'glue', 'pills',
                                  'wrench', 'tripod', 'ruler', 'hat', 'vouchers', 'joystick'),
    spots=('in the metal cabinet', 'beneath the bench', 'on the lowest rack', 'beside the plant',
           'in the paper bag', 'near the coffee machine', 'in my backpack', 'on the radiator'),
    sounds=(('the fire bell rings', 'the fire bell went off'), ('a window shatters',
                                                                'the window shattered'),
            ('the intercom buzzes', 'the intercom buzzed'), ('a cat meows', 'the cat meowed'),
            ('the microwave beeps', 'the microwave beeped'), ('an explosion far away',
                                                              'there was an explosion'),
            ('a hammer bangs', 'the hammer banged'), ('a helicopter overhead',
                                                      'the helicopter flew over'),
            ('the printer rattles', 'the printer rattled'), ('a train whistle blows',
                                                             'the train whistle blew')),
    news=('They want {1} dollars for the {0}.',
          'About the {0}, that is going to be in {1} months.',
          'Somebody has to take care of the {0}, number {1} on my list.',
          'I read that the {0} was finished {1} hours too late.'),
    putting=('The {0} is {1} from now on.', 'I have just left my {0} {1}.',
             'For safety I hid the {0} {1}.'),
    chat=('You are right about that.', 'Anybody hungry?', 'What a long day.',
          'It gets dark so early now.', 'Hand me the other one, please.', 'I have to go in a bit.',
          'There is no space left here.', 'One moment, I am on my way.', 'How was the weekend?',
          'Mind the step.', 'So many meetings again.', 'The tea is cold.',
          'Is there any cake left?'), noises=('steps', 'a drawer opens', 'a radio',
                                              'a gate closes', 'a motorbike', 'a fan hums'),
    about=('Can you remind me what {0} told us about the {1}?',
           'What was it that {0} said about the {1}?', 'Did {0} mention the {1}?'),
    where=('Do you know where I left the {0}?', 'Where did the {0} go?',
           'Can you remember where my {0} went?'),
    seen_when=('What could you see on the desk at the moment when {0}?',
               'Right when {0}, what was on the desk?', 'What was lying on the desk when {0}?'),
    said_when=('What was {1} saying when {0}?', 'Just when {0}, what did {1} tell us?'),
    heard_when=('Which sound did you hear while {0} spoke about the {1}?',
                'When {0} talked about the {1}, what did you hear?'),
    seen_ago=('Tell me what you saw {0} minutes ago.',
              'What was to be seen around {0} minutes ago?'),
    said_ago=('Some {0} minutes ago, what was {1} talking about?',
              'Do you remember what {1} said {0} minutes ago?'),
    last_seen=('Do you recall when {0} was last around?',
               'When did {0} turn up for the last time?',
               'How long has it been since you saw {0}?'),
    others=('What is the highest mountain of Italy?', 'How is it going?', 'Who was Cleopatra?',
            'What is in front of you?', 'Could you sing a song?', 'What is twelve minus seven?',
            'How far away is the moon?', 'Who painted the Mona Lisa?',
            'Will it snow at the weekend?', 'Which day is it today?', 'Do you understand me?',
            'Tell me a fairy tale about a frog.', 'When did the first man land on the moon?',
            'Why do cats purr?', 'Turn around, please.', 'How old are you?', 'How do planes fly?',
            'Which animal is the fastest?', 'Who discovered America?',
            'We were at the beach while you were charging.'))
HALVES = {'development': DEVELOPMENT, 'test': TEST}

"""What both comparisons share: the set, the microphone, the ear that judges, the figures.

``labels``, ``figures``, ``environment`` and ``console`` need nothing but Python; the rest runs in
the peers' virtual environment.
"""


class PeerError(Exception):
    """The comparison cannot be run as asked; the message says what to do."""

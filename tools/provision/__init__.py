"""What a bare machine needs before omni_agent runs on it. Standard library only, Python 3.8
syntax.

These files run under whatever ``python3`` the machine has, before anything is installed.
"""


class SetupError(Exception):
    """The machine cannot be set up as it is; the message says what to do."""

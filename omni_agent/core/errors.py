"""Whose fault it was. Every message says what, where, and what to do next."""


class OmniAgentError(Exception):
    """Anything this package raises on purpose."""


class WireError(OmniAgentError):
    """The peer sent something that cannot be used: drop it and count it."""


class BackendError(OmniAgentError):
    """A model failed, is missing or cannot be reached."""


class DeviceError(OmniAgentError):
    """A microphone, loudspeaker or camera is missing, gone or misbehaves."""


class ConfigError(OmniAgentError):
    """The user's file or parameter cannot be used as written."""

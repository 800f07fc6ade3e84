"""The only place that says what is missing where there is nothing to draw with."""

from __future__ import annotations

from typing import Any

from omni_agent.core.errors import BackendError


def pyplot() -> Any:
    """matplotlib's, for files and no screen. Raises BackendError without it."""
    try:
        import matplotlib
    except ImportError as error:
        raise BackendError(
            'matplotlib is not installed, so there is no picture: run "pip install matplotlib"'
        ) from error
    matplotlib.use('Agg')
    from matplotlib import pyplot as found

    return found

"""The conversation itself, as pure data: standard library and numpy only.

Two rules: time is an argument (``step(event, now)``, ``deadline()``), and nothing here has a
clock, a logger, a thread or a message type of its own. ``test/test_layers.py`` checks the imports.
"""

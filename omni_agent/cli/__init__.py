"""The ``omni-agent`` command: what a person types, and the processes it watches over."""

"""The declared lists themselves; every module here has ``ENTRIES`` and is found by the registry."""

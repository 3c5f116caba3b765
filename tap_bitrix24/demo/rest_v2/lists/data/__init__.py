"""The declared lists; every module here has ``ENTRIES`` and is found by the registry."""

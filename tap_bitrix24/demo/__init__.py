"""The demo portal: a Bitrix24 that errs as the real one does. Standard library only."""

from tap_bitrix24.demo.server.running import RunningPortal, serve

__all__ = ["RunningPortal", "serve"]

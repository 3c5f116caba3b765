"""The demo portal: a Bitrix24 on loopback that behaves as the real one does, errors included. Standard library only.

Packages import downwards only: server; vibecode, rest_v3, site; oauth; rest_v2; portal; company.
"""

from tap_bitrix24.demo.server.running import RunningPortal, serve

__all__ = ["RunningPortal", "serve"]

"""Errors of the VibeCode API: a code, sometimes with how long to wait."""

from typing import Any, Final

_KNOWN: Final[dict[str, tuple[int, int | None]]] = {
    "MISSING_API_KEY": (401, None),
    "INVALID_API_KEY": (401, None),
    "KEY_INACTIVE": (401, None),
    "KEY_EXPIRED": (401, None),
    "TOKEN_REFRESH_FAILED": (401, None),
    "MANAGEMENT_KEY_NO_ENTITY_ACCESS": (403, None),
    "SCOPE_DENIED": (403, None),
    "WRITE_BLOCKED_READONLY_KEY": (403, None),
    "NOT_FOUND": (404, None),
    "RATE_LIMITED": (429, 2),
    "ERROR_LOOP_DETECTED": (429, 60),
    "INTERNAL_ERROR": (500, None),
    "BITRIX_UNAVAILABLE": (502, 1),
    "QUEUE_TIMEOUT": (504, 1),
}


class VibeError(Exception):
    """An answer without success."""

    def __init__(self, code: str, text: str = "") -> None:
        """Status and wait go with the code; unknown ones are mistakes in what was asked (400)."""
        super().__init__(code)
        self.code = code
        self.text = text or code
        self.status, self.wait = _KNOWN.get(code, (400, None))

    def told(self) -> dict[str, Any]:
        """Answer what stands under ``error``."""
        told: dict[str, Any] = {"code": self.code, "message": self.text}
        return told if self.wait is None else {**told, "retryAfter": self.wait}

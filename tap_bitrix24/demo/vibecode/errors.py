"""Errors of the VibeCode API: a code, for some the seconds to wait."""

from typing import Any, Final

_KNOWN: Final[dict[str, tuple[int, int | None]]] = {
    **dict.fromkeys(
        (
            "MISSING_API_KEY", "INVALID_API_KEY", "KEY_INACTIVE", "KEY_EXPIRED", "TOKEN_REFRESH_FAILED",
            "TOKEN_MISSING", "INVALID_SESSION", "TOKEN_EXPIRED",
        ),
        (401, None),
    ),
    **dict.fromkeys(
        (
            "MANAGEMENT_KEY_NO_ENTITY_ACCESS", "SCOPE_DENIED", "WRITE_BLOCKED_READONLY_KEY", "OAUTH_REQUIRED",
            "IP_NOT_ALLOWED", "WAITLIST_PENDING", "BITRIX_ACCESS_DENIED",
        ),
        (403, None),
    ),
    **dict.fromkeys(("NOT_FOUND", "ENTITY_NOT_FOUND", "ACTION_NOT_SUPPORTED"), (404, None)),
    "BITRIX_ERROR": (422, None),
    "RATE_LIMITED": (429, 2),
    "ERROR_LOOP_DETECTED": (429, 60),
    "INTERNAL_ERROR": (500, None),
    "BITRIX_UNAVAILABLE": (502, 1),
    "WINDOWED_SEARCH_FAILED": (502, None),
    "QUEUE_TIMEOUT": (504, 10),
}  # fmt: skip


class VibeError(Exception):
    """An error answer."""

    def __init__(self, code: str, text: str = "", data: Any = None, status: int = 400) -> None:
        """Create the error; HTTP status and wait follow from the code, ``status`` is that of any other."""
        super().__init__(code)
        self.code = code
        self.text = text or code
        self.data = data
        self.status, self.wait = _KNOWN.get(code, (status, None))

    def shown(self) -> dict[str, Any]:
        """Return the value of the key ``error``."""
        shown: dict[str, Any] = {"code": self.code, "message": self.text}
        return shown if self.wait is None else {**shown, "retryAfter": self.wait}

    def body(self) -> dict[str, Any]:
        """Return the JSON body."""
        body = {"success": False, "error": self.shown()}
        return body if self.data is None else {**body, "data": self.data}

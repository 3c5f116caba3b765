"""Errors of classic REST as the portal answers them (docs/protocol.md §1.4)."""

from typing import Any, Final


class RestError(Exception):
    """An error answer; its code may be empty text or a number."""

    def __init__(self, *, code: Any, text: str, status: int = 400, **extra: Any) -> None:
        """Create the error; ``extra`` keys are added to the body."""
        super().__init__(f"{code}: {text}")
        self.code = code
        self.description = text
        self.status = status
        self.extra = extra

    def body(self) -> dict[str, Any]:
        """Return the JSON body."""
        return {"error": self.code, "error_description": self.description, **self.extra}


# Code → HTTP status in the server's source, HTTP status in the documentation, text (docs/protocol.md §8).
AUTH_ERRORS: Final[dict[str, tuple[int, int, str]]] = {
    "NO_AUTH_FOUND": (401, 401, "Wrong authorization data"),
    "expired_token": (401, 401, "The access token provided has expired."),
    "invalid_token": (401, 401, "Unable to get application by token"),
    "INVALID_CREDENTIALS": (401, 403, "Invalid request credentials"),
    "insufficient_scope": (401, 403, "The request requires higher privileges than provided by the access token"),
    "ACCESS_DENIED": (403, 403, "REST is available only on commercial plans."),
    "PAYMENT_REQUIRED": (401, 402, "Payment required"),
    "user_access_error": (401, 403, "The user does not have access to the application."),
    "authorization_error": (401, 401, "Unable to authorize user"),
    "APPLICATION_NOT_FOUND": (401, 403, "Application not found"),
    "CONNECTION_ERROR": (401, 401, "Error connecting to authorization server"),
    "OVERLOAD_LIMIT": (401, 503, "REST API is blocked due to overload."),
    "INVALID_REQUEST": (401, 400, "Https required."),
    "METHOD_CONFIRM_WAITING": (401, 401, "Waiting for confirmation"),
    "METHOD_CONFIRM_DENIED": (403, 403, "Method call denied"),
    "PORTAL_DELETED": (403, 403, "Portal was deleted"),
}


def auth_error(code: str, statuses: str) -> RestError:
    """Return an authorization error with the HTTP status of ``statuses``: ``source`` or ``docs``, which differ."""
    source, docs, text = AUTH_ERRORS.get(code, (401, 401, "Wrong authorization data"))
    return RestError(code=code, text=text, status=docs if statuses == "docs" else source)

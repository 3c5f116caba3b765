"""Errors of REST 3.0: an object with a code, which is the name of a class, and a localised message."""

from typing import Any, Final

PREFIX: Final = "BITRIX_REST_V3_EXCEPTION_"


class RestV3Error(Exception):
    """An error answer."""

    def __init__(self, code: str, text: str, *, status: int = 400, field: str = "", prefix: str = PREFIX) -> None:
        """Create the error; ``field`` is the field that a validation error is about."""
        super().__init__(f"{code}: {text}")
        self.code = f"{prefix}{code}"
        self.text = text
        self.status = status
        self.field = field

    def body(self) -> dict[str, Any]:
        """Return the JSON body."""
        body: dict[str, Any] = {"code": self.code, "message": self.text}
        if self.field:
            body["validation"] = [{"field": self.field, "message": self.text}]
        return {"error": body}


def invalid(field: str, text: str) -> RestV3Error:
    """Return the error of an invalid parameter or condition."""
    return RestV3Error("VALIDATION_REQUESTVALIDATIONEXCEPTION", text, field=field)


def unknown_field(name: object) -> RestV3Error:
    """Return the error of a field the object does not have."""
    return RestV3Error("UNKNOWNDTOPROPERTYEXCEPTION", f"Неизвестное поле `{name}`")


def not_found(number: object) -> RestV3Error:
    """Return the error of an unknown row; HTTP 400, not 404."""
    return RestV3Error("ENTITYNOTFOUNDEXCEPTION", f"Объект с идентификатором `{number}` не найден")


def no_method(name: str) -> RestV3Error:
    """Return the error of an unknown method; HTTP 400, not 404."""
    return RestV3Error("METHODNOTFOUNDEXCEPTION", f"Метод `{name}` не найден")

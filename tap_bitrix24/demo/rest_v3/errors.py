"""Errors as REST 3.0 answers them: an object with a code that is the name of a class, and a localised message."""

from typing import Any, Final

PREFIX: Final = "BITRIX_REST_V3_EXCEPTION_"


class RestThreeError(Exception):
    """An answer with an error object."""

    def __init__(self, code: str, text: str, *, status: int = 400, field: str = "", prefix: str = PREFIX) -> None:
        """``field`` names what a validation error is about."""
        super().__init__(f"{code}: {text}")
        self.code = f"{prefix}{code}"
        self.text = text
        self.status = status
        self.field = field

    def body(self) -> dict[str, Any]:
        """Return the JSON body."""
        told: dict[str, Any] = {"code": self.code, "message": self.text}
        if self.field:
            told["validation"] = [{"field": self.field, "message": self.text}]
        return {"error": told}


def invalid(field: str, text: str) -> RestThreeError:
    """Return the error of a parameter or condition that is not of its kind."""
    return RestThreeError("VALIDATION_REQUESTVALIDATIONEXCEPTION", text, field=field)


def unknown_field(name: object) -> RestThreeError:
    """Return the error of a field the object does not have."""
    return RestThreeError("UNKNOWNDTOPROPERTYEXCEPTION", f"Неизвестное поле `{name}`")


def not_found(number: object) -> RestThreeError:
    """Return the error of a row that is not there; HTTP 400, not 404."""
    return RestThreeError("ENTITYNOTFOUNDEXCEPTION", f"Объект с идентификатором `{number}` не найден")


def no_method(name: str) -> RestThreeError:
    """Return the error of a method that is not there; HTTP 400, not 404."""
    return RestThreeError("METHODNOTFOUNDEXCEPTION", f"Метод `{name}` не найден")

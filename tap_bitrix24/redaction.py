"""Keep secrets out of everything printed: a webhook's URL *is* its secret, so no log line may hold it."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from urllib.parse import quote

HIDDEN = "[hidden]"
_WEBHOOK_PATH = re.compile(r"(/rest/(?:api/)?\d+/)[^/\s\"'?]+")


class Redactor(logging.Filter):
    """Replaces secrets in texts; as a logging filter it cleans message, arguments and traceback."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        """Hide these texts, as they are and percent-encoded, and anything shaped like a webhook's path."""
        super().__init__()
        forms = {form for secret in secrets if secret for form in (secret, quote(secret, safe=""))}
        self._secrets = sorted(forms, key=len, reverse=True)

    def learn(self, secret: str) -> None:
        """Hide one more text from now on."""
        if secret and secret not in self._secrets:
            self._secrets = sorted({*self._secrets, secret, quote(secret, safe="")}, key=len, reverse=True)

    def clean(self, text: str) -> str:
        """Return the text without secrets; longer ones are replaced first, as they may hold shorter ones."""
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        return _WEBHOOK_PATH.sub(rf"\1{HIDDEN}", text)

    def filter(self, record: logging.LogRecord) -> bool:
        """Clean the record in place; never drops it."""
        try:
            text = record.getMessage()
        except (TypeError, ValueError):  # a library's format string and arguments do not agree
            text = f"{record.msg} {record.args}"
        record.msg, record.args = self.clean(text), None
        if record.exc_info:
            record.exc_text = self.clean(logging.Formatter().formatException(record.exc_info))
            record.exc_info = None
        return True

    def guard(self) -> None:
        """Clean what all libraries log: attach to every handler, because loggers pass no filters down."""
        loggers = [logging.getLogger(), *map(logging.getLogger, logging.root.manager.loggerDict)]
        for handler in {handler for logger in loggers for handler in logger.handlers}:
            for older in [each for each in handler.filters if isinstance(each, Redactor)]:
                handler.removeFilter(older)
            handler.addFilter(self)

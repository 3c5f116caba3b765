"""The secret never shows, whatever a library logs."""

import io
import logging
from collections.abc import Iterator
from urllib.parse import quote

import pytest

from tap_bitrix24.redaction import HIDDEN, Redactor

SECRET = "abc/123+xyz"


@pytest.fixture
def printed() -> Iterator[tuple[logging.Logger, io.StringIO]]:
    """A logger and what it has printed."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.addFilter(Redactor([SECRET]))
    logger = logging.getLogger("test.redaction")
    logger.addHandler(handler)
    yield logger, stream
    logger.removeHandler(handler)
    handler.close()


@pytest.mark.parametrize(
    "text",
    [
        f"at {SECRET}!",
        f"{SECRET}{SECRET}",
        quote(SECRET, safe=""),
        f"https://e.bitrix24.com/rest/1/{quote(SECRET, safe='')}/crm.deal.list",
    ],
)
def test_the_secret_is_cut_raw_and_percent_encoded(text: str) -> None:
    clean = Redactor([SECRET]).clean(text)
    assert SECRET not in clean
    assert quote(SECRET, safe="") not in clean
    assert HIDDEN in clean


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("for path: /rest/1/unknown/batch", f"for path: /rest/1/{HIDDEN}/batch"),
        ("url: /rest/api/17/unknown/x", f"url: /rest/api/17/{HIDDEN}/x"),
        ("'https://e.com/rest/1/unknown'", f"'https://e.com/rest/1/{HIDDEN}'"),
        ("/rest/1/unknown?x=1", f"/rest/1/{HIDDEN}?x=1"),
        ("crm.deal.list: 50 rows", "crm.deal.list: 50 rows"),
        ("/rest/admin/panel", "/rest/admin/panel"),
    ],
)
def test_webhook_paths_are_cut_even_if_their_secret_is_unknown(text: str, clean: str) -> None:
    assert Redactor().clean(text) == clean


def test_the_longer_of_two_secrets_is_replaced_first() -> None:
    assert Redactor(["abc", "abcdef"]).clean("abcdef") == HIDDEN


def test_an_empty_secret_hides_nothing() -> None:
    assert Redactor(["", "x1"]).clean("abc") == "abc"


def test_messages_and_arguments(printed: tuple[logging.Logger, io.StringIO]) -> None:
    logger, stream = printed
    logger.warning("calling %s with %r", f"/rest/1/{SECRET}/batch", {"url": SECRET})
    logger.warning(f"100% {SECRET}")  # noqa: G004 - what a library may do
    assert SECRET not in stream.getvalue()
    assert stream.getvalue().count(HIDDEN) == 3


def test_tracebacks(printed: tuple[logging.Logger, io.StringIO]) -> None:
    logger, stream = printed
    try:
        try:
            raise ValueError(SECRET)  # noqa: TRY301 - a traceback needs two
        except ValueError as error:
            text = f"while at {SECRET}"
            raise RuntimeError(text) from error
    except RuntimeError:
        logger.exception("failed")
    assert "RuntimeError" in stream.getvalue()
    assert "ValueError" in stream.getvalue()
    assert SECRET not in stream.getvalue()


def test_the_stack(printed: tuple[logging.Logger, io.StringIO]) -> None:
    logger, stream = printed
    logger.warning("here", stack_info=True)
    assert "test_the_stack" in stream.getvalue()


def test_guard_reaches_handlers_of_every_logger_and_replaces_older_guards() -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(name)s: %(message)s"))
    logger = logging.getLogger("somelibrary.pool")
    logger.propagate = False
    logger.addHandler(handler)
    try:
        Redactor(["old"]).guard()
        Redactor([SECRET]).guard()
        assert [type(each) for each in handler.filters] == [Redactor]
        logger.error("POST %s", SECRET)
        assert stream.getvalue() == f"somelibrary.pool: POST {HIDDEN}\n"
    finally:
        logger.removeHandler(handler)
        handler.close()
        for each in [*logging.getLogger().handlers]:
            each.filters = [found for found in each.filters if not isinstance(found, Redactor)]

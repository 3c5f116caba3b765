"""OAuth 2.0: tokens renewed in time, rotated, and kept so that neither a crash nor a second tap loses them.

Each renewal spends the refresh token and brings another. Whoever loses that answer is locked out until somebody clicks,
so it is written down before anything else happens, and only one process at a time may ask.
Nothing here sends: what posts a form is handed in.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from tap_bitrix24.errors import AccessError, SettingsError, UnavailableError
from tap_bitrix24.model.endpoint import REST_3

LOG = logging.getLogger("tap-bitrix24.oauth")
VENDOR = "https://oauth.bitrix24.tech/oauth/token/"
"""Where tokens are renewed, unless the settings say otherwise."""
AHEAD = 300.0
"""Seconds before its end that a token is renewed; of short-lived ones the last tenth."""
LIFE = 3600.0
"""Seconds an access token lives if nobody tells."""
_FAILING = 500
_TOO_MANY = 429
_GOOD = 200
_METHOD = "oauth/token"
_AGAIN = "open the application in the portal to consent again, then run tap-bitrix24-auth or set a new refresh_token"

Post = Callable[[str, Mapping[str, str]], tuple[int, bytes]]
"""Posts a form to an address and brings status and body; raises UnavailableError if there is no answer."""


@dataclass(frozen=True, slots=True)
class Application:
    """The application the portal knows us as."""

    client_id: str
    client_secret: str = field(repr=False)
    portal: str
    """Scheme, host, port and path of the portal, as configured, without a slash at its end."""
    token_url: str = VENDOR
    allow_http: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredTokens:
    """What is kept between renewals."""

    client_id: str
    portal: str
    refresh_token: str = field(repr=False)
    access_token: str = field(default="", repr=False)
    expires_at: float = 0.0
    """By our clock."""
    expires_in: float = LIFE
    client_endpoint: str = ""
    started_with: str = ""
    """Hash of the settings' refresh token this was begun with: another one in the settings is newer."""
    renewing_since: float = 0.0
    """When a renewal was sent whose answer has not been written down."""

    def good(self, now: float) -> bool:
        """Whether the access token will do for a while."""
        return bool(self.access_token) and now < self.expires_at - min(AHEAD, self.expires_in / 10)


class TokenStore(Protocol):
    """Where tokens are kept."""

    def locked(self) -> Any:
        """Keep everybody else out, as a context."""

    def read(self) -> StoredTokens | None:
        """What was kept last."""

    def write(self, kept: StoredTokens) -> None:
        """Keep it; once this returns, nothing loses it."""


@dataclass
class MemoryTokenStore:
    """Keeps tokens for this process alone: the next one cannot renew what this one has spent."""

    kept: StoredTokens | None = None

    @contextmanager
    def locked(self) -> Iterator[None]:
        """There is nobody else."""
        yield

    def read(self) -> StoredTokens | None:
        """What was kept last."""
        return self.kept

    def write(self, kept: StoredTokens) -> None:
        """Keep it."""
        self.kept = kept


@dataclass(frozen=True, slots=True)
class FileTokenStore:
    """A JSON file for its owner's eyes only: replaced as a whole, one process at a time."""

    path: Path

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Wait for other taps that use the same file.

        Raises:
            SettingsError: There can be no such file.
        """
        try:
            lock = os.open(f"{self.path}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise self._unusable(error) from None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def read(self) -> StoredTokens | None:
        """What was kept last; None: nothing yet.

        Raises:
            SettingsError: The file can't be read, or holds something else.
        """
        try:
            return StoredTokens(**json.loads(self.path.read_bytes()))
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._unusable(error) from None
        except (ValueError, TypeError):
            msg = f"token_file {self.path} holds no tokens: give another path, or delete it and sign in again."
            raise SettingsError(msg) from None

    def write(self, kept: StoredTokens) -> None:
        """Replace the file: whoever reads it sees the old one or the new one, also after a crash.

        Raises:
            SettingsError: It can't be written.
        """
        draft = self.path.with_name(f"{self.path.name}.{os.getpid()}.new")
        try:
            file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(file, "w", encoding="utf-8") as out:
                json.dump(asdict(kept), out, indent=1)
                out.flush()
                os.fsync(out.fileno())
            draft.replace(self.path)
        except OSError as error:
            raise self._unusable(error) from None

    def _unusable(self, error: OSError) -> SettingsError:
        return SettingsError(f"token_file {self.path}: {error.strerror or type(error).__name__}.")


class OAuth:
    """The door of an application: a token in a header, never in a URL, renewed once for all who need it."""

    def __init__(
        self,
        application: Application,
        store: TokenStore,
        refresh_token: str = "",
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Take what the settings say.

        Args:
            application: Who we are.
            store: Where tokens are kept.
            refresh_token: The one in the settings; empty: the store has one.
            clock: Seconds since 1970.
        """
        self.application = application
        self.post: Post | None = None
        self.learnt: Callable[[str], None] = lambda _: None
        """Told each new secret, so that nobody prints it."""
        self._store = store
        self._given = refresh_token
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: StoredTokens | None = None
        self._root = f"{application.portal}/rest"
        self._told = False

    @property
    def host(self) -> str:
        """Scheme, host and port of the portal."""
        parts = urlsplit(self._root)
        return f"{parts.scheme}://{parts.netloc}"

    def address(self, path: str, dialect: str) -> str:
        """Where a method is called; REST 3.0 lies below `api/`."""
        return f"{self._root}/api/{path}" if dialect == REST_3 else f"{self._root}/{path}"

    def headers(self) -> Mapping[str, str]:
        """The access token, renewed if its end is near."""
        with self._lock:
            kept = self._kept
            if kept is None or not kept.good(self._clock()):
                kept = self._renewed(None)
        return {"Authorization": f"Bearer {kept.access_token}"}

    def renew(self, refused: Mapping[str, str]) -> bool:
        """Renew after a request was refused; of several that used the same token, the first does it for all."""
        with self._lock:
            token = refused.get("Authorization", "").removeprefix("Bearer ")
            if self._kept is None or self._kept.access_token == token:
                self._renewed(token)
        return True

    def at_host(self, host: str) -> OAuth:
        """The same application at the portal's new host."""
        self._root = f"{host}{urlsplit(self._root).path}"
        return self

    def redeem(self, code: str, redirect_uri: str) -> None:
        """Spend the code of a first authorization, and keep what it brings."""
        with self._lock, self._store.locked():
            form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
            self._keep(self._granted(form, None), self._begun("-"))

    def _renewed(self, refused: str | None) -> StoredTokens:
        """Renew the tokens, unless another process just has."""
        with self._store.locked():
            kept = self._current()
            if kept.good(self._clock()) and kept.access_token != refused:
                return self._use(kept)
            self._store.write(replace(kept, renewing_since=kept.renewing_since or self._clock()))
            granted = self._granted({"grant_type": "refresh_token", "refresh_token": kept.refresh_token}, kept)
            return self._keep(granted, kept)

    def _current(self) -> StoredTokens:
        """What is kept, or the beginning of it; a refresh token that is new in the settings counts more.

        Raises:
            SettingsError: There is no refresh token, or the file is another application's.
        """
        kept, ours = self._store.read(), self.application
        if kept is not None and (kept.client_id, kept.portal) != (ours.client_id, ours.portal):
            msg = "token_file belongs to another application or portal: give each its own."
            raise SettingsError(msg)
        if kept is None or (self._given and kept.started_with not in (_hash(self._given), _hash("-"))):
            if not self._given:
                msg = "There is no refresh token yet: run tap-bitrix24-auth with these settings, or set refresh_token."
                raise SettingsError(msg)
            kept = self._begun(self._given)
        self.learnt(kept.refresh_token)
        return kept

    def _begun(self, refresh_token: str) -> StoredTokens:
        ours = self.application
        return StoredTokens(
            client_id=ours.client_id, portal=ours.portal, refresh_token=refresh_token, started_with=_hash(refresh_token)
        )

    def _granted(self, form: Mapping[str, str], kept: StoredTokens | None) -> Mapping[str, Any]:
        """Ask the authorization server.

        Raises:
            UnavailableError: It gives no usable answer: ask again.
            AccessError: It says no.
        """
        if self.post is None:
            msg = "no connection to ask for tokens with"
            raise RuntimeError(msg)
        ours, asked = self.application, self._clock()
        secrets = {"client_id": ours.client_id, "client_secret": ours.client_secret}
        status, content = self.post(ours.token_url, {**form, **secrets})
        try:
            told = json.loads(content)
        except ValueError:
            told = None
        if not isinstance(told, dict) or status >= _FAILING or status == _TOO_MANY:
            text = f"the authorization server gives no usable answer (HTTP {status})"
            raise UnavailableError(text, method=_METHOD)
        if "access_token" not in told or "refresh_token" not in told or status != _GOOD:
            raise _refusal(str(told.get("error") or f"HTTP {status}"), kept)
        return {**told, "asked": asked}

    def _keep(self, granted: Mapping[str, Any], kept: StoredTokens) -> StoredTokens:
        """Write down what was granted, before it is used."""
        life = granted.get("expires_in")
        seconds = float(life) if isinstance(life, (int, float)) and life > 0 else LIFE
        fresh = replace(
            kept,
            access_token=str(granted["access_token"]),
            refresh_token=str(granted["refresh_token"]),
            expires_in=seconds,
            expires_at=float(granted["asked"]) + seconds,
            client_endpoint=str(granted.get("client_endpoint") or kept.client_endpoint),
            renewing_since=0.0,
        )
        self.learnt(fresh.access_token)
        self.learnt(fresh.refresh_token)
        self._store.write(fresh)
        return self._use(fresh)

    def _use(self, kept: StoredTokens) -> StoredTokens:
        self._kept = kept
        self.learnt(kept.access_token)
        self._follow(kept.client_endpoint.rstrip("/"))
        return kept

    def _follow(self, endpoint: str) -> None:
        """Go where the authorization server says the portal is now; the token goes nowhere in the clear.

        Raises:
            AccessError: That address is not safe.
        """
        if not endpoint or endpoint == self._root:
            return
        new, old = urlsplit(endpoint), urlsplit(self._root)
        if new.scheme != "https" and not (self.application.allow_http or new.scheme == old.scheme):
            text = f"the portal is said to be at {new.scheme}://{new.netloc} now, which is not safe: check portal_url"
            raise AccessError(text, method=_METHOD)
        if new.netloc != old.netloc and not self._told:
            LOG.warning("%s has moved to %s: change portal_url", old.netloc, new.netloc)
            self._told = True
        self._root = endpoint


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _refusal(code: str, kept: StoredTokens | None) -> AccessError:
    """What an operator can do about a refusal, by its code."""
    lost = ""
    if kept is not None and kept.renewing_since:
        when = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(kept.renewing_since))
        lost = f"; the answer to the renewal begun {when} never arrived or was never saved, and its token is spent"
    text = {
        "invalid_client": "client_id or client_secret is wrong: copy both from the application's page in the portal",
        "payment_required": "the portal's or the application's subscription has ended: renew it in the portal",
    }.get(code.lower(), f"the refresh token is no longer accepted{lost}: {_AGAIN}")
    return AccessError(f"OAuth: {text} [{code}]", code=code, method=_METHOD)

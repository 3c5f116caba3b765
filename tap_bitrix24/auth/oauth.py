"""OAuth 2.0: tokens renewed in time, rotated, and stored so that neither a crash nor a second tap loses them.

Each renewal uses up the refresh token and returns another. Whoever loses that answer is locked out until a person
consents again in the portal: so it is stored before anything else happens, and only one process at a time may renew.
Nothing here sends requests: the function that posts a form is passed in. See docs/protocol.md §8.
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
from tap_bitrix24.model.endpoint import REST_V3

LOG = logging.getLogger("tap-bitrix24.oauth")
VENDOR = "https://oauth.bitrix24.tech/oauth/token/"
"""The vendor's authorization server, where tokens are renewed unless the settings name another."""
RENEW_BEFORE = 300.0
"""Seconds before its expiry that a token is renewed; of a short-lived one, the last tenth of its life."""
DEFAULT_LIFETIME = 3600.0
"""Seconds an access token is valid if the authorization server does not say."""
_OK = 200
_TOO_MANY_REQUESTS = 429
_SERVER_ERROR = 500
_METHOD = "oauth/token"
_SIGNED_IN = "-"
"""In place of a refresh token in the settings: the tokens descend from a sign-in with tap-bitrix24-auth."""
_CONSENT_AGAIN = (
    "open the application in the portal to consent again, then run tap-bitrix24-auth or set a new refresh_token"
)

Post = Callable[[str, Mapping[str, str]], tuple[int, bytes]]
"""Posts a form to an address and returns status and body; raises UnavailableError if no answer comes."""


@dataclass(frozen=True, slots=True)
class Application:
    """The application registered in the portal."""

    client_id: str
    client_secret: str = field(repr=False)
    portal: str
    """URL of the portal as configured, without a slash at its end."""
    token_url: str = VENDOR
    allow_http: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredTokens:
    """What is stored between renewals; the fields are the keys of the token file."""

    client_id: str
    portal: str
    refresh_token: str = field(repr=False)
    access_token: str = field(default="", repr=False)
    expires_at: float = 0.0
    """Seconds since 1970, by this machine's clock."""
    expires_in: float = DEFAULT_LIFETIME
    """Seconds the access token is valid in all."""
    client_endpoint: str = ""
    """Root of the portal's REST API, as the authorization server gave it last."""
    member_id: str = ""
    """The portal's own id, which no rename changes."""
    started_with: str = ""
    """Hash of the refresh token in the settings these tokens descend from: another one in the settings is newer."""
    renewing_since: float = 0.0
    """When a renewal was sent whose answer has not been stored, in seconds since 1970; 0: there is none."""

    def is_fresh(self, now: float) -> bool:
        """Whether the access token need not be renewed yet."""
        return bool(self.access_token) and now < self.expires_at - min(RENEW_BEFORE, self.expires_in / 10)


class TokenStore(Protocol):
    """Where tokens are stored."""

    def locked(self) -> Any:
        """Return a context in which no other process reads or writes."""

    def read(self) -> StoredTokens | None:
        """Return what was stored last, or None."""

    def write(self, tokens: StoredTokens) -> None:
        """Store tokens; once this returns, no crash loses them."""


@dataclass
class MemoryTokenStore:
    """Stores tokens for this process only: the next one cannot renew what this one has used up."""

    tokens: StoredTokens | None = None

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Return a context; no other process knows the tokens."""
        yield

    def read(self) -> StoredTokens | None:
        """Return what was stored last, or None."""
        return self.tokens

    def write(self, tokens: StoredTokens) -> None:
        """Store tokens in memory."""
        self.tokens = tokens


@dataclass(frozen=True, slots=True)
class FileTokenStore:
    """A JSON file only its owner may read: replaced as a whole, by one process at a time."""

    path: Path

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Return a context with a lock on the file; waits for other processes that hold it.

        Raises:
            SettingsError: The file cannot be made there.
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
        """Return what was stored last, or None where there is no file yet.

        Raises:
            SettingsError: The file cannot be read, or holds something else.
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

    def write(self, tokens: StoredTokens) -> None:
        """Replace the file: whoever reads it sees the old one or the new one, also after a crash.

        Raises:
            SettingsError: It cannot be written.
        """
        draft = self.path.with_name(f"{self.path.name}.{os.getpid()}.new")
        try:
            file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(file, "w", encoding="utf-8") as out:
                json.dump(asdict(tokens), out, indent=1)
                out.flush()
                os.fsync(out.fileno())
            draft.replace(self.path)
        except OSError as error:
            raise self._unusable(error) from None

    def _unusable(self, error: OSError) -> SettingsError:
        return SettingsError(f"token_file {self.path}: {error.strerror or type(error).__name__}.")


class OAuth:
    """The credentials of an application: a token in a header, never in a URL, renewed once for all threads."""

    def __init__(
        self,
        application: Application,
        store: TokenStore,
        refresh_token: str = "",
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Take the settings of an application.

        Args:
            application: As registered in the portal.
            store: Where tokens are stored.
            refresh_token: The one in the settings; empty: the store has one.
            clock: Seconds since 1970.
        """
        self.application = application
        self.post: Post | None = None
        """Posts a form to the authorization server; set before the first request."""
        self.learnt: Callable[[str], None] = lambda _: None
        """Called with each new secret, so that it can be hidden in what is printed."""
        self._store = store
        self._refresh_token = refresh_token
        self._clock = clock
        self._lock = threading.Lock()
        self._tokens: StoredTokens | None = None
        self._root = f"{application.portal}/rest"
        self._warned_of_move = False

    @property
    def host(self) -> str:
        """Scheme, host and port of the portal."""
        parts = urlsplit(self._root)
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def portal_url(self) -> str:
        """Address of the portal, as the authorization server gave it last; before, as configured."""
        return self._root.removesuffix("/rest")

    @property
    def member_id(self) -> str:
        """The portal's own id; empty until the authorization server has named it."""
        return self._tokens.member_id if self._tokens else ""

    def address(self, path: str, dialect: str) -> str:
        """Return the URL of a method; REST 3.0 lies below `api/`."""
        return f"{self._root}/api/{path}" if dialect == REST_V3 else f"{self._root}/{path}"

    def headers(self) -> Mapping[str, str]:
        """Return the header with the access token, which is renewed first if it expires soon."""
        with self._lock:
            tokens = self._tokens
            if tokens is None or not tokens.is_fresh(self._clock()):
                tokens = self._renewed(None)
        return {"Authorization": f"Bearer {tokens.access_token}"}

    def renew(self, refused: Mapping[str, str]) -> bool:
        """Renew the token a request was refused with; of several threads that used it, the first renews for all."""
        with self._lock:
            token = refused.get("Authorization", "").removeprefix("Bearer ")
            if self._tokens is None or self._tokens.access_token == token:
                self._renewed(token)
        return True

    def at_host(self, host: str) -> OAuth:
        """Return the same credentials at the portal's new host."""
        self._root = f"{host}{urlsplit(self._root).path}"
        return self

    def redeem(self, code: str, redirect_uri: str) -> None:
        """Exchange the code of a first authorization for tokens, and store them.

        Raises:
            UnavailableError: The authorization server gave no usable answer.
            AccessError: It refused the code.
            SettingsError: The tokens cannot be stored.
        """
        with self._lock, self._store.locked():
            form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
            self._store_grant(self._request_grant(form, None), self._first_tokens(_SIGNED_IN))

    def _renewed(self, refused: str | None) -> StoredTokens:
        """Return renewed tokens; where another process renewed them just now, those.

        Args:
            refused: An access token the portal did not accept, though it looked fresh.
        """
        with self._store.locked():
            tokens = self._stored_tokens()
            if tokens.is_fresh(self._clock()) and tokens.access_token != refused:
                return self._use(tokens)
            self._store.write(replace(tokens, renewing_since=tokens.renewing_since or self._clock()))
            form = {"grant_type": "refresh_token", "refresh_token": tokens.refresh_token}
            return self._store_grant(self._request_grant(form, tokens), tokens)

    def _stored_tokens(self) -> StoredTokens:
        """Return what is stored, or first tokens; a refresh token that is new in the settings comes before the store.

        Raises:
            SettingsError: There is no refresh token, or the file is another application's.
        """
        tokens, application, given = self._store.read(), self.application, self._refresh_token
        if tokens is not None and (tokens.client_id, tokens.portal) != (application.client_id, application.portal):
            msg = "token_file belongs to another application or portal: give each its own."
            raise SettingsError(msg)
        if tokens is None or (given and tokens.started_with not in (_hash(given), _hash(_SIGNED_IN))):
            if not given:
                msg = "There is no refresh token yet: run tap-bitrix24-auth with these settings, or set refresh_token."
                raise SettingsError(msg)
            tokens = self._first_tokens(given)
        self.learnt(tokens.refresh_token)
        return tokens

    def _first_tokens(self, refresh_token: str) -> StoredTokens:
        """Return what is known before the first renewal."""
        return StoredTokens(
            client_id=self.application.client_id,
            portal=self.application.portal,
            refresh_token=refresh_token,
            started_with=_hash(refresh_token),
        )

    def _request_grant(self, form: Mapping[str, str], tokens: StoredTokens | None) -> Mapping[str, Any]:
        """Return the authorization server's answer to a form, and the second it was requested at as `asked`.

        Raises:
            UnavailableError: It gave no usable answer; the request may be repeated.
            AccessError: It refused; the text says what to do.
        """
        if self.post is None:
            msg = "OAuth.post is not set"
            raise RuntimeError(msg)
        requested_at = self._clock()
        secrets = {"client_id": self.application.client_id, "client_secret": self.application.client_secret}
        status, content = self.post(self.application.token_url, {**form, **secrets})
        try:
            answer = json.loads(content)
        except ValueError:
            answer = None
        unusable = not isinstance(answer, dict) or (status == _OK and not answer.keys() & {"error", "access_token"})
        if unusable or status >= _SERVER_ERROR or status == _TOO_MANY_REQUESTS:
            text = f"the authorization server gives no usable answer (HTTP {status})"
            raise UnavailableError(text, method=_METHOD)
        if "access_token" not in answer or "refresh_token" not in answer or status != _OK:
            raise _refusal(str(answer.get("error") or f"HTTP {status}"), tokens)
        return {**answer, "asked": requested_at}

    def _store_grant(self, grant: Mapping[str, Any], tokens: StoredTokens) -> StoredTokens:
        """Store the tokens of an answer before they are used, and return them."""
        lifetime = grant.get("expires_in")
        seconds = float(lifetime) if isinstance(lifetime, (int, float)) and lifetime > 0 else DEFAULT_LIFETIME
        fresh = replace(
            tokens,
            access_token=str(grant["access_token"]),
            refresh_token=str(grant["refresh_token"]),
            expires_in=seconds,
            expires_at=float(grant["asked"]) + seconds,
            client_endpoint=str(grant.get("client_endpoint") or tokens.client_endpoint),
            member_id=str(grant.get("member_id") or tokens.member_id),
            renewing_since=0.0,
        )
        self.learnt(fresh.access_token)
        self.learnt(fresh.refresh_token)
        self._store.write(fresh)
        return self._use(fresh)

    def _use(self, tokens: StoredTokens) -> StoredTokens:
        """Send these tokens from now on, to the address that came with them."""
        self._tokens = tokens
        self.learnt(tokens.access_token)
        self._follow(tokens.client_endpoint.rstrip("/"))
        return tokens

    def _follow(self, endpoint: str) -> None:
        """Use the address the authorization server gives for the portal, unless the token would go there unencrypted.

        Raises:
            AccessError: It would.
        """
        if not endpoint or endpoint == self._root:
            return
        new, old = urlsplit(endpoint), urlsplit(self._root)
        if new.scheme != "https" and not (self.application.allow_http or new.scheme == old.scheme):
            text = f"the portal's address is now {new.scheme}://{new.netloc}, which is not encrypted: check portal_url"
            raise AccessError(text, method=_METHOD)
        if new.netloc != old.netloc and not self._warned_of_move:
            LOG.warning("%s has moved to %s: change portal_url", old.netloc, new.netloc)
            self._warned_of_move = True
        self._root = endpoint


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _refusal(code: str, tokens: StoredTokens | None) -> AccessError:
    """Return the error for a refusal; its text says what the operator can do, by the server's code."""
    lost = ""
    if tokens is not None and tokens.renewing_since:
        when = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(tokens.renewing_since))
        lost = f"; the answer to the renewal begun {when} never arrived or was never saved, and its token is used up"
    text = {
        "invalid_client": "client_id or client_secret is wrong: copy both from the application's page in the portal",
        "payment_required": "the portal's or the application's subscription has ended: renew it in the portal",
    }.get(code.lower(), f"the refresh token is no longer accepted{lost}: {_CONSENT_AGAIN}")
    return AccessError(f"OAuth: {text} [{code}]", code=code, method=_METHOD)

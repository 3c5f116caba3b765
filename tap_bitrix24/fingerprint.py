"""The fingerprint of a portal: hashes by which STATE and a schema of a DuckDB file know the portal they belong to.

Ids of two portals look alike: with the STATE of one, rows of the other are skipped; in one table they replace each
other. No address a connection has is its portal's for good, so a fingerprint holds up to two facts:

- the host, as hash: webhooks, OAuth and site API are called there, VibeCode names it. It changes with a rename;
- the portal's own id (`member_id`), as hash: it never changes, but only OAuth tells it.

Two fingerprints are compared by what both hold. Hashes, because STATE is stored and logged by other programs; salted,
so that they equal no other program's. Nothing secret enters them: neither the key nor the path of a webhook.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import urlsplit

STATE_KEY = "portal"
"""Where STATE holds the fingerprint, beside `bookmarks`."""
SCHEMA_KEY = "x-bitrix24-portal"
"""Where the JSON Schema of a SCHEMA message holds it: validators and other targets ignore keys with `x-`."""

_FORMER = "former_hosts"
_SALT = b"tap-bitrix24"
_HASH_BYTES = 16
_SHOWN_DIGITS = 8
_DEFAULT_PORTS = (None, 80, 443)

Facts = Mapping[str, str]
"""A fingerprint as it is stored: `host` and `member`, as far as known."""


@dataclass(frozen=True, slots=True)
class PortalFingerprint:
    """What is known of the portal that is read; the fields are hashes, empty if unknown."""

    host: str = ""
    member: str = ""
    former_hosts: frozenset[str] = frozenset()
    """Hosts the portal had before: of the setting `renamed_from`, or the one that redirected here."""

    @classmethod
    def from_json(cls, value: Any) -> Self:
        """Return the fingerprint in a SCHEMA message.

        Raises:
            ValueError: It is not one.
        """
        given = dict(value) if isinstance(value, Mapping) else {_FORMER: None}
        former, facts = given.pop(_FORMER, []), stored_facts(given)
        if not isinstance(former, list) or not all(isinstance(host, str) for host in former):
            msg = f"{_FORMER} of a portal's fingerprint is not a list of texts"
            raise ValueError(msg)
        return cls(facts.get("host", ""), facts.get("member", ""), frozenset(former))

    def to_json(self) -> dict[str, Any]:
        """Return it as a SCHEMA message holds it."""
        return {**self.facts, _FORMER: sorted(self.former_hosts)}

    @property
    def facts(self) -> dict[str, str]:
        """What is known, as it is stored."""
        return {name: value for name, value in (("host", self.host), ("member", self.member)) if value}

    def recognizes(self, stored: Facts) -> bool:
        """Return whether a stored fingerprint is not another portal's.

        A former host comes first: the operator, or the portal's own redirect, says that it is the same portal. Of the
        facts both hold, the portal's id decides before the host. Where nothing can be compared, nothing is refused.
        """
        if stored.get("host") in self.former_hosts:
            return True
        common = [name for name in ("member", "host") if stored.get(name) and self.facts.get(name)]
        return not common or stored[common[0]] == self.facts[common[0]]

    def updated(self, stored: Facts) -> dict[str, str]:
        """Return what to store in place of a recognized fingerprint: what is known now, and else what was."""
        return {**stored, **self.facts}

    def compared(self, stored: Facts) -> str:
        """Return a stored fingerprint and this one for an error's text, shortened."""
        return f"fingerprint {_shown(stored)}, this portal has {_shown(self.facts)}"


def portal_fingerprint(address: str, *, member_id: str = "", former: Iterable[str] = ()) -> PortalFingerprint:
    """Return the fingerprint of a portal.

    Args:
        address: Its host, with or without scheme, port and the path a self-hosted portal lies under; empty: unknown.
        member_id: Its own id, if a token names it.
        former: Addresses it had before.
    """
    host, formerly = _hash("host", _location(address)), {_hash("host", _location(each)) for each in former}
    return PortalFingerprint(host, _hash("member", member_id), frozenset(formerly - {host, ""}))


def stored_facts(value: Any) -> dict[str, str]:
    """Return the facts of a stored fingerprint.

    Raises:
        ValueError: It is not as `PortalFingerprint.updated` returns it.
    """
    if not isinstance(value, Mapping) or not all(isinstance(fact, str) for fact in value.values()):
        msg = "a portal's fingerprint is not an object of texts"
        raise ValueError(msg)
    return dict(value)


def _location(address: str) -> str:
    """Return host, port and path in one spelling: http or https, case, and a final slash make no other portal."""
    try:
        parts = urlsplit(address if "//" in address else f"//{address}")
        host = (parts.hostname or "").rstrip(".").encode("idna").decode()
        port = "" if parts.port in _DEFAULT_PORTS else f":{parts.port}"
    except ValueError:  # no address, but a service may call the portal by any name
        return address.lower()
    return f"{host}{port}{parts.path.rstrip('/')}" if host else ""


def _hash(kind: str, value: str) -> str:
    if not value:
        return ""
    return hashlib.blake2b(value.encode(), digest_size=_HASH_BYTES, salt=_SALT, person=kind.encode()).hexdigest()


def _shown(facts: Facts) -> str:
    return (facts.get("host") or facts.get("member") or "unknown")[:_SHOWN_DIGITS]

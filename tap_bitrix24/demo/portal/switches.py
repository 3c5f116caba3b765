"""Switches of the demo portal: behaviour that differs by version or portal (docs/protocol.md §9)."""

from typing import Any, Final, NamedTuple


class Switch(NamedTuple):
    """One switch: its values, the default first (none: a number, or free text), and what it decides."""

    values: tuple[str, ...]
    text: str


_TABLE: Final = """
user_get_prefixes new old | whether user.get knows filter keys with operators
user_get_no_count new old | whether user.get leaves out the count with start=-1
nested_batch refused allowed | a batch within a batch
auth_status source docs | HTTP statuses of authorization errors: those of the source, or documented ones
item_date_filter shifted exact iso_unread refused | how crm.item.list and stage history read date-times
item_links on off empty | whether items tell their clients in contactIds; empty: [] although contactId is set
list_gaps off on | lists in CRM rows and tasks have gaps, so that they come as objects with numeric keys
count_cap | highest total of classic lists; 0: no cap
error_code int string | type of the codes 100 and 0
last_login date datetime | LAST_LOGIN of user.get
query_limit_body json html | answer to too many requests
operating_limit 420 480 | seconds of operating time of a method
cloud on off | off: an on-premise portal, without limits
productrow_owner_arrays on off | whether crm.productrow.list takes several owners
v3 on off partial | REST 3.0; partial: some modules lack it
v3_expired code denied | answer of REST 3.0 to an expired token
site_docs yaml json broken none | OpenAPI document of the site
site_order id newest | order of the site's lists
site_beyond empty last | pages of the site's lists beyond the end
site_total pagination missing root | place of the total in the site's lists
vibe_search good window_errors truncated failed | searches over long ranges of dates
vibe_key active expired revoked ip waitlist | state of the VibeCode key
vibe_total good zero absent | totals of VibeCode lists; /aggregate is right anyway
vibe_single off on | a single row comes without a list
vibe_numbers number text | numbers in VibeCode tasks
vibe_history portal owner | ids of stage history: unique in the portal, or for each entity type
vibe_funnel0 told missing | whether VibeCode lists the first pipeline
vibe_offset breaks works | VibeCode offsets from 2,500 on
vibe_more off on | entities added to VibeCode recently
vibe_dates day midnight | date columns in UTC: midnight of UTC, or of the server's zone
vibe_items items smart-processes | the name by which /v1/me lists smart processes
vibe_rate | requests a second that the VibeCode key allows; 0: no limit
vibe_queue | length of the VibeCode queue; 0: no limit
oauth_application installed removed unpaid unknown | state of the application
oauth_consent given denied denied_with_redirect | what the user answers to the application
oauth_endpoint same moved | address of the portal after authorization
oauth_expires_in | seconds that tokens live; 0: an hour
oauth_redirect | address that the application is sent back to
oauth_spent_refresh refused grace | a refresh token used twice
"""


def _switches() -> dict[str, Switch]:
    """Return the switches of the table by name."""
    found = {}
    for line in _TABLE.strip().splitlines():
        head, _, text = line.partition("|")
        name, *values = head.split()
        found[name] = Switch(tuple(values), text.strip())
    return found


SWITCHES: Final = _switches()


def checked_switches(given: dict[str, Any]) -> dict[str, str]:
    """Return switches as text; an unknown name or value raises ValueError."""
    for name, value in given.items():
        known = SWITCHES.get(name)
        if known is None or (known.values and str(value) not in known.values):
            message = f"unknown switch {name}={value}"
            raise ValueError(message)
    return {name: str(value) for name, value in given.items()}


def default_switches() -> dict[str, str]:
    """Return the default value of every switch: the first of its values, ``0`` where it is a number."""
    return {name: one.values[0] if one.values else "0" for name, one in SWITCHES.items()}

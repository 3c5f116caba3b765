"""Which fields deals have: the documented ones and user fields of every type, or exactly as many as are asked for."""

from typing import Final

from tap_bitrix24.demo.company.fields import Field, entity_fields
from tap_bitrix24.demo.company.user_fields import every_type, many_types

FEWEST: Final = 10
MOST: Final = 300
_NEEDED_NAMES: Final = """
    ID TITLE STAGE_ID CATEGORY_ID DATE_CREATE DATE_MODIFY ASSIGNED_BY_ID OPPORTUNITY CURRENCY_ID COMPANY_ID
"""
_NEEDED: Final = tuple(_NEEDED_NAMES.split())
# Contacts as a list: classic rows never show them, so with a number of fields given deals do not have them.
_UNSHOWN: Final = "CONTACT_IDS"
_NAMED: Final = ("UF_CRM_", 1_700_000_001)


def deal_fields(count: int | None) -> tuple[dict[str, Field], list[Field]]:
    """Return the standard and the user fields of deals.

    With a ``count``, classic rows show exactly so many. The documented fields come first, of those the ones that
    nothing works without; what is left are user fields of all types.
    """
    standard = entity_fields("deal")
    if count is None:
        return standard, every_type(*_NAMED)
    if not FEWEST <= count <= MOST:
        message = f"deals have from {FEWEST} to {MOST} fields, not {count}"
        raise ValueError(message)
    others = [name for name in standard if name not in {*_NEEDED, _UNSHOWN}]
    kept = {*_NEEDED, *others[: count - len(_NEEDED)]}
    return {name: one for name, one in standard.items() if name in kept}, many_types(*_NAMED, count - len(kept))

"""The fields of deals: the documented ones and user fields of every type, or an exact number of fields."""

from typing import Final

from tap_bitrix24.demo.company.fields import Field, entity_fields
from tap_bitrix24.demo.company.user_fields import every_type, many_types

MIN_FIELDS: Final = 10
MAX_FIELDS: Final = 300
_REQUIRED_NAMES: Final = """
    ID TITLE STAGE_ID CATEGORY_ID DATE_CREATE DATE_MODIFY ASSIGNED_BY_ID OPPORTUNITY CURRENCY_ID COMPANY_ID
"""
_REQUIRED: Final = tuple(_REQUIRED_NAMES.split())
# Classic rows never show the list of contacts, so deals with a given number of fields do not have it.
_HIDDEN: Final = "CONTACT_IDS"
_USER_FIELDS: Final = ("UF_CRM_", 1_700_000_001)


def deal_fields(count: int | None) -> tuple[dict[str, Field], list[Field]]:
    """Return the standard and the user fields of deals.

    With a ``count``, classic rows have exactly that many: documented fields first, the indispensable ones before
    others, then user fields of all types.
    """
    standard = entity_fields("deal")
    if count is None:
        return standard, every_type(*_USER_FIELDS)
    if not MIN_FIELDS <= count <= MAX_FIELDS:
        message = f"deals have from {MIN_FIELDS} to {MAX_FIELDS} fields, not {count}"
        raise ValueError(message)
    others = [name for name in standard if name not in {*_REQUIRED, _HIDDEN}]
    kept = {*_REQUIRED, *others[: count - len(_REQUIRED)]}
    return {name: one for name, one in standard.items() if name in kept}, many_types(*_USER_FIELDS, count - len(kept))

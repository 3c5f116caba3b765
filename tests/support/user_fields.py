"""The types of user fields the demo portal has, as the vendor names them."""

USER_FIELD_TYPES = frozenset(
    {
        "string",
        "integer",
        "double",
        "boolean",
        "date",
        "datetime",
        "enumeration",
        "money",
        "url",
        "address",
        "file",
        "employee",
        "crm",
        "crm_status",
        "iblock_element",
        "iblock_section",
        "resourcebooking",
    }
)

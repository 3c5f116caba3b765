"""Lists of the demo portal that are data: one :class:`~tap_bitrix24.demo.rest_v2.lists.entry.Entry` for each method."""

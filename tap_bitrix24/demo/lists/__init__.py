"""Lists of the demo portal that are data: one :class:`~tap_bitrix24.demo.lists.entry.Entry` for each method."""

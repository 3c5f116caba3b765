"""Singer tap for Bitrix24."""

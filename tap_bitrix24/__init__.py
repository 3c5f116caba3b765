"""Singer tap for Bitrix24: every row of a portal as typed Singer records."""

__version__ = "0.1.0"

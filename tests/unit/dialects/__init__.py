"""Tests of the modules in `tap_bitrix24.dialects`."""

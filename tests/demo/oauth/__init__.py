"""Tests of `tap_bitrix24.demo.oauth`."""

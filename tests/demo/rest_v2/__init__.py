"""Tests of `tap_bitrix24.demo.rest_v2`."""

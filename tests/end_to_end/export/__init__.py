"""Tests of `bitrix24-export`: the command as a user runs it."""

"""How VibeCode differs from classic REST: columns, values, and lists that it does not have. For the documentation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

DIFFERENCES: Sequence[tuple[str, str, str, str]] = (
    ("deals, leads, quotes", "`opportunity`, `currency_id`", "`amount`, `currency`", "the same values"),
    ("deals, quotes", "`date_create`, `date_modify`", "`created_at`, `updated_at`", "the same moments"),
    (
        "leads, contacts, companies",
        "`date_create`, `date_modify`",
        "`created_time`, `updated_time`",
        "the same moments",
    ),
    ("crm_activities", "`created`, `last_updated`", "`created_at`, `updated_at`", "the same moments"),
    ("requisites", "`date_create`, `date_modify`", "`created_at`, `updated_at`", "the same moments"),
    ("products", "`timestamp_x`", "`created_at`", "a date of change, whatever its name says"),
    ("deals, quotes", "`closedate`, `is_return_customer`", "`closed_at`, `is_returning`", "`closed_at` is a date-time"),
    ("CRM", "`created_by_id`, `modify_by_id`", "`created_by`, `updated_by`", "the same values"),
    ("contacts, companies", "`phone`, `email`, `web` …", "`fm`", "all of them in one list"),
    ("currencies", "`currency`", "`id`", "the same codes"),
    ("users", "`uf_department`", "`department_id`", "the same ids"),
    ("departments", "`parent`, `uf_head`", "`parent_id`, `head_id`", "the same ids"),
    ("task_comments", "`post_message`, `post_date`", "`message`, `created_at`", "the same values"),
    (
        "workgroups",
        "`number_of_members`",
        "`members_count`",
        "rows of `workgroups_classic`; archived groups are missing",
    ),
    ("all", "Y/N flags", "true, false", "booleans through both connections"),
)
"""Streams, their columns by REST, the columns here, and how the values compare."""

NOT_LISTED: Mapping[str, str] = {
    "calendar_events": "one event by its id; its page has no list",
    "calls": "the service does not say how the pages of its statistics are turned",
    "disk_storage_children, disk_folder_children": "one folder at a time; how folders are asked for is not documented",
    "archived workgroups": "their list leaves them out",
    "list_elements": "the service describes their fields, and has no rows",
    "chats, messages": "the latest only, and those of the key's owner",
    "bizproc_workflow_templates": "for applications that a user has signed in to",
    "bizproc activities and robots": "codes the calling application has registered",
    "open line sessions, landing blocks, BI connector, REST 3.0": "the service has no such lists",
}
"""What is not read through VibeCode, and why."""

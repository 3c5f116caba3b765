"""Rows of REST 3.0, made of the same company as those of classic REST: tasks, users and results are the same."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from tap_bitrix24.demo.company.timestamps import server_iso
from tap_bitrix24.demo.portal.state import Portal
from tap_bitrix24.demo.rest_v2.api import classic_rest

Row = dict[str, Any]
HOUR: Final = 3600
DAY: Final = 24 * HOUR
_STATUSES: Final = ("pending", "pending", "pending", "in_progress", "supposedly_completed", "completed", "deferred")
_PRIORITIES: Final = ("low", "average", "high")
_LINKS: Final = ("start_start", "start_finish", "finish_start", "finish_finish")


def _view(portal: Portal, form: str, name: str) -> list[Row]:
    view = classic_rest(portal).view(form, name)
    return [view.row(number) for number in view.table.ids]


def _number(value: Any) -> int | None:
    return int(value) if value not in (None, "", False) else None


def _people(portal: Portal) -> list[int]:
    return list(portal.company.tables["users"].ids)


def _start(portal: Portal) -> int:
    """Return the moment before which all generated times lie; it does not move with the portal's clock."""
    return portal.company.seeds.anchor


def tasks(portal: Portal) -> list[Row]:
    """Return the tasks of classic REST in the form of REST 3.0."""
    return [_task(row) for row in _view(portal, "tasks", "tasks")]


def _task(row: Row) -> Row:
    group = _number(row.get("groupId"))
    return {
        "id": int(row["id"]),
        "title": row["title"],
        "description": row.get("description"),
        "creatorId": _number(row.get("createdBy")),
        "created": row.get("createdDate"),
        "responsibleId": _number(row.get("responsibleId")),
        "responsible": {"id": _number(row.get("responsibleId")), "name": (row.get("responsible") or {}).get("name")},
        "deadline": row.get("deadline"),
        "groupId": group or None,
        "priority": _PRIORITIES[int(row.get("priority") or 1) % 3],
        "status": _STATUSES[int(row.get("status") or 2) % 7],
        "changed": row.get("changedDate"),
        "closed": row.get("closedDate"),
        "isMultitask": row.get("multitask") == "Y",
    }


def results(portal: Portal) -> list[Row]:
    """Return the task results of classic REST."""
    return [
        {
            "id": int(row["id"]),
            "taskId": int(row["taskId"]),
            "text": row["text"],
            "authorId": int(row["createdBy"]),
            "author": {"id": int(row["createdBy"]), "name": "…"},
            "createdAt": row["createdAt"],
            "updatedAt": row["updatedAt"],
            "status": "closed" if int(row["status"]) else "open",
            "fileIds": row["files"] or None,
            "messageId": _number(row["commentId"]),
        }
        for row in _view(portal, "list task_results", "task_results")
    ]


def links(portal: Portal) -> list[Row]:
    """Return the links between tasks: every fourth task depends on one or two before it."""
    ids = list(portal.company.tables["tasks"].ids)
    return [
        {"taskId": task, "dependentId": ids[place - back], "type": _LINKS[(task + back) % 4], "creatorId": 1}
        for place, task in enumerate(ids)
        if not (place + 1) % 4
        for back in range(1, 2 + place % 2)
    ]


def events(portal: Portal) -> list[Row]:
    """Return the event log: two events for each deal and some more, ids with gaps."""
    people, start = _people(portal), _start(portal)
    count = 2 * len(portal.company.tables["deals"]) + 700
    return [
        {
            "id": number * 3 + number % 2,
            "timestampX": server_iso(start - (count + 1 - number) * 701),
            "severity": ("INFO", "SECURITY", "WARNING")[number % 3],
            "auditTypeId": ("USER_AUTHORIZE", "USER_LOGOUT", "MODULE_EVENT")[number % 3],
            "moduleId": "main",
            "itemId": str(people[number % len(people)]),
            "remoteAddr": f"10.0.{number % 256}.{number * 7 % 256}",
            "userAgent": None if number % 11 == 0 else 'Mozilla/5.0 (Иван\'s "box")',
            "requestUri": "/auth/",
            "siteId": "s1" if number % 5 else None,
            "userId": people[number % len(people)],
            "guestId": None,
            "description": '{"reason":"вход"}' if number % 3 == 0 else None,
        }
        for number in range(1, count + 1)
    ]


def records(portal: Portal) -> list[Row]:
    """Return working days: 60 to 90 of each user, the last one still open."""
    start = _start(portal)
    rows: list[Row] = []
    for person in _people(portal):
        days = 60 + person % 31
        for back in range(days, 0, -1):
            began = start - back * DAY + person % 7 * 600
            is_open = back == 1
            rows.append(
                {
                    "id": len(rows) * 2 + 1,
                    "userId": person,
                    "startTime": server_iso(began),
                    "endTime": None if is_open else server_iso(began + 8 * HOUR),
                    "duration": 0 if is_open else 8 * HOUR - 1800,
                    "breakLength": 1800,
                    "state": "opened" if is_open else "closed",
                    "isApproved": back % 9 != 0,
                }
            )
    return rows


def nodes(portal: Portal) -> list[Row]:
    """Return the departments of classic REST, and teams; they have ids of their own."""
    departments = _view(portal, "departments", "departments")
    made = server_iso(_start(portal) - 900 * DAY)
    common: Row = {"structureId": 1, "colorName": None, "xmlId": None, "createdAt": made, "updatedAt": made}
    found: list[Row] = [
        {
            "id": 100 + int(row["ID"]),
            "name": row["NAME"],
            "type": "DEPARTMENT",
            "parentId": 100 + int(row["PARENT"]) if row.get("PARENT") else None,
            "description": None,
            "accessCode": f"DR{row['ID']}",
            **common,
        }
        for row in departments
    ]
    teams = len(_people(portal)) // 4
    found += [
        {
            "id": 500 + number,
            "name": f"Команда {number}",
            "type": "TEAM",
            "parentId": found[number % len(departments)]["id"],
            "description": "по проекту" if number % 2 else None,
            "accessCode": f"SNT{number}",
            **common,
            "colorName": "blue",
        }
        for number in range(1, teams + 1)
    ]
    for node in found:
        node["members"] = _members(portal, node)
        node["userCount"] = len(node["members"])
    return found


def _members(portal: Portal, node: Row) -> list[Row]:
    kind, number = node["type"], node["id"]
    chosen = [person for person in _people(portal) if (person + number) % (3 if kind == "TEAM" else 4) == 0]
    return [
        {
            "userId": person,
            "name": f"Person {person}",
            "workPosition": "инженер" if person % 2 else "",
            "role": "HEAD" if place == 0 else "EMPLOYEE",
            "avatar": None,
            "url": f"/company/personal/user/{person}/",
        }
        for place, person in enumerate(chosen)
    ]


def mailboxes(portal: Portal) -> list[Row]:
    """Return the caller's mailboxes."""
    del portal
    return [
        {"id": number, "name": f"Ящик {number}", "email": f"box{number}@example.com", "senderName": "Sales"}
        for number in (1, 4)
    ]


def letters(portal: Portal) -> list[Row]:
    """Return the messages of the mailboxes, latest first."""
    start = _start(portal)
    return [
        {
            "id": 5_000 - number,
            "mailboxId": 1 if number % 3 else 4,
            "mailboxEmail": f"box{1 if number % 3 else 4}@example.com",
            "subject": f"Счёт №{number}" if number % 2 else "Re: offer",
            "from": "a@example.org",
            "to": "box1@example.com",
            "cc": "",
            "date": server_iso(start - number * 4_001),
            "isSeen": number % 4 != 0,
            "hasAttachments": number % 5 == 0,
            "url": f"/mail/message/{5_000 - number}",
            "bindings": [],
            "body": "Добрый день",
        }
        for number in range(1, 751)
    ]


def _utc(moment: int) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def collections(portal: Portal) -> list[Row]:
    """Return collections of notes, by position."""
    made = _utc(_start(portal) - 40 * DAY)
    return [
        {
            "id": 300 - number,
            "name": f"База {number}",
            "position": number // 2,
            "policyLevel": "view",
            "createdBy": 1,
            "createdAt": made,
            "updatedBy": 1,
            "updatedAt": made,
        }
        for number in range(1, 251)
    ]


def documents(portal: Portal) -> list[Row]:
    """Return notes: four in each of the first fifty collections, some of them nested."""
    made = _utc(_start(portal) - 30 * DAY)
    return [
        {
            "id": number,
            "collectionId": 299 - (number - 1) // 4,
            "parentId": number - 1 if number % 4 in (2, 3) else None,
            "title": f"Документ {number}",
            "markdown": f'# Документ {number}\n\n- "кавычки" и 😀',
            "position": number % 4 + 1,
            "createdBy": 1,
            "updatedBy": 1,
            "createdAt": made,
            "updatedAt": made,
        }
        for number in range(1, 201)
    ]


def followups(portal: Portal) -> list[Row]:
    """Return the follow-ups of calls; several calls begin in the same second."""
    start = _start(portal)

    def moment(seconds: int) -> str:
        return datetime.fromtimestamp(seconds, UTC).isoformat()

    return [
        {
            "callId": number,
            "callType": number % 2 + 1,
            "initiatorId": _people(portal)[number % 5],
            "startDate": moment(start - (130 - number) // 3 * 3 * HOUR),
            "endDate": moment(start - (130 - number) // 3 * 3 * HOUR + 300),
            "durationSeconds": 300,
            "uuid": f"u-{number}",
            "language": "ru",
            "version": 2,
            "participants": [{"userId": 1}],
            "outcomes": [],
            "createdAt": None if number % 4 == 0 else moment(start - 60),
            "tracks": [],
            "transcription": {"lines": [{"text": "Алло"}]},
            "overview": None if number % 4 == 0 else {"topic": "цена"},
            "summary": None,
            "insights": None,
            "evaluation": None,
        }
        for number in range(1, 121)
    ]


GENERATED: Final[dict[str, Callable[[Portal], list[Row]]]] = {
    "events": events,
    "records": records,
    "nodes": nodes,
    "mailboxes": mailboxes,
    "letters": letters,
    "collections": collections,
    "documents": documents,
    "followups": followups,
}
"""Tables whose rows never change: generated once."""
FROM_COMPANY: Final[dict[str, Callable[[Portal], list[Row]]]] = {"tasks": tasks, "results": results, "links": links}
"""Tables made from the company, which changes."""


DOCUMENTED: Final = {
    "nodes": "humanresources.node.list",
    "mailboxes": "mail.mailbox.list",
    "documents": "note.document.tree.list",
    "events": "main.eventlog.list",
    "records": "timeman.record.list",
    "letters": "mail.message.list",
    "collections": "note.collection.list",
    "followups": "call.followup.list",
    "results": "tasks.task.result.list",
    "links": "tasks.task.gantt.link.list",
}
"""Table → the method whose documented answer shows its rows."""


def documented(portal: Portal, name: str) -> list[Row]:
    """Return the rows of the documented answer, nested ones flattened; empty without one."""
    path = portal.samples / f"{DOCUMENTED[name]}.json" if portal.samples and name in DOCUMENTED else None
    if path is None or not path.is_file():
        return []
    answers = json.loads(path.read_text(encoding="utf-8"))["responses"]
    shown = [each["body"]["result"] for each in answers if each.get("v3")]
    extra: Row = {"members": []} if name == "nodes" else {}  # documented with a single node only
    return [{**extra, **row} for result in shown for row in _flat(result["items"])]


def _flat(rows: list[Row]) -> list[Row]:
    found: list[Row] = []
    for row in rows:
        found += [{name: value for name, value in row.items() if name != "children"}, *_flat(row.get("children") or [])]
    return found


def table(portal: Portal, name: str) -> list[Row]:
    """Return the rows of a table."""
    if rows := portal.kept(f"documented {name}", lambda each: documented(each, name)):
        return rows
    if name in FROM_COMPANY:
        return FROM_COMPANY[name](portal)
    made = portal.kept(f"rest3 {name}", GENERATED[name])
    return made + _of_documented(portal, made) if name == "collections" else made


def _of_documented(portal: Portal, made: list[Row]) -> list[Row]:
    """Return the collections of documented notes that no documented answer shows."""
    numbers = {row["collectionId"] for row in documented(portal, "documents")} - {row["id"] for row in made}
    return [{**made[0], "id": number} for number in sorted(numbers)]

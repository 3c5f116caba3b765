"""Telephones, open lines, chats and the news feed: what is special about each (docs/protocol.md §4.6, §6)."""

import pytest

from tests.demo.wire import Wire, ids

# Telephones


def test_lines_tell_their_passwords_and_not_the_id_they_can_be_filtered_by(portal: Wire) -> None:
    rows = portal.truth("sip_lines")
    listed = portal.result("voximplant.sip.get", {"SORT": "CONFIG_ID", "ORDER": "ASC"})
    assert ids(listed, "CONFIG_ID") == ids(rows, "CONFIG_ID")
    assert all(row["PASSWORD"] and row["INCOMING_PASSWORD"].endswith(row["PASSWORD"]) for row in listed)
    assert not any("ID" in row for row in listed)
    second = portal.result("voximplant.sip.get", {"FILTER": {"ID": rows[1]["ID"]}})
    assert ids(second, "CONFIG_ID") == [int(rows[1]["CONFIG_ID"])]


def test_people_s_telephones_are_asked_for_many_people_at_once(portal: Wire) -> None:
    people = ids(portal.truth("users"))
    listed = portal.result("voximplant.user.get", {"USER_ID": people[:3]})
    assert ids(listed) == people[:3]
    assert {row["SIP_PASSWORD"] is None for row in portal.truth("telephony_users")} == {True, False}
    assert ids(portal.result("voximplant.user.get", {"USER_ID": people[1]})) == [people[1]]
    assert portal.call("voximplant.user.get").error == (400, "ERROR_ARGUMENT")


# Open lines


def test_chats_of_an_item_are_the_active_ones_unless_all_are_wanted(portal: Wire) -> None:
    rows = [row for row in portal.truth("openline_crm_chats") if row["CRM_ENTITY_TYPE"] == "deal"]
    over = next(row for row in rows if row["ACTIVE"] == "N")
    asked = {"CRM_ENTITY_TYPE": "deal", "CRM_ENTITY": over["CRM_ENTITY"]}
    every = portal.result("imopenlines.crm.chat.get", {**asked, "ACTIVE_ONLY": "N"})
    active = portal.result("imopenlines.crm.chat.get", asked)
    assert ids(every, "CHAT_ID") == [int(row["CHAT_ID"]) for row in rows if row["CRM_ENTITY"] == over["CRM_ENTITY"]]
    assert over["CHAT_ID"] not in {row["CHAT_ID"] for row in active}
    assert set(every[0]) == {"CHAT_ID", "CONNECTOR_ID", "CONNECTOR_TITLE"}
    lead = portal.result("imopenlines.crm.chat.get", {**asked, "CRM_ENTITY_TYPE": "company", "ACTIVE_ONLY": "N"})
    assert not {row["CHAT_ID"] for row in lead} & {row["CHAT_ID"] for row in every}
    assert portal.call("imopenlines.crm.chat.get", {"CRM_ENTITY_TYPE": "deal"}).error == (400, "ERROR_ARGUMENT")


def test_sessions_are_told_by_activities_and_their_messages_keyed_by_id(portal: Wire) -> None:
    reply = portal.result("crm.activity.list", {"filter": {"PROVIDER_ID": "IMOPENLINES_SESSION"}})
    rows = portal.truth("openline_messages")
    assert {row["ASSOCIATED_ENTITY_ID"] for row in reply} == {row["SESSION"] for row in rows}
    session = reply[0]["ASSOCIATED_ENTITY_ID"]
    answer = portal.result("imopenlines.session.history.get", {"SESSION_ID": session})
    wanted = [row for row in rows if row["SESSION"] == session]
    assert list(answer["message"]) == [row["id"] for row in wanted]
    assert answer["message"][wanted[0]["id"]]["params"] == []
    assert set(answer["users"]) == {row["senderid"] for row in wanted}
    missing = portal.call("imopenlines.session.history.get")
    assert missing.error == (400, "MISSING_REQUIRED_PARAM")


def test_dates_of_lines_are_objects_without_anything_in_them_yet_can_be_filtered(portal: Wire) -> None:
    listed = portal.result("imopenlines.config.list.get", {"PARAMS": {"limit": 200}})
    assert all(row["DATE_MODIFY"] == {} == row["DATE_CREATE"] for row in listed)
    none = {"PARAMS": {"filter": {">DATE_MODIFY": "2099-01-01T00:00:00+00:00"}}}
    assert portal.result("imopenlines.config.list.get", none) == []


# Chats


def test_recent_chats_are_groups_and_talks_of_two(portal: Wire) -> None:
    answer = portal.result("im.recent.list", {"LIMIT": 4})
    assert [row["id"] for row in answer["items"]] == ["chat1", "chat2", "chat3", "1"]
    assert answer["hasMorePages"] is True
    assert "total" not in answer
    rest = portal.result("im.recent.list", {"LIMIT": 200, "OFFSET": 4})["items"]
    assert len(rest) == len(portal.truth("im_chats")) - 4
    talk = portal.result("im.dialog.messages.get", {"DIALOG_ID": "1", "FIRST_ID": 0})["messages"]
    assert {row["chat_id"] for row in talk} <= {answer["items"][3]["chat_id"]}


def test_members_of_a_chat_are_bare_numbers_or_people(portal: Wire) -> None:
    members = portal.result("im.chat.user.list", {"CHAT_ID": 2})
    assert members == [row["USER"] for row in portal.truth("im_chat_users") if row["CHAT"] == 2]
    assert portal.call("im.chat.user.list", {"CHAT_ID": 999}).error == (403, "ACCESS_ERROR")
    rows = [row for row in portal.truth("im_dialog_users") if row["DIALOG"] == "chat9"]
    people = portal.result("im.dialog.users.list", {"DIALOG_ID": "chat9", "LIMIT": 200})
    assert ids(people, "id") == ids(rows, "id")
    assert {type(row["desktop_last_date"]) for row in portal.truth("im_dialog_users")} == {bool, str}
    assert portal.result("im.dialog.users.list", {"DIALOG_ID": "chat9", "LIMIT": 1, "OFFSET": 1}) == people[1:2]
    assert portal.call("im.dialog.users.list").error == (400, "DIALOG_ID_EMPTY")


# The news feed


def test_posts_come_newest_first_by_start_and_their_ids_are_no_cursor(portal: Wire) -> None:
    wanted = ids(portal.truth("feed_posts"))[::-1]
    seen = [number for start in (0, 50, 100) for number in portal.ids("log.blogpost.get", {"start": start})]
    assert seen == wanted
    entry = int(portal.truth("feed_posts")[3]["LOG"])
    assert portal.ids("log.blogpost.get", {"FIRST_ID": entry}) == wanted[:50]
    assert portal.ids("log.blogpost.get", {"FIRST_ID": wanted[0]}) == wanted[:50]  # every entry's id is beyond it
    files = [row["FILES"] for row in portal.truth("feed_posts")]
    assert {str(one) for one in files if not one} == {"None", "[]", "False"}
    assert all("auth[ap]=" in one[0]["urlDownload"] for one in files if one)


@pytest.mark.parametrize("size", [100, 7])
def test_comments_go_forwards_from_first_id_with_their_files_beside_them(portal: Wire, size: int) -> None:
    rows = portal.truth("feed_comments")
    user = max({row["USER_ID"] for row in rows}, key=lambda one: sum(row["USER_ID"] == one for row in rows))
    wanted = ids([row for row in rows if row["USER_ID"] == user], "id")
    seen: list[int] = []
    files: set[str] = set()
    asked = {"USER_ID": user, "LIMIT": size}
    while (page := portal.result("log.blogcomment.user.get", {**asked, "FIRST_ID": seen[-1] if seen else 0}))[
        "comments"
    ]:
        assert len(page["comments"]) <= size
        seen += ids(page["comments"], "id")
        files |= set(page["files"])
    assert seen == wanted
    assert files == {str(number) for row in rows if row["USER_ID"] == user for number in row["attach"]}
    assert portal.call("log.blogcomment.user.get", {"USER_ID": 999}).error == (400, "ACCESS_DENIED")


def test_queues_of_lines_are_shown_to_those_who_ask_for_them(portal: Wire) -> None:
    queues = {"QUEUE", "QUEUE_USERS_FIELDS", "CONFIG_QUEUE"}
    plain = portal.result("imopenlines.config.list.get", {"PARAMS": {"limit": 1}})
    assert not queues & set(plain[0])
    asked = {"PARAMS": {"limit": 1}, "OPTIONS": {"QUEUE": "Y", "CONFIG_QUEUE": "Y"}}
    (line,) = portal.result("imopenlines.config.list.get", asked)
    assert queues < set(line)
    assert set(line["QUEUE_USERS_FIELDS"]) == {str(line["QUEUE"][0])}

"""The disk: storages of people, groups and the company, folders in folders, versions of files."""

from collections.abc import Callable, Iterator
from itertools import count
from typing import Any, Final

from tap_bitrix24.demo.company.seeds import Seeds
from tap_bitrix24.demo.company.store import Row
from tap_bitrix24.demo.rest_v2.lists.entry import Entry, Owner, ParentParameter, Refusal
from tap_bitrix24.demo.rest_v2.lists.request import ListRequest
from tap_bitrix24.demo.rest_v2.lists.row_format import text_or_omitted
from tap_bitrix24.demo.rest_v2.lists.row_values import fixed, one_of

_FOLDERS: Final = ("Договоры", "Photos & video", "2026", "Neuer Ordner", "Пустая")
_FILES: Final = ("смета.xlsx", "Offer (final).docx", "logo.png", "Übersicht 50%.pdf")
_FULL: Final = 57
_DEPTH: Final = 3
_BAD: Final = Refusal("ERROR_ARGUMENT", "Invalid value of parameter {Parameter #0}")
_UNKNOWN: Final = Refusal("ERROR_NOT_FOUND", "Could not find entity with id `0`.")
_OBJECT: Final = """
    ID:integer* NAME:string! CODE:string STORAGE_ID:integer* TYPE:enum* REAL_OBJECT_ID:integer* PARENT_ID:integer*
    DELETED_TYPE:enum* GLOBAL_CONTENT_VERSION:integer* FILE_ID:integer* SIZE:integer* CREATE_TIME:datetime*
    UPDATE_TIME:datetime* DELETE_TIME:datetime* CREATED_BY:integer*>users UPDATED_BY:integer*>users
    DELETED_BY:integer* DOWNLOAD_URL:string* DETAIL_URL:string*
"""
_OF_FOLDERS: Final = frozenset(("REAL_OBJECT_ID",))
_OF_FILES: Final = frozenset(("GLOBAL_CONTENT_VERSION", "FILE_ID", "SIZE", "DOWNLOAD_URL"))


def _storages(seeds: Seeds) -> list[Row]:
    """Return the storages: one for each user, the common one, that of a group."""
    owners = [("user", str(number), f"User {number}") for number in list(seeds.initial_ids["users"])[:5]]
    owners += [("common", "shared_files_s1", "Общий диск"), ("group", "3", 'Group "3"')]
    return [
        {
            "ID": 2 * place + 13,
            "NAME": name,
            "CODE": "shared" if kind == "common" else None,
            "MODULE_ID": "disk",
            "ENTITY_TYPE": kind,
            "ENTITY_ID": number,
            "ROOT_OBJECT_ID": 21 + 10 * place,
        }
        for place, (kind, number, name) in enumerate(owners)
    ]


def _objects(seeds: Seeds) -> list[Row]:
    """Return all folders and files; ids ascend depth first."""
    numbers = count(101)
    return [
        row
        for place, storage in enumerate(_storages(seeds))
        for row in _folder(numbers, storage, storage["ROOT_OBJECT_ID"], place, 0)
    ]


def _folder(numbers: Iterator[int], storage: Row, parent: int, place: int, depth: int) -> Iterator[Row]:
    """Return the content of one folder: folders first, then files; one folder has more than a page."""
    for index in range(1 + (place + depth) % 3 if depth < _DEPTH else 0):
        folder = _object(2 * next(numbers), storage, parent, depth)
        name = _FOLDERS[(place + index + depth) % len(_FOLDERS)]
        yield {**folder, "NAME": name, "TYPE": "folder", "REAL_OBJECT_ID": folder["ID"]}
        yield from _folder(numbers, storage, folder["ID"], place + index + 1, depth + 1)
    full = storage["ENTITY_TYPE"] == "common" and parent == storage["ROOT_OBJECT_ID"]
    for index in range(_FULL if full else (place + depth) % 4):
        file = _object(2 * next(numbers) + 1, storage, parent, depth)
        link = f"https://demo.example/rest/download.json?auth=s3cr3t&token=disk%7C{file['ID']}"
        yield {
            **file,
            "NAME": _FILES[index % len(_FILES)],
            "TYPE": "file",
            "GLOBAL_CONTENT_VERSION": _versions(file["ID"]),
            "FILE_ID": 5000 + file["ID"],
            "SIZE": 0 if index % 7 == 1 else file["ID"] * 1013,
            "DOWNLOAD_URL": link,
        }


def _object(number: int, storage: Row, parent: int, depth: int) -> Row:
    """Return a folder or file; columns it does not have are left out."""
    return {
        **dict.fromkeys(_OF_FOLDERS | _OF_FILES),
        "ID": number,
        "ROOT_OF": 0 if depth else storage["ID"],
        "STORAGE_ID": storage["ID"],
        "PARENT_ID": parent,
        "DETAIL_URL": f"https://demo.example/docs/path/{number}/",
    }


def _versions(number: int) -> int:
    """Return the number of versions of an object: one to three of files (odd ids), none of folders."""
    return number % 2 * (1 + number // 2 % 3)


def _without(names: frozenset[str]) -> Callable[[ListRequest, dict[str, Any]], dict[str, Any]]:
    """Return the field list of folders or of files, without the columns of the other."""
    return lambda _, shown: {name: facts for name, facts in shown.items() if name not in names}


ENTRIES: Final = (
    Entry(
        method="disk.storage.getList",
        table="disk_storages",
        scope="disk",
        columns="""
            ID:integer NAME:string CODE:string MODULE_ID:string ENTITY_TYPE:string ENTITY_ID:string
            ROOT_OBJECT_ID:integer
        """,
        rows=_storages,
        selects=False,
        fields_method="disk.storage.getFields",
        fields_shape="disk",
    ),
    Entry(
        method="disk.storage.getChildren",
        table="disk_objects",
        scope="disk",
        columns=f"ROOT_OF:integer~ {_OBJECT}",
        rows=_objects,
        created="CREATE_TIME",
        modified="UPDATE_TIME",
        values={
            "CODE": fixed(None),
            "DELETED_TYPE": fixed(0),
            "DELETE_TIME": fixed(None),
            "DELETED_BY": one_of(0, None),
        },
        formats=dict.fromkeys((*_OF_FOLDERS, *_OF_FILES), text_or_omitted),
        parents=(ParentParameter(path="id", column="ROOT_OF", missing=_BAD, unknown=_UNKNOWN, table="disk_storages"),),
        selects=False,
        fields_method="disk.folder.getFields",
        fields_shape="disk",
        describe=_without(_OF_FILES),
    ),
    Entry(
        method="disk.folder.getChildren",
        table="disk_objects",
        scope="disk",
        parents=(ParentParameter(path="id", column="PARENT_ID", missing=_BAD),),
        selects=False,
        fields_method="disk.file.getFields",
        fields_shape="disk",
        describe=_without(_OF_FOLDERS),
    ),
    Entry(
        method="disk.file.getVersions",
        table="disk_file_versions",
        scope="disk",
        columns="""
            ID:integer OBJECT_ID:integer SIZE:integer NAME:string GLOBAL_CONTENT_VERSION:integer CREATE_TIME:datetime
            CREATED_BY:integer>users DOWNLOAD_URL:string
        """,
        owners=(Owner(table="disk_objects"),),
        owner_column="OBJECT_ID",
        per=lambda _, number: _versions(number),
        created="CREATE_TIME",
        values={
            "NAME": one_of(*_FILES),
            "GLOBAL_CONTENT_VERSION": lambda draft: draft.place + 1,
            "CREATE_TIME": lambda draft: draft.created,
            "DOWNLOAD_URL": lambda draft: (
                f"https://demo.example/rest/download.json?auth=s3cr3t&token=disk%7Cversion{draft.number}&signature=abc%3D"
            ),
        },
        parents=(ParentParameter(path="id", column="OBJECT_ID", missing=_BAD, unknown=_UNKNOWN, table="disk_objects"),),
        selects=False,
        order="none",
        default_order=(("ID", True),),
    ),
)

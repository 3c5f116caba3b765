"""Objects of REST 3.0: fields with types, and whether they can be filtered and ordered by."""

from dataclasses import dataclass
from typing import Any, Final

from tap_bitrix24.demo.rest_v3.errors import unknown_field


@dataclass(frozen=True)
class Property:
    """One field. ``kind``: int, string, bool, array, datetime, enum, relation or date_text (a date called string)."""

    name: str
    kind: str
    filterable: bool = False
    sortable: bool = False
    unmapped: bool = False
    """Declared but not filled by the list: absent from answers without an error."""

    @property
    def listed(self) -> str:
        """Return the type as ``*.field.list`` has it: dates, enums and relations are objects."""
        return {"date_text": "string", "datetime": "object", "enum": "object", "relation": "object"}.get(
            self.kind, self.kind
        )

    def accepts(self, value: Any) -> bool:
        """Return whether a value has exactly the field's JSON type."""
        if self.kind == "int":
            return isinstance(value, int) and not isinstance(value, bool)
        return isinstance(value, bool if self.kind == "bool" else str)


Properties = dict[str, Property]


def _properties(text: str) -> Properties:
    """Return fields declared as ``id:int:fs``: f filterable, s sortable, u unmapped."""
    found = [(*each.split(":"), "")[:3] for each in text.split()]
    return {name: Property(name, kind, "f" in marks, "s" in marks, "u" in marks) for name, kind, marks in found}


OBJECTS: Final[dict[str, Properties]] = {
    "tasks.task": _properties(
        "id:int:fs title:string description:string creatorId:int created:datetime responsibleId:int "
        "responsible:relation deadline:datetime groupId:int stageId:int:u priority:enum status:enum changed:datetime "
        "closed:datetime isMultitask:bool fileIds:array:u"
    ),
    "tasks.task.result": _properties(
        "id:int:fs taskId:int:f text:string authorId:int:fs author:relation createdAt:datetime:s updatedAt:datetime:s "
        "status:enum:fs fileIds:array messageId:int:fs"
    ),
    "tasks.task.gantt.link": _properties("taskId:int:f dependentId:int type:enum creatorId:int"),
    "main.eventlog": _properties(
        "id:int:fs timestampX:datetime:fs severity:string auditTypeId:string:fs moduleId:string itemId:string "
        "remoteAddr:string userAgent:string requestUri:string siteId:string userId:int:fs guestId:int:fs "
        "description:string"
    ),
    "timeman.record": _properties(
        "id:int:s userId:int:fs startTime:datetime:fs endTime:datetime:s duration:int:s breakLength:int state:enum "
        "isApproved:bool"
    ),
    "humanresources.node": _properties(
        "id:int:fs name:string:s type:enum:f structureId:int:f parentId:int:f description:string accessCode:string "
        "userCount:int colorName:string xmlId:string createdAt:date_text:s updatedAt:date_text members:array"
    ),
    "humanresources.node.member": _properties(
        "userId:int name:string workPosition:string role:string avatar:string url:string"
    ),
    "mail.mailbox": _properties("id:int name:string email:string senderName:string"),
    "mail.message": _properties(
        "id:int mailboxId:int mailboxEmail:string subject:string from:string to:string cc:string date:date_text "
        "isSeen:bool hasAttachments:bool url:string bindings:array body:string"
    ),
    "note.collection": _properties(
        "id:int name:string position:int policyLevel:string createdBy:int createdAt:date_text updatedBy:int "
        "updatedAt:date_text"
    ),
    "note.document": _properties(
        "id:int collectionId:int parentId:int title:string markdown:string position:int createdBy:int updatedBy:int "
        "createdAt:date_text updatedAt:date_text"
    ),
    "note.document.tree": _properties(
        "id:int collectionId:int parentId:int title:string position:int children:array"
    ),
    "call.followup": _properties(
        "callId:int callType:int initiatorId:int startDate:date_text:s endDate:date_text durationSeconds:int "
        "uuid:string language:string version:int participants:array outcomes:array createdAt:date_text tracks:array "
        "transcription:relation overview:relation summary:relation insights:relation evaluation:relation"
    ),
}  # fmt: skip


def named(properties: Properties, name: object) -> Property:
    """Return a field by its name, or raise the error of an unknown field."""
    found = properties.get(name) if isinstance(name, str) else None
    if found is None:
        raise unknown_field(name)
    return found

"""A raw client of the VibeCode service under test; it shares no code with the tap or the portal."""

import json
from typing import Any

from tap_bitrix24.demo.server.running import RunningPortal
from tap_bitrix24.demo.vibecode.endpoint import key as key_of
from tests.demo.wire import JSON, Answer, Wire


class Service(Wire):
    """A raw client with an API key."""

    key = ""

    @classmethod
    def of(cls, running: RunningPortal) -> "Service":
        service = cls(running.url)
        service.key = key_of(running.portal)
        return service

    def get(self, path: str, query: str = "") -> Answer:
        return self.send("GET", f"/v1{path}{'?' if query else ''}{query}", headers={"X-Api-Key": self.key})

    def post(self, path: str, body: Any) -> Answer:
        return self.send("POST", f"/v1{path}", json.dumps(body), {"X-Api-Key": self.key, "Content-Type": JSON})

    def search(self, entity: str, **body: Any) -> Answer:
        return self.post(f"/{entity}/search", body)

    def data(self, path: str, query: str = "") -> Any:
        return good(self.get(path, query))["data"]

    def calls(self, *calls: dict[str, Any]) -> Any:
        """The data of a batch."""
        return self.post("/batch", {"calls": calls}).body["data"]


def good(answer: Answer) -> Any:
    """The body of an answer that must be a success."""
    assert answer.status == 200, answer.raw[:300]
    assert answer.body["success"] is True
    return answer.body


def rows(answer: Answer) -> list[dict[str, Any]]:
    found = good(answer)["data"]
    assert isinstance(found, list)
    return found


def refused(answer: Answer) -> tuple[int, str]:
    """HTTP status and code of an answer that must be a failure."""
    assert answer.body["success"] is False
    return answer.status, answer.body["error"]["code"]

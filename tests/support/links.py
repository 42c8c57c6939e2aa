"""Operations that know a few cases and verify real tokens, for the pages behind acknowledge links."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Any

from addispatch.domain.errors import Refused
from addispatch.domain.token import make_token, mark_of, read_token
from addispatch.sdk.testing import EmptyOperations

Doc = dict[str, Any]

KEY = bytes(range(32))
#: 13:55 in Singapore.
OPENED_AT, ACKED_AT = "2026-11-23T05:55:01.000Z", "2026-11-23T06:02:09.000Z"


def a_case(**changed: Any) -> Doc:
    return {
        "id": str(uuid.uuid4()), "code": "A123", "text": "Pump 3 is hot", "last_text": "Pump 3 is hot", "count": 1,
        "priority": "high", "key": "pump3", "source": "mqtt", "state": "open", "level": 0, "audience": "CriticalAlarms",
        "opened_at": OPENED_AT, "acknowledged_at": None, "acknowledged_by": None, "closed_at": None, "deliveries": [],
        "acknowledgements": [], "owner": "node-a",
    } | changed  # fmt: skip


@dataclass
class LinkDesk(EmptyOperations):
    """Two people, any number of cases; the first acknowledgement of a basic case counts for all."""

    keys: list[bytes] = field(default_factory=lambda: [KEY])
    now_s: float = 1_000.0
    recall: bool = False
    cases_by_id: dict[str, Doc] = field(default_factory=dict)
    #: What changed something: (case id, who, action, comment).
    answers: list[tuple[str, str, str, str]] = field(default_factory=list)
    #: How often a page was looked up.
    shown_count: int = 0
    failure: Exception | None = None

    people = ("Jane", "Adam")

    def add(self, case: Doc | None = None) -> Doc:
        case = case or a_case()
        self.cases_by_id[case["id"]] = case
        return case

    def token(self, case: Doc, person: str = "Jane", *, ends_at_s: int = 2_000, key: bytes | None = None) -> str:
        return make_token(key or self.keys[0], case["id"], person, ends_at_s)

    async def link(self, token: str) -> Doc:
        self.shown_count += 1
        person, case = self._granted(token)
        return {"recipient": person, "case": case}

    async def link_answer(self, token: str, request: Doc) -> Doc:
        person, case = self._granted(token)
        action, comment = request["action"], request["comment"]
        if comment == "refuse me":
            return {"cases": [{"id": case["id"], "code": case["code"], "result": "refused"}], "answer": "not for you"}
        if comment == "raise":
            raise Refused("comment", "is not to our taste")
        self.answers.append((case["id"], person, action, comment))
        result = {"ack": "acknowledged", "decline": "declined", "comment": "commented"}[action]
        if action == "ack":
            if any(note["by"] == person for note in case["acknowledgements"]):
                result = "already"
            else:
                note = {"at": ACKED_AT, "by": person, "via": "link", "comment": comment}
                case["acknowledgements"].append(note)
            case["acknowledged_at"] = case["acknowledged_at"] or ACKED_AT
            case["acknowledged_by"] = case["acknowledged_by"] or person
            everybody = len(case["acknowledgements"]) == len(self.people)
            if case["state"] == "open" and (not self.recall or everybody):
                case["state"] = "acknowledged"
        return {"cases": [{"id": case["id"], "code": case["code"], "result": result}], "answer": "thanks"}

    def _granted(self, token: str) -> tuple[str, Doc]:
        if self.failure is not None:
            raise self.failure
        grant = read_token(self.keys, token, self.now_s)
        people = {mark_of(person): person for person in self.people}
        case = self.cases_by_id.get(grant.case_id) if grant else None
        person = people.get(grant.recipient_mark) if grant else None
        if case is None or person is None:
            raise Refused("token", "this link is not valid, or not any more")
        return person, case

"""`Idempotency-Key`: a request that is sent again has the effect, and gets the answer, of the first
(draft-ietf-httpapi-idempotency-key-header-07)."""

from __future__ import annotations

import hashlib
import re
from asyncio import to_thread
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, NamedTuple, TypeVar

from fastapi import Depends, Header, Request
from pydantic import BaseModel

from sago.api.problems import Problem, ProblemError, Refusal
from sago.ports import Begun, Replies

Said = TypeVar("Said", bound=BaseModel)
NAME, REPLAYED = "Idempotency-Key", "Idempotency-Replayed"
AGAIN_AFTER = 1
"""Seconds after which it is worth while to ask for the answer of a request under way."""
FORM = re.compile(r'"(?P<quoted>(?:[ !#-\[\]-~]|\\["\\])*)"|(?P<bare>[A-Za-z0-9._:/+=-]+)')
"""A string of RFC 8941, 3.3.3; the letters of a UUID or of base64 also without quotes, as most clients send them."""
LONGEST = 255
ABOUT = "A string that is new for each request, and the same when that is sent again."
EXAMPLES = ['"8e03978e-40d5-43dd-bc93-6894a57f9324"']
DESCRIBED: dict[str, Any] = {
    "name": NAME,
    "in": "header",
    "required": False,
    "schema": {
        "anyOf": [{"type": "string"}, {"type": "null"}],
        "title": NAME,
        "description": ABOUT,
        "examples": EXAMPLES,
    },
    "description": ABOUT,
}
"""The header in the document of a route that reads it by itself."""
LARGEST = 4_000
"""Bytes of an answer that is kept."""
AGAIN = {"again": True}
"""Kept in place of a larger one."""


def key_in(request: Request) -> str | None:
    """The key that was sent; raises a problem with status 422 where it is none."""
    given = request.headers.getlist(NAME)
    if not given:
        return None
    found = FORM.fullmatch(given[0].strip()) if len(given) == 1 else None
    key = re.sub(r"\\(.)", r"\1", found["quoted"] or found["bare"] or "") if found else ""
    if not key or len(key) > LONGEST:
        raise _refused(
            422, f'must be one string of 1 to {LONGEST} characters, as "8e03978e-40d5-43dd-bc93-6894a57f9324"'
        )
    return key


async def request_key(
    request: Request,
    idempotency_key: Annotated[  # noqa: ARG001 - for the docs: a header that comes twice is seen in the request alone
        str | None,
        Header(alias=NAME, description=ABOUT, examples=EXAMPLES),
    ] = None,
) -> str | None:
    """The key of this request, if it has one."""
    return key_in(request)


RequestKey = Annotated[str | None, Depends(request_key)]


class Once(NamedTuple):
    """Requests of one caller, each under its key.

    Nobody fills Redis with answers: of a caller the newest `MOST_REPLIES` are kept, and of one that is larger than
    `LARGEST` only which body it had. Such a request is worked at again when it comes again, so `work` must be such that
    what it did has no further effect. Its answer is then of that moment: a message that was from the future may be
    taken by then.
    """

    replies: Replies
    caller: str
    key: str | None

    async def answer(
        self, body: bytes, work: Callable[[], Awaitable[Said]], form: type[Said]
    ) -> tuple[Said, dict[str, str]]:
        """What `work` returned, or the problem it ended with, the first time this body came; and headers that say
        whether it was said before.

        Raises a problem with status 422 where another body came under the key, 409 while the first is under way. What
        failed on our side may be tried again.
        """
        if self.key is None:
            return await work(), {}
        name = _digest(self.key.encode())
        begun = await to_thread(self.replies.begin, self.caller, name, digest := _digest(body))
        if begun.digest != digest:
            raise _refused(422, "was sent with another body before: make a new key")
        if begun.is_first:
            return await self._first(name, begun, work), {}
        if begun.answer is None:
            headers = {"Retry-After": str(AGAIN_AFTER)}
            raise ProblemError(409, f"a request with this {NAME} is under way: ask again", headers=headers)
        if begun.answer == AGAIN:
            return await work(), {}
        if "status" in begun.answer:
            problem = Problem.model_validate(begun.answer["problem"])
            raise ProblemError(begun.answer["status"], problem.detail, problem.errors, {REPLAYED: "true"})
        return form.model_validate(begun.answer["said"]), {REPLAYED: "true"}

    async def _first(self, name: str, begun: Begun, work: Callable[[], Awaitable[Said]]) -> Said:
        try:
            said = await work()
        except ProblemError as error:
            await self._keep(name, begun, "problem", error.problem, status=error.status)
            raise
        except BaseException:
            await to_thread(self.replies.release, self.caller, name, begun)
            raise
        await self._keep(name, begun, "said", said)
        return said

    async def _keep(self, name: str, begun: Begun, what: str, answer: BaseModel, **more: int) -> None:
        is_small = len(answer.model_dump_json().encode()) <= LARGEST
        kept = {what: answer.model_dump(mode="json"), **more} if is_small else AGAIN
        await to_thread(self.replies.end, self.caller, name, begun, kept)


def _refused(status: int, reason: str) -> ProblemError:
    return ProblemError(status, f"{NAME} {reason}", [Refusal(index=0, field=NAME, reason=reason)])


def _digest(said: bytes) -> str:
    return hashlib.sha256(said).hexdigest()

"""Bodies for OpenAPI, of routes that read them themselves: so a bad message refuses no other, and what was signed is
what was sent."""

from __future__ import annotations

from typing import Any

from sago.api.intake import LIST_LIMIT
from sago.api.problems import told
from sago.domain.messages import COMPANY_ID
from sago.sources.registry import PAYLOADS

MESSAGE_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["source_name", "data"],
    "additionalProperties": False,
    "properties": {
        "source_name": {"type": "string", "enum": sorted(PAYLOADS), "description": "Where it comes from."},
        "company_id": {
            "type": "string",
            "pattern": COMPANY_ID,
            "description": "Whose message it is; without it `company_id` of the settings.",
        },
        "data": {
            "type": ["object", "array"],
            "items": {"type": "object"},
            "description": "The message as its source sends it (a Slack message or event, a Gmail message in format "
            "`full`), or a row with `id`, `timestamp`, `content`, and if wanted `sender`, `thread_id`. In a single "
            "message it may be a list of such.",
        },
    },
}
EXAMPLES: dict[str, Any] = {
    "row": {
        "summary": "A plain row",
        "value": {
            "source_name": "slack",
            "company_id": "acme",
            "data": {
                "id": "m-1042",
                "timestamp": "2026-03-02T16:04:11Z",
                "sender": "dana",
                "content": "Signed Northwind today: $180k ARR, two years.",
            },
        },
    },
    "slack": {
        "summary": "A Slack message",
        "value": {
            "source_name": "slack",
            "company_id": "acme",
            "data": {
                "type": "message",
                "channel": "C024BE91L",
                "user": "U2147483697",
                "ts": "1772467451.000200",
                "text": "ARR passed $2M this morning",
            },
        },
    },
    "gmail": {
        "summary": "A Gmail message in format `full`",
        "value": {
            "source_name": "gmail",
            "company_id": "acme",
            "data": {
                "id": "18c2f0a1b2c3d4e5",
                "threadId": "18c2f0a1b2c3d4e5",
                "internalDate": "1772467451000",
                "payload": {
                    "mimeType": "text/plain",
                    "headers": [
                        {"name": "From", "value": "Dana <dana@acme.example>"},
                        {"name": "Subject", "value": "Seed round closed"},
                    ],
                    "body": {"data": "V2UgY2xvc2VkIHRoZSBzZWVkIHJvdW5kLg=="},
                },
            },
        },
    },
    "list": {
        "summary": "Several at once, of any source",
        "value": [
            {"source_name": "slack", "data": {"id": "m-1", "timestamp": "2026-03-02T16:04:11Z", "content": "one"}},
            {"source_name": "gmail", "data": {"id": "m-2", "timestamp": "2026-03-02T16:05:00Z", "content": "two"}},
        ],
    },
}
REQUEST_BODY: dict[str, Any] = {
    "required": True,
    "content": {
        "application/json": {
            "schema": {
                "oneOf": [
                    MESSAGE_SCHEMA,
                    {"type": "array", "items": MESSAGE_SCHEMA, "minItems": 1, "maxItems": LIST_LIMIT},
                ]
            },
            "examples": EXAMPLES,
        }
    },
}
PARTLY_TAKEN = {
    "ids": ["slack:m-1"],
    "companies": ["acme"],
    "stored": True,
    "errors": [{"index": 1, "field": "data.content", "reason": "text is empty", "id": "slack:m-2"}],
}
CHALLENGE = "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P"
WEBHOOK_BODY: dict[str, Any] = {
    "required": True,
    "description": "As the vendor sends it, at most 3 MB. Its signature, in the vendor's own header, is made over "
    "exactly these bytes.",
    "content": {
        "application/json": {
            "schema": {"type": "object"},
            "examples": {
                "slack": {
                    "summary": "An event of Slack's, with X-Slack-Signature and X-Slack-Request-Timestamp",
                    "value": {
                        "type": "event_callback",
                        "team_id": "T024BE7LD",
                        "event_id": "Ev08MFMKH6",
                        "event": {
                            "type": "message",
                            "channel": "C024BE91L",
                            "user": "U2147483697",
                            "ts": "1772467451.000200",
                            "text": "ARR passed $2M this morning",
                        },
                    },
                },
                "challenge": {
                    "summary": "Slack asks whether the address is yours",
                    "value": {
                        "type": "url_verification",
                        "challenge": CHALLENGE,
                    },
                },
            },
        }
    },
}
WEBHOOK_ANSWERS: dict[str, Any] = {
    "description": "It is safe, or left out on purpose: what the vendor wants to read, else what became of it.",
    "content": {
        "application/json": {
            "examples": {
                "taken": {"value": {"taken": 1, "known": 0, "ignored": 0, "refused": 0, "woken": 0}},
                "challenge": {"value": {"challenge": CHALLENGE}},
            }
        }
    },
}
WEBHOOK_ERRORS: dict[int | str, dict[str, Any]] = {
    status: told(status, *said)
    for status, said in {
        401: (
            "Not signed by the vendor, or not within the last five minutes.",
            "not signed by its vendor, or not within the last five minutes",
        ),
        404: ("No source is called so.", "no source is called so"),
        408: ("The body did not come in time. Nothing was taken.",),
        413: ("The body is too large. Nothing was taken.",),
        431: ("More than 100 headers. Nothing was taken.",),
        422: ("The delivery as a whole cannot be read.", "the delivery cannot be read"),
        503: ("A server does not answer, or the source is not set up: send it again after `Retry-After` seconds.",),
    }.items()
}

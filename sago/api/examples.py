"""The body of an ingest request for OpenAPI: the route reads it itself, so that a bad message refuses no other."""

from __future__ import annotations

from typing import Any

from sago.api.intake import LIST_LIMIT
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

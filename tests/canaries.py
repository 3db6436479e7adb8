"""Tokens and secrets for tests and stand-ins: each bears one mark, by which the suite finds it where none may lie.

`tests/token_watch.py` looks for the mark in every log record, log file and captured output, and fails what wrote it.
"""

from __future__ import annotations

MARK = "sago-canary"

SLACK_TOKEN = f"xoxb-{MARK}-token"
SLACK_REFRESH = f"xoxe-1-{MARK}-refresh"
GMAIL_TOKEN = f"ya29.{MARK}-token"
GMAIL_REFRESH = f"1//{MARK}-refresh"
CLIENT_SECRET = f"{MARK}-client-secret"
SIGNING_SECRET = f"{MARK}-signing-secret"


def slack_token(name: str) -> str:
    """Another bot token."""
    return f"xoxb-{MARK}-{name}"


def slack_refresh(name: str) -> str:
    """Another refresh token of Slack's."""
    return f"xoxe-1-{MARK}-{name}"


def gmail_token(name: str) -> str:
    """Another access token of Google's."""
    return f"ya29.{MARK}-{name}"


def gmail_refresh(name: str) -> str:
    """Another refresh token of Google's."""
    return f"1//{MARK}-{name}"

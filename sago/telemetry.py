"""Logging: structlog over the standard library; JSON lines for machines, plain lines in a terminal."""

from __future__ import annotations

import logging
import re
import sys
import traceback
from typing import Literal

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

LEFT_OUT = "(token left out)"
"""Stands in a log line instead of a token that should not have come so far."""
_SLASH = r"(?:/|%(?:25)*2F)"
_TOKEN = re.compile(
    r"(?=[xyg14es])(?:"  # most places of a line begin none of them: this is seen at once
    r"xox[a-z](?:\.xox[a-z])?-[\w-]{8,}|xapp-[\w-]{8,}|ya29\.[\w.-]{8,}|GOCSPX-[\w-]{8,}"
    r"|sago_[0-9a-f]{8}_[\w-]{43}"
    rf"|1{_SLASH}{{2}}[\w-]{{8,}}|(?<![\w.])4{_SLASH}0[\w-]{{8,}}|eyJ[\w-]{{8,}}\.eyJ[\w-]{{8,}}\.[\w-]*)",
    re.IGNORECASE,
)
"""Tokens of Slack's (docs.slack.dev/authentication/tokens) and of Google's, its clients' secrets and codes, as they
stand in addresses too; JSON Web Tokens (RFC 7519); and keys of our own API."""
_SHARED: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.format_exc_info,
]


def configure(level: str = "INFO", style: Literal["auto", "plain", "json"] = "auto") -> None:
    """Send every log line to stderr in the wanted style."""
    plain = style == "plain" or (style == "auto" and sys.stderr.isatty())
    renderer: Processor = (
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
        if plain
        else structlog.processors.JSONRenderer(ensure_ascii=False)
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_SHARED,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer, _without_tokens],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    # It tells each attempt to reach a broker that is away. What matters of it reaches us as exceptions, and our
    # adapters say it once. Never DEBUG: it would write passwords.
    logging.getLogger("kafka").setLevel(logging.WARNING if level == "DEBUG" else logging.CRITICAL)
    # They would write addresses with their queries, and answers' headers.
    for name in ("httpx2", "httpcore2"):
        logging.getLogger(name).setLevel(logging.WARNING)
    structlog.configure(
        processors=[*_SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def logger(name: str) -> structlog.stdlib.BoundLogger:
    """The logger of a module; bind context with `structlog.contextvars`."""
    bound: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return bound


def place_of(error: BaseException) -> str:
    """Where an error nobody foresaw was raised, without its text, which may quote a message."""
    return "".join(traceback.format_tb(error.__traceback__))


def _without_tokens(_logger: WrappedLogger, _method: str, line: str | EventDict) -> str:
    """The second line: tokens are SecretStr and put into no text."""
    return _TOKEN.sub(LEFT_OUT, str(line))

"""The whole tree of errors. The class of an error decides whether it is tried again.

SagoError
├── TransientError       the other side may answer next time: back off with jitter, one owner, one cap
│   ├── HeldBackError    a limit of our own, a budget or a rate, keeps us from asking: the other side is not out
│   └── UnusableAnswerError  it answered, but not what was asked: tried a few times, then asked for less at once
│       └── TooLateError     it had no time for as much: an outage perhaps, so breakers count it
├── PermanentError       it will fail the same way again: dead letter with its reason
│   ├── RestoredError    Postgres is an older backup: nothing leaves the house until a person has looked
│   ├── UngroundedError  a text says what no evidence says: refused
│   ├── SignatureError   a webhook that its vendor did not send, or not now: refused and counted
│   ├── AccountRefusedError  a vendor refuses an account's token: a person connects it again
│   ├── NotThereError    there is no such thing, or not any more, or none that whoever asks may see
│   ├── CursorExpiredError  a vendor does not know any more where we stopped: read the whole window again
│   └── ProviderSettingError  a model provider refuses our key or model; a ConfigError as well: waits to be mended
│       └── TooDearError     one question may cost more than a whole day's budget: never asked
├── InvalidMessageError  the message itself is wrong: dead letter at once, never retried
├── ConfigError          the installation is wrong: one line that says what, where and how to mend it
│   └── BadDeployError   so many dead letters in a row that the deploy is at fault, not the messages
├── UsageError           the command was called with something it cannot use
└── EmptyInputError      the command was called with a file that holds no message
"""

from __future__ import annotations

from datetime import timedelta

OUT_OF_TIME = "SoftTimeLimitExceeded"
"""What the task queue raises in a task that takes too long: by name, for the queue is known in `workers` alone."""


def is_out_of_time(error: Exception) -> bool:
    """Whether the task must end now, whatever it was about."""
    return type(error).__name__ == OUT_OF_TIME


class SagoError(Exception):
    """Base of every error Sago raises on purpose; its text is one line fit for a person."""


class TransientError(SagoError):
    """The other side did not answer, or not in time; the same call may succeed later, after `retry_after` at the
    earliest where the other side said so."""

    def __init__(self, reason: str = "", *, retry_after: timedelta | None = None) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


class HeldBackError(TransientError):
    """Nothing was asked, as a limit that we set ourselves is reached; the text names it."""


class UnusableAnswerError(TransientError):
    """The other side answered, but not with what was asked, or not in time for as much as was asked at once."""


class TooLateError(UnusableAnswerError):
    """No answer in time, where less might be answered; whether nobody is there at all, further calls tell."""


class PermanentError(SagoError):
    """The call will fail the same way each time."""


class RestoredError(PermanentError):
    """Postgres was restored from a backup, and what left the house since is not known; the text says what to do."""


class UngroundedError(PermanentError):
    """A letter or an event claims something that no evidence holds."""


class InvalidMessageError(SagoError):
    """A message breaks the schema; `reason` says how, `field` where, `message_id` in which, as far as it is known."""

    def __init__(self, reason: str, *, message_id: str | None = None, field: str | None = None) -> None:
        super().__init__(f"{message_id}: {reason}" if message_id else reason)
        self.reason = reason
        self.message_id = message_id
        self.field = field


class ConfigError(SagoError):
    """A setting, an address or the machine is wrong; the text says how to mend it."""


class BadDeployError(ConfigError):
    """`dlq.max_consecutive` dead letters in a row; the process exits with status 78."""


class SignatureError(PermanentError):
    """These bytes were not signed by their vendor, or not within the last five minutes."""


class AccountRefusedError(PermanentError):
    """A vendor does not take an account's token any more; the text says how to connect it again."""


class NotThereError(PermanentError):
    """There is no such thing, or none that whoever asks may see; a vendor's, or ours."""


class CursorExpiredError(PermanentError):
    """A vendor does not know our cursor, or the mark of our last visit, any more."""


class ProviderSettingError(PermanentError, ConfigError):
    """A model provider refuses each call until a setting is mended; the text names it. No message is at fault."""


class TooDearError(ProviderSettingError):
    """Nothing was asked, as one question may cost more than a day's budget holds; the text names the settings."""


class UsageError(SagoError):
    """The command line asked for something that cannot be done, such as reading an unknown file format."""


class EmptyInputError(SagoError):
    """A file of the right form without a message: nothing to do, and nothing was called wrongly."""

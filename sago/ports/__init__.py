"""The ports: what use cases need of the world, as Protocols. Adapters live in `sago.stores` and `sago.llm`.

Every port has an in-memory adapter in `sago.stores.memory`, kept true by one contract suite run on both. Unless a
docstring says otherwise a call may block, raises TransientError when the other side does not answer, and may be
repeated without a further effect.
"""

from sago.ports.batches import BatchStore
from sago.ports.clock import Clock
from sago.ports.connections import ConnectionStore, HeardStore, StreamStore, UnderWayStore, Vault
from sago.ports.database import Database, Transaction
from sago.ports.deliveries import DeliveryCounts
from sago.ports.events import EventStore
from sago.ports.identities import IdentityStore
from sago.ports.keeping import SHARE_ERASED, Derived, ErasureStore, GenerationStore, Mirror, Note, Taken
from sago.ports.keys import KeyStore
from sago.ports.ledger import Ledger
from sago.ports.log import LogConsumer, MessageLog
from sago.ports.mailing import Mailer
from sago.ports.mails import ContactStore, MailStore, recalled
from sago.ports.messages import Buffer, RawStore
from sago.ports.models import Answers, Breakers, CallLedger, Model, Models, RateLimit
from sago.ports.notices import NoticeStore
from sago.ports.outreach import CompanyStore, CompositionStore, Drafts, OutreachStore, ShareStore, VerdictStore
from sago.ports.replies import MOST_REPLIES, Begun, Replies
from sago.ports.sources import Delivery, Identity, Item, Page, Push, Source, Sources, Vendor, guarded
from sago.ports.tasks import Dispatcher, Fate, StoreQueue, TaskRunStore
from sago.ports.tenants import TOLD_TO_FIRMS, AuditLine, FirmView, Tenants
from sago.ports.throttle import Rate, Room, Throttle

__all__ = [
    "MOST_REPLIES",
    "SHARE_ERASED",
    "TOLD_TO_FIRMS",
    "Answers",
    "AuditLine",
    "BatchStore",
    "Begun",
    "Breakers",
    "Buffer",
    "CallLedger",
    "Clock",
    "CompanyStore",
    "CompositionStore",
    "ConnectionStore",
    "ContactStore",
    "Database",
    "Delivery",
    "DeliveryCounts",
    "Derived",
    "Dispatcher",
    "Drafts",
    "ErasureStore",
    "EventStore",
    "Fate",
    "FirmView",
    "GenerationStore",
    "HeardStore",
    "Identity",
    "IdentityStore",
    "Item",
    "KeyStore",
    "Ledger",
    "LogConsumer",
    "MailStore",
    "Mailer",
    "MessageLog",
    "Mirror",
    "Model",
    "Models",
    "Note",
    "NoticeStore",
    "OutreachStore",
    "Page",
    "Push",
    "Rate",
    "RateLimit",
    "RawStore",
    "Replies",
    "Room",
    "ShareStore",
    "Source",
    "Sources",
    "StoreQueue",
    "StreamStore",
    "Taken",
    "TaskRunStore",
    "Tenants",
    "Throttle",
    "Transaction",
    "UnderWayStore",
    "Vault",
    "Vendor",
    "VerdictStore",
    "guarded",
    "recalled",
]

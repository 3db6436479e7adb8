"""The tables as queries see them: names and types of columns. Keys, indexes and rights are made in `migrations/`."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Date, Double, Integer, LargeBinary, MetaData, Numeric, Table, Uuid
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TIMESTAMP

from sago.stores.postgres.columns import Words

metadata = MetaData()
Time = TIMESTAMP(timezone=True)
Json = JSONB(none_as_null=True)


def _table(table: str, /, **columns: Any) -> Table:
    return Table(table, metadata, *(Column(column, kind) for column, kind in columns.items()))


companies = _table(
    "companies",
    company_id=Words,
    name=Words,
    founder=Words,
    founder_title=Words,
    founder_email=Words,
    model_policy=Words,
    created_at=Time,
)
firms = _table("firms", id=Words, name=Words, created_at=Time)
api_keys = _table(
    "api_keys",
    id=Uuid,
    firm_id=Words,
    prefix=Words,
    key_sha256=LargeBinary,
    name=Words,
    scopes=ARRAY(Words),
    created_at=Time,
    created_by=Words,
    expires_at=Time,
    revoked_at=Time,
    used_at=Time,
)
house_seal = _table("house_seal", secret=LargeBinary)
shares = _table(
    "shares",
    firm_id=Words,
    company_id=Words,
    sources=ARRAY(Words),
    granularity=Words,
    until=Time,
    created_at=Time,
)
watches = _table(
    "watches",
    id=Uuid,
    firm_id=Words,
    company_id=Words,
    investor=Json,
    met_on=Date,
    reason=Words,
    conditions=Json,
    direction=Words,
    weights=Json,
    voice=Json,
    created_at=Time,
    is_active=Boolean,
)
outreach = _table(
    "outreach",
    id=Uuid,
    firm_id=Words,
    watch_id=Uuid,
    company_id=Words,
    window=Words,
    state=Words,
    sender=Json,
    sender_name=Words,
    recipient=Json,
    recipient_name=Words,
    draft=Json,
    event_ids=ARRAY(Uuid),
    composed_by=Words,
    prompt_version=Words,
    receipts=Json,
    ticked=ARRAY(Integer),
    thread=Json,
    created_at=Time,
    updated_at=Time,
    approved_by=Words,
    approved_at=Time,
)
verdicts = _table(
    "verdicts",
    watch_id=Uuid,
    day=Date,
    company_id=Words,
    firm_id=Words,
    outcome=Words,
    score=Double,
    detail=Json,
    judged_at=Time,
)
contacts = _table("contacts", email=Words, name=Words, timezone=Words, digest_at=Integer)
suppressions = _table("suppressions", email=Words, because=Words, who=Words, at=Time)
notices = _table(
    "notices",
    id=Uuid,
    firm_id=Words,
    email=Words,
    recipient=Json,
    day=Date,
    items=Json,
    created_at=Time,
)
told = _table("told", email=Words, watch_id=Uuid, what=Words, notice_id=Uuid)
mails = _table(
    "mails",
    id=Uuid,
    kind=Words,
    ref=Uuid,
    firm_id=Words,
    company_id=Words,
    recipient=Json,
    address=Words,
    state=Words,
    attempts=Integer,
    token=Integer,
    lease_until=Time,
    next_attempt_at=Time,
    expires_at=Time,
    error=Words,
    waits_for=Words,
    waits_since=Time,
    created_at=Time,
    sent_at=Time,
    file=Words,
)
audit_log = _table(
    "audit_log",
    id=BigInteger,
    line=Uuid,
    at=Time,
    who=Words,
    action=Words,
    subject=Words,
    firm_id=Words,
    company_id=Words,
    detail=Json,
)

sql_messages = _table(
    "sql_messages",
    company_id=Words,
    message_id=Words,
    version=BigInteger,
    day=Date,
    sent_at=Time,
    source=Words,
    sender=Words,
    edited_at=Time,
    deleted=Boolean,
    thread_id=Words,
    subject=Words,
    text=Words,
    raw=Json,
    raw_cut=Boolean,
    content_sha=LargeBinary,
    received_at=Time,
    batch_name=Words,
    batch_id=Words,
    extracted_at=Time,
)
ingest_days = _table("ingest_days", received_day=Date, company_id=Words, day=Date)

batches = _table(
    "batches",
    id=Words,
    company_id=Words,
    state=Words,
    run=Words,
    claimed_at=Time,
    merged_at=Time,
    next_attempt_at=Time,
    fired_at=Time,
    attempts=Integer,
    error=Words,
)
batch_chunks = _table(
    "batch_chunks",
    batch_id=Words,
    chunk_no=Integer,
    state=Words,
    attempts=Integer,
    begun=Integer,
    begun_at=Time,
    error=Words,
    error_type=Words,
    retry_at=Time,
    result=Json,
)
batch_members = _table(
    "batch_members",
    company_id=Words,
    message_id=Words,
    version=BigInteger,
    run=Words,
    sent_at=Time,
    source=Words,
    batch_id=Words,
    chunk_no=Integer,
)

observations = _table(
    "observations",
    company_id=Words,
    message_id=Words,
    version=BigInteger,
    source=Words,
    sender=Words,
    start=Integer,
    end=Integer,
    quote=Words,
    event_type=Words,
    status=Words,
    severity=Words,
    title=Words,
    description=Words,
    impact=Words,
    subject=Words,
    metrics=Json,
    stakeholders=Json,
    corrects=Boolean,
    extractor=Words,
    extractor_version=Words,
    said_at=Time,
    recorded_at=Time,
)
extractions = _table(
    "extractions",
    company_id=Words,
    message_id=Words,
    version=BigInteger,
    extractor=Words,
    extractor_version=Words,
    finished_at=Time,
)
rejections = _table(
    "rejections",
    company_id=Words,
    event_id=Uuid,
    because=Words,
    rejected_by=Words,
    rejected_at=Time,
    restored_by=Words,
    restored_at=Time,
    restored_because=Words,
)
significant_events = _table(
    "significant_events",
    id=Uuid,
    company_id=Words,
    event_type=Words,
    title=Words,
    description=Words,
    impact=Words,
    metrics=Json,
    timeline=Words,
    severity=Words,
    stakeholders=Json,
    source_messages=Json,
    occurred_at=Time,
    created_at=Time,
    updated_at=Time,
    is_active=Boolean,
)
event_aliases = _table("event_aliases", alias=Uuid, event_id=Uuid, company_id=Words, created_at=Time)
shared_texts = _table(
    "shared_texts",
    event_id=Uuid,
    granularity=Words,
    sources=ARRAY(Words),
    version=Integer,
    made_of=Time,
    texts=Json,
)
metric_points = _table(
    "metric_points",
    company_id=Words,
    metric=Words,
    value=Double,
    unit=Words,
    as_of=Time,
    said_at=Time,
    event_id=Uuid,
)

dead_letters = _table(
    "dead_letters",
    origin=Words,
    topic=Words,
    company_id=Words,
    message_id=Words,
    error=Words,
    error_type=Words,
    failed_at=Time,
    attempts=Integer,
    value=LargeBinary,
    replayed_at=Time,
)
model_calls = _table(
    "model_calls",
    id=Uuid,
    at=Time,
    company_id=Words,
    provider=Words,
    model=Words,
    job=Words,
    prompt_version=Words,
    input_tokens=BigInteger,
    output_tokens=BigInteger,
    cost_usd=Numeric(18, 9),
    latency_ms=BigInteger,
    outcome=Words,
    error=Words,
)
model_reservations = _table(
    "model_reservations",
    call_id=Uuid,
    company_id=Words,
    usd=Numeric(18, 9),
    at=Time,
    until=Time,
)
erasures = _table(
    "erasures",
    id=Uuid,
    company_id=Words,
    message_id=Words,
    sender=Words,
    because=Words,
    requested_by=Words,
    requested_at=Time,
    applied_at=Time,
)
generation = _table("generation", one=Boolean, number=BigInteger, advanced_at=Time, held=Boolean)
bridge_progress = _table(
    "bridge_progress", log_id=Words, topic=Words, partition=Integer, watermark=BigInteger, updated_at=Time
)
ticks = _table("ticks", job=Words, due_at=Time, state=Words, lease_until=Time, attempts=Integer)
plans = _table("plans", job=Words, cron=Words, since=Time)
task_runs = _table(
    "task_runs",
    id=Uuid,
    name=Words,
    arguments=Json,
    firm_id=Words,
    who=Words,
    idempotency_key=Words,
    started_at=Time,
)
compositions = _table(
    "compositions",
    watch_id=Uuid,
    as_of=Time,
    state=Words,
    attempts=Integer,
    retry_at=Time,
    next_attempt_at=Time,
    error=Words,
)
connections = _table(
    "connections",
    id=Uuid,
    source=Words,
    account=Words,
    name=Words,
    company_id=Words,
    containers=ARRAY(Words),
    since=Time,
    state=Words,
    reason=Words,
    created_at=Time,
    connected_at=Time,
)
connection_tokens = _table("connection_tokens", connection_id=Uuid, sealed=LargeBinary)
routes = _table("routes", connection_id=Uuid, kind=Words, key=Words, company_id=Words)
served = _table("served", connection_id=Uuid, company_id=Words)
streams = _table(
    "streams",
    connection_id=Uuid,
    name=Words,
    window_start=Time,
    window_end=Time,
    cursor=Json,
    read_until=Time,
    mark=Json,
    newest_at=Time,
    taken=BigInteger,
    due_at=Time,
    woken=Boolean,
    failures=Integer,
    error=Words,
    needs_mending=Boolean,
    lease_until=Time,
    queued_until=Time,
    fence=BigInteger,
)
identities = _table(
    "identities",
    connection_id=Uuid,
    native_id=Words,
    name=Words,
    shown_as=Words,
    address=Words,
    is_bot=Boolean,
    seen_at=Time,
)
participants = _table("participants", company_id=Words, connection_id=Uuid, native_id=Words, since=Time)
person_decisions = _table(
    "person_decisions",
    id=Uuid,
    company_id=Words,
    one_connection=Uuid,
    one_id=Words,
    other_connection=Uuid,
    other_id=Words,
    verdict=Words,
    reason=Words,
    who=Words,
    at=Time,
)
refreshes = _table("refreshes", connection_id=Uuid, due_at=Time, failures=Integer, error=Words)
under_way = _table("under_way", company_id=Words, message_id=Words, at=Time)
heard = _table("heard", connection_id=Uuid, company_id=Words, container=Words, day=Date, newest_at=Time)

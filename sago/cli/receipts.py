"""A letter's receipts on a screen: claim by claim what it rests on, and whether that still stands."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from rich.padding import Padding
from rich.text import Text

from sago.cli.session import Session
from sago.domain.letters import Letter, Receipt
from sago.domain.wording import day
from sago.outreach.receipts import CHECKS, Proven, Standing
from sago.report.phrases import one_line

_STYLES = {Standing.STANDS: "green", Standing.CHANGED: "bold yellow", Standing.ERASED: "dim"}
_SHORT_HASH = 12
_LONGEST_QUOTE = 240


def as_json(letter: Letter, proofs: Sequence[Proven]) -> dict[str, Any]:
    """Everything known of the letter's claims, numbered as they are ticked."""
    return {
        "letter": str(letter.id),
        "state": letter.state.value,
        "subject": letter.draft.subject,
        "composed_by": letter.composed_by,
        "prompt_version": letter.prompt_version,
        "approved_by": letter.approved_by,
        "checks": list(CHECKS) if letter.receipts else [],
        "receipts": [
            each.receipt.model_dump(mode="json")
            | {
                "number": number,
                "standing": each.standing.value,
                "title": each.title,
                "sender": each.sender,
                "said_at": each.said_at.isoformat() if each.said_at else None,
                "ticked": number in letter.ticked,
            }
            for number, each in enumerate(proofs)
        ],
    }


def show(session: Session, letter: Letter, proofs: Sequence[Proven], file: str | None = None) -> None:
    """One block a claim, wherever it stands in the letter; blocks wrap, so that a narrow screen shows them whole."""
    out = session.out
    out.print(Text(one_line(letter.draft.subject), style="bold"))
    for line in _about(letter, file):
        out.print(Text(line, style="dim"))
    if not proofs:
        session.note("this letter has no receipts: it was written before claims had any")
        return
    for places, each in _grouped(proofs):
        out.print()
        out.print(_head(places, each))
        out.print(Padding(_proof(each), (0, 0, 0, 2)))
    out.print()
    out.print(Text(_sum(proofs)))
    out.print(Text(f"checks passed: {'; '.join(CHECKS)}", style="dim"))


def _about(letter: Letter, file: str | None) -> list[str]:
    state = f"written to {file}: send it by hand" if file else letter.state.value
    by = f"written by {letter.composed_by}" + (f" with prompt {letter.prompt_version}" if letter.prompt_version else "")
    approved = "approved by nobody yet"
    if letter.approved_by:
        approved = f"approved by {letter.approved_by}" + (
            f" on {day(letter.approved_at)}" if letter.approved_at else ""
        )
    return [f"{state} · {letter.company_id} · {str(letter.id)[:8]}", by, approved]


def _grouped(proofs: Sequence[Proven]) -> list[tuple[list[str], Proven]]:
    """The same claim with the same proof once, with every place it stands in."""
    found: dict[tuple[object, ...], tuple[list[str], Proven]] = {}
    for each in proofs:
        r = each.receipt
        key = (r.claim or (r.where, r.start), r.kind, r.event_id, r.sha256, r.transformation)
        found.setdefault(key, ([], each))[0].append(r.where)
    return list(found.values())


def _head(places: Sequence[str], each: Proven) -> Text:
    where = ", ".join(place if count == 1 else f"{place} ×{count}" for place, count in Counter(places).items())
    claim = one_line(each.receipt.claim) or "(erased)"
    head = Text(claim, style="bold").append(f"  {each.receipt.kind} in {where}", "not bold dim")
    return head.append(f"  {each.standing.value}", f"not bold {_STYLES[each.standing]}")


def _proof(each: Proven) -> Text:
    receipt = each.receipt
    lines = [f"“{one_line(receipt.quote, _LONGEST_QUOTE)}”"] if receipt.quote else []
    said = [one_line(each.sender), day(each.said_at) if each.said_at else "", one_line(receipt.message_id or "")]
    lines.append(" · ".join(part for part in (_source(each), *said) if part))
    if receipt.transformation:
        lines.append(one_line(receipt.transformation))
    lines.append(
        f"sha256 {receipt.sha256[:_SHORT_HASH]}" + (f" · event {str(receipt.event_id)[:8]}" if receipt.event_id else "")
    )
    text = Text(lines[0])
    for line in lines[1:]:
        text.append(f"\n{line}", "dim")
    return text


def _source(each: Proven) -> str:
    receipt: Receipt = each.receipt
    if receipt.event_id is None:
        return "the watch or the company’s profile"
    return f"of “{one_line(each.title)}”" if each.title and each.title != receipt.quote else ""


def _sum(proofs: Sequence[Proven]) -> str:
    counts = Counter(each.standing for each in proofs)
    told = ", ".join(f"{counts[each]} {each.value}" for each in Standing if counts[each])
    return f"{len(proofs)} claims: {told}"

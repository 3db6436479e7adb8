"""How `sago share` shows shares, what they let a firm see, and what is left of one."""

from __future__ import annotations

from datetime import datetime

from rich.text import Text

from sago.cli.lookup import table
from sago.cli.session import Session
from sago.domain.batches import Held
from sago.domain.companies import Share
from sago.domain.sharing import Preview, last_day, sources, words
from sago.domain.wording import day
from sago.pipeline.revoking import Left, Revoked
from sago.report.phrases import LABELS, one_line, visible
from sago.report.preview import told_figures


def cells(share: Share, now: datetime) -> tuple[str, ...]:
    """A row of the list."""
    state = "holds" if share.holds_at(now) else "ended"
    end = last_day(share)
    return (
        share.company_id,
        share.firm_id,
        sources(share),
        share.granularity.value,
        end.isoformat() if end else "",
        state,
    )


def say_preview(session: Session, shown: Preview) -> None:
    """What the firm would see, on stdout."""
    out = session.out
    state = "is given" if shown.is_given else "is not given yet"
    out.print(Text(f"{shown.company.name}, as {one_line(shown.firm)} would see it", style="bold"))
    out.print(Text(f"{words(shown.share)}; this share {state}; {shown.hidden} events stay hidden\n", style="dim"))
    for verdict in shown.verdicts:
        out.print(Text(f"{LABELS[verdict.outcome]}  {one_line(verdict.because)}"))
    for event in shown.seen.events:
        out.print(Text(f"\n{day(event.occurred_at)}  {one_line(event.title)}", style="bold"))
        for proof in event.evidence:
            out.print(Text(f"  “{visible(proof.quote)}”"))
    if rows := told_figures(shown.seen):
        out.print()
        table(session, ("metric", "figure", "as of"), rows, "", right=("figure",))


def say_revoked(session: Session, done: Revoked) -> None:
    """What was taken, in counts."""
    counts = {
        "letters without their text": done.letters,
        "of them held back before they left": done.held_back,
        "mails cancelled": done.derived.mails,
        "notices without its news": done.derived.notices,
        "verdicts deleted": done.derived.verdicts,
    }
    if done.sources:
        session.out.print(f"no other share covers {', '.join(done.sources)}: its evidence goes too")
    if done.evidence:
        counts |= {
            "raw rows emptied": done.evidence.rows,
            "observations deleted": done.evidence.observations,
            "dead letters emptied": done.evidence.dead_letters,
            "events gone": done.evidence.events,
        }
    for what, count in counts.items():
        session.out.print(f"{count:>8}  {what}")


def say_left(session: Session, counts: dict[str, int], held: list[Held]) -> None:
    """What is left by its place, and what Kafka holds."""
    for place, count in counts.items():
        session.out.print(Text(f"{count:>8}  left in {place}"))
    if not counts:
        session.out.print("nothing but hashes is left in Postgres, the raw store, Redis and the folder of letters")
    for each in held:
        until = f"until {each.until:%Y-%m-%d %H:%M} UTC" if each.until else "until its broker stops: it is in memory"
        place = f"{each.topic}, partition {each.partition}, offsets {each.first} to {each.last}"
        session.out.print(Text(f"{each.records:>8}  in Kafka: {place}, {until}"))


def looked_for(left: Left) -> str:
    """What else was looked for than what the firm was told."""
    if left.is_whole:
        return "looked for the evidence itself too: nobody has a share of it"
    rest = "other firms have a share: the evidence stays for them, and is not shown to this one"
    if not left.sources:
        return rest
    return f"looked for the evidence of {', '.join(left.sources)} too, which no share covers; {rest}"

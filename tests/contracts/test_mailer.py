"""One suite for the Mailer port, run on memory, on a folder and on a real SMTP server; then what SMTP alone can do."""

from __future__ import annotations

import fcntl
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from email import message_from_bytes
from email.headerregistry import Address, Group
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any, Protocol

import pytest
import trustme
from pydantic import SecretStr

from sago.domain.letters import LetterState
from sago.domain.mails import MailState, Posted, Reply
from sago.embedded.servers import free_port
from sago.errors import ConfigError, PermanentError, TransientError
from sago.outreach.delivery import ROUND
from sago.outreach_sections import SmtpSettings
from sago.ports import Mailer
from sago.stores import eml_folder, smtp_mailer
from sago.stores.eml_folder import EmlFolder
from sago.stores.memory.mailer import MemoryMailer
from sago.stores.smtp_mailer import SmtpMailer
from tests.smtp_server import PASSWORD, USER, MailServer, mail_server, silent_server
from tests.unit.outreach.mailroom import DAY, Mailroom, letter
from tests.unit.outreach.test_unsubscribing import LINKS, MAIL, NOW

DANA = "dana@northgate.example"


def written(subject: str = "ScaleFlow: ARR passed 2M", body: str = "Dear Dana,\n\n.\n..2M ARR é 🙂.\n") -> EmailMessage:
    mail = EmailMessage()
    mail["From"] = Address("Mira Sol", addr_spec="mira@scaleflow.example")
    mail["To"] = Address("Dana Réed", addr_spec=DANA)
    mail["Subject"] = subject
    mail["Message-ID"] = "<77c0d1aa-0000-5000-8000-000000000001@scaleflow.example>"
    mail.set_content(body, charset="utf-8")
    mail.add_alternative("<html><body><p>2M ARR é</p></body></html>", subtype="html", charset="utf-8")
    return mail


class Begin:
    """Counts how often the content was about to go, and what had arrived by then."""

    def __init__(self, received: Callable[[], int], answer: bool | Exception = True) -> None:
        self.received = received
        self.answer = answer
        self.seen: list[int] = []

    def __call__(self) -> bool:
        self.seen.append(self.received())
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class Place(Protocol):
    """A mailer and what has arrived at its other side."""

    mailer: Mailer

    def received(self) -> list[EmailMessage]: ...


class Memory:
    def __init__(self) -> None:
        self.mailer = MemoryMailer()

    def received(self) -> list[EmailMessage]:
        return [each.mail for each in self.mailer.received]


class Folder:
    def __init__(self, folder: Path) -> None:
        self.folder = folder / "sent"
        self.mailer = EmlFolder(self.folder)

    def received(self) -> list[EmailMessage]:
        mails = [message_from_bytes(path.read_bytes(), policy=default) for path in sorted(self.folder.glob("*.eml"))]
        return [mail for mail in mails if isinstance(mail, EmailMessage)]


class Smtp:
    def __init__(self, server: MailServer, ca: Path) -> None:
        self.server = server
        self.mailer = SmtpMailer(settings(server, ca))

    def received(self) -> list[EmailMessage]:
        return [taken.mail for taken in self.server.taken]


def settings(server: MailServer, ca: Path | None = None, **other: Any) -> SmtpSettings:
    """With STARTTLS and login where there is an authority, else in clear."""
    login = {"username": USER, "password": SecretStr(PASSWORD), "ca_file": ca} if ca else {"starttls": False}
    return SmtpSettings(**{"host": server.host, "port": server.port, "timeout": 5.0} | login | other)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def ca_file(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return path


@pytest.fixture
def secure(authority: trustme.CA) -> Iterator[MailServer]:
    with mail_server(authority) as server:
        yield server


@pytest.fixture
def plain() -> Iterator[MailServer]:
    with mail_server() as server:
        yield server


@pytest.fixture(params=["memory", "folder", "smtp"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    if request.param == "memory":
        return Memory()
    if request.param == "folder":
        return Folder(tmp_path)
    return Smtp(request.getfixturevalue("secure"), request.getfixturevalue("ca_file"))


def test_a_mail_arrives_whole_after_its_beginning_was_told(place: Place) -> None:
    begin = Begin(lambda: len(place.received()))
    posted = place.mailer.post(written(), DANA, begin)
    assert posted.reply is Reply.ACCEPTED
    assert begin.seen == [0], "told once, before anything arrived"
    (mail,) = place.received()
    assert mail["Subject"] == "ScaleFlow: ARR passed 2M"
    assert mail["To"].addresses[0].display_name == "Dana Réed"
    plain, rich = mail.get_body(("plain",)), mail.get_body(("html",))
    assert plain is not None
    assert rich is not None
    assert plain.get_content().replace("\r\n", "\n") == "Dear Dana,\n\n.\n..2M ARR é 🙂.\n"
    assert "2M ARR é" in rich.get_content()
    assert place.mailer.name
    assert place.mailer.check()


def test_nothing_goes_without_leave(place: Place) -> None:
    begin = Begin(lambda: 0, answer=False)
    assert place.mailer.post(written(), DANA, begin).reply is Reply.GIVEN_UP
    with pytest.raises(TransientError):
        place.mailer.post(written(), DANA, Begin(lambda: 0, answer=TransientError("postgres is away")))
    assert place.received() == []


def test_a_folder_has_one_file_a_mail_however_often_it_comes_and_no_remnants(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    for _ in range(2):
        assert folder.mailer.post(written(), DANA, lambda: True).reply is Reply.ACCEPTED
    assert [path.name for path in folder.folder.iterdir()] == ["77c0d1aa-0000-5000-8000-000000000001.eml"]
    (mail,) = folder.received()
    assert mail["X-Unsent"] == "1", "a mail program opens it as one that is still to be sent"


KILLED = """
import os, signal, sys
from pathlib import Path
from sago.stores.eml_folder import EmlFolder
from tests.contracts.test_mailer import DANA, written
EmlFolder(Path(sys.argv[1])).post(written(), DANA, lambda: os.kill(os.getpid(), signal.SIGKILL))
"""


def test_what_a_killed_process_left_half_written_is_cleared_away_and_nothing_else(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    killed = subprocess.run([sys.executable, "-c", KILLED, str(folder.folder)], capture_output=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    (left,) = folder.folder.iterdir()
    assert left.suffix == ".partial"
    held = folder.folder / f"8{left.name[1:]}"
    others = [held, folder.folder / "notes.1.partial", folder.folder / f"{left.stem}.eml.partial"]
    for path in others:
        path.write_text("somebody's")
    assert folder.mailer.post(written(), DANA, lambda: True).reply is Reply.ACCEPTED
    assert left.exists(), "it may be somebody's who is at work"
    old = time.time() - 2 * eml_folder.LEFT_AFTER
    for path in (left, *others):
        os.utime(path, (old, old))
    with held.open("rb") as living:
        fcntl.flock(living, fcntl.LOCK_EX)
        assert folder.mailer.post(written(), DANA, lambda: True).reply is Reply.ACCEPTED
    assert not left.exists()
    assert all(path.exists() for path in others)
    assert len(folder.received()) == 1


def test_a_folder_that_cannot_be_written_is_a_setting_to_mend(tmp_path: Path) -> None:
    (tmp_path / "sent").write_text("a file")
    mailer = EmlFolder(tmp_path / "sent")
    for ask in (mailer.check, lambda: mailer.post(written(), DANA, lambda: True)):
        with pytest.raises(ConfigError, match=r"set outreach\.folder"):
            ask()


def test_a_mail_goes_encrypted_to_one_recipient_with_no_copy(secure: MailServer, ca_file: Path) -> None:
    mail = written()
    mail["Bcc"] = "eve@x.example"
    mail["Cc"] = "kim@x.example"
    SmtpMailer(settings(secure, ca_file, helo="sago.example.com", envelope_from="bounces@x.example")).post(
        mail, DANA, lambda: True
    )
    (taken,) = secure.taken
    assert taken.was_encrypted
    assert (taken.sender, taken.recipients) == ("bounces@x.example", (DANA,))
    assert taken.content.isascii()
    assert b"\r\n" in taken.content
    assert b"\n" not in taken.content.replace(b"\r\n", b"")
    assert "SMTPUTF8" not in taken.options
    assert taken.mail["Bcc"] is None


def test_a_link_and_a_thread_arrive_as_links_and_ids_not_as_encoded_words(plain: MailServer, tmp_path: Path) -> None:
    """The standard library encodes what is longer than a line; no mail program reads a link out of that."""
    mail, ids = written(), " ".join(f"<{'long-' * 16}{number}@mail.northgate.example>" for number in range(30))
    mail["References"] = ids
    LINKS.dress(mail, MAIL, NOW)
    assert SmtpMailer(settings(plain)).post(mail, DANA, lambda: True).reply is Reply.ACCEPTED
    EmlFolder(tmp_path).post(mail, DANA, lambda: True)
    (file,) = tmp_path.glob("*.eml")
    for raw in (plain.taken[0].content, file.read_bytes()):
        head = raw.partition(b"\r\n\r\n")[0]
        assert f"List-Unsubscribe: {mail['List-Unsubscribe']}\r\n".encode() in head
        assert b"List-Unsubscribe-Post: List-Unsubscribe=One-Click" in head
        assert head.count(b"@mail.northgate.example>") == 30
        assert max(map(len, raw.split(b"\r\n"))) <= 998


def test_lines_that_begin_with_a_dot_arrive_as_they_were(plain: MailServer) -> None:
    mail = EmailMessage()
    mail["From"] = "mira@scaleflow.example"
    mail.set_content(".\n..\n.a\nQUIT\n", cte="7bit")
    assert SmtpMailer(settings(plain)).post(mail, DANA, lambda: True).reply is Reply.ACCEPTED
    assert plain.taken[0].mail.get_content().replace("\r\n", "\n") == ".\n..\n.a\nQUIT\n"


def test_an_address_beyond_ascii_goes_where_the_server_takes_it(plain: MailServer) -> None:
    assert SmtpMailer(settings(plain)).post(written(), "dána@x.example", lambda: True).reply is Reply.ACCEPTED
    assert plain.taken[0].recipients == ("dána@x.example",)
    assert "SMTPUTF8" in plain.taken[0].options


def test_a_sender_without_address_needs_that_of_the_house(plain: MailServer) -> None:
    mail = written()
    del mail["From"]
    mail["From"] = Group("Mira Sol")
    with pytest.raises(PermanentError, match=r"set smtp\.envelope_from"):
        SmtpMailer(settings(plain)).post(mail, DANA, lambda: True)
    SmtpMailer(settings(plain, envelope_from="house@x.example")).post(mail, DANA, lambda: True)
    assert str(plain.taken[0].mail["From"]) == "Mira Sol <house@x.example>"


@pytest.mark.parametrize(
    ("answer", "reply"),
    [
        ("550 5.1.1 no such user", Reply.NO_SUCH_ADDRESS),
        ("550 Requested action not taken: no such user (#5.1.1)", Reply.NO_SUCH_ADDRESS),
        ("556 5.1.10 the domain takes no mail", Reply.NO_SUCH_ADDRESS),
        ("550 no such user", Reply.DEFERRED),
        ("551 relay not permitted", Reply.DEFERRED),
        ("553 5.1.7 bad sender address", Reply.DEFERRED),
        ("550 5.1.8 the sender's domain is unknown", Reply.DEFERRED),
        ("550 5.1.1 said mx.scaleflow.example: sender verify failed", Reply.DEFERRED),
        ("550 5.7.1 blocked by a list; see 5.1.1 in our help", Reply.DEFERRED),
        ("550 5.1.1.7 is on a blocklist", Reply.DEFERRED),
        ("550 5.2.1 mailbox disabled", Reply.NO_SUCH_ADDRESS),
        ("550 5.7.1 relaying denied", Reply.DEFERRED),
        ("554 we do not know you", Reply.DEFERRED),
        ("450 4.2.0 greylisted, come back", Reply.DEFERRED),
        ("452 4.2.2 mailbox full", Reply.DEFERRED),
    ],
)
def test_what_a_server_says_to_the_recipient_is_certain(plain: MailServer, answer: str, reply: Reply) -> None:
    plain.manners.rcpt[DANA] = answer
    begin = Begin(lambda: len(plain.taken))
    assert SmtpMailer(settings(plain)).post(written(), DANA, begin) == Posted(reply, answer)
    assert (begin.seen, plain.taken) == ([], [])


def test_what_a_server_says_is_kept_without_control_characters(plain: MailServer) -> None:
    plain.manners.rcpt[DANA] = "450 4.2.0 come\x00 back\x07later"
    begin = Begin(lambda: len(plain.taken))
    posted = SmtpMailer(settings(plain)).post(written(), DANA, begin)
    assert posted == Posted(Reply.DEFERRED, "450 4.2.0 come back later")


@pytest.mark.parametrize(
    ("answer", "reply"),
    [
        ("554 5.6.0 spam", Reply.REFUSED),
        ("552 5.3.4 too large", Reply.REFUSED),
        ("451 4.3.0 try again", Reply.DEFERRED),
        ("421 4.3.2 shutting down", Reply.UNKNOWN),
        ("drop", Reply.UNKNOWN),
        ("cut", Reply.UNKNOWN),
    ],
)
def test_what_a_server_says_to_the_content_is_certain_and_silence_is_not(
    plain: MailServer, answer: str, reply: Reply
) -> None:
    plain.manners.data = answer
    begin = Begin(lambda: len(plain.taken))
    posted = SmtpMailer(settings(plain)).post(written(), DANA, begin)
    assert posted.reply is reply
    assert begin.seen == [0]
    assert posted.said == answer or "did not say whether it took the mail" in posted.said


def test_a_server_that_takes_too_long_over_the_content_leaves_it_unknown(
    plain: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smtp_mailer, "ANSWER_WITHIN", 0.5)
    plain.manners.data = "hang"
    began = time.monotonic()
    assert SmtpMailer(settings(plain)).post(written(), DANA, lambda: True).reply is Reply.UNKNOWN
    assert time.monotonic() - began < 10
    assert len(plain.taken) == 1, "it has the mail: sending again would make two"


@pytest.mark.parametrize(("answer", "reply"), [("drop", Reply.DEFERRED), ("451 4.3.0 later", Reply.DEFERRED)])
def test_until_the_server_asks_for_the_content_nothing_has_gone(plain: MailServer, answer: str, reply: Reply) -> None:
    plain.manners.before_data = answer
    assert SmtpMailer(settings(plain)).post(written(), DANA, lambda: True).reply is reply
    assert plain.taken == []


@pytest.mark.parametrize("password", ["wrong", PASSWORD])
def test_a_login_that_is_refused_names_the_setting(secure: MailServer, ca_file: Path, password: str) -> None:
    mailer = SmtpMailer(settings(secure, ca_file, password=SecretStr(password)))
    if password == PASSWORD:
        assert mailer.check() == f"localhost:{secure.port} takes mail with STARTTLS, as {USER}"
        return
    for ask in (mailer.check, lambda: mailer.post(written(), DANA, lambda: True)):
        with pytest.raises(ConfigError, match="SAGO_SMTP__PASSWORD") as refused:
            ask()
        assert "wrong" not in str(refused.value)
    assert secure.handler.rcpts == []


def test_a_server_that_offers_no_starttls_gets_nothing(plain: MailServer) -> None:
    """Whoever stands between can take the offer out of the answer: neither password nor mail may follow in clear."""
    mailer = SmtpMailer(
        SmtpSettings(host="localhost", port=plain.port, username=USER, password=SecretStr(PASSWORD), timeout=5)
    )
    with pytest.raises(ConfigError, match="offers no STARTTLS, and nothing is sent in clear"):
        mailer.post(written(), DANA, lambda: True)
    assert plain.handler.rcpts == []


def test_a_certificate_of_another_name_or_authority_gets_nothing(authority: trustme.CA, ca_file: Path) -> None:
    for issuer, name in ((authority, "other.example"), (trustme.CA(), "localhost")):
        with mail_server(issuer, name=name) as server:
            mailer = SmtpMailer(settings(server, ca_file))
            with pytest.raises(ConfigError, match=r"certificate is not to be trusted.*smtp\.host.*smtp\.ca_file"):
                mailer.post(written(), DANA, lambda: True)
            assert server.handler.rcpts == []


def test_a_dead_and_a_silent_server_are_outages() -> None:
    dead = SmtpSettings(host="localhost", port=free_port(), starttls=False, timeout=1)
    with pytest.raises(TransientError, match=r"does not answer: .*refused"):
        SmtpMailer(dead).post(written(), DANA, lambda: True)
    with silent_server() as port:
        mute = SmtpSettings(host="127.0.0.1", port=port, starttls=False, timeout=0.5)
        with pytest.raises(TransientError, match=r"does not answer: .*timed out"):
            SmtpMailer(mute).check()
    nowhere = SmtpSettings(host="mail.invalid", timeout=1)
    with pytest.raises(TransientError, match=r"mail\.invalid:587 does not answer"):
        SmtpMailer(nowhere).check()


def test_a_server_that_is_slow_before_the_content_is_an_outage_too(plain: MailServer) -> None:
    plain.manners.slow = 3.0
    with pytest.raises(TransientError, match="timed out"):
        SmtpMailer(settings(plain, timeout=0.3)).post(written(), DANA, lambda: True)
    assert plain.taken == []


@pytest.mark.parametrize("which", ["220", "250", "250 OK"])
def test_a_server_that_dribbles_before_the_content_is_an_outage(plain: MailServer, which: str) -> None:
    plain.manners.dribbled, plain.manners.dribble = which, 0.2
    began = time.monotonic()
    begin = Begin(lambda: 0)
    with pytest.raises(TransientError, match="timed out"):
        SmtpMailer(settings(plain, timeout=0.7)).post(written(), DANA, begin)
    assert time.monotonic() - began < 2.5, "each byte came in time, the answer did not"
    assert (begin.seen, plain.taken) == ([], [])


def test_answers_that_are_each_in_time_and_together_are_not_are_an_outage(
    plain: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smtp_mailer, "OPEN_WITHIN", 1.0)
    plain.manners.dribbled, plain.manners.dribble = "2", 0.02
    began = time.monotonic()
    with pytest.raises(TransientError, match="timed out"):
        SmtpMailer(settings(plain, timeout=12)).post(written(), DANA, lambda: True)
    assert time.monotonic() - began < 4
    assert plain.taken == []


def test_a_server_that_dribbles_its_leave_for_the_content_got_nothing(plain: MailServer) -> None:
    plain.manners.dribbled, plain.manners.dribble = "354", 0.2
    posted = SmtpMailer(settings(plain, timeout=0.7)).post(written(), DANA, lambda: True)
    assert posted.reply is Reply.DEFERRED
    assert "before the content went over" in posted.said
    assert plain.taken == []


def test_a_server_that_dribbles_its_thanks_has_the_mail_and_gets_it_once(
    plain: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smtp_mailer, "ANSWER_WITHIN", 0.7)
    plain.manners.dribbled, plain.manners.dribble = "250 2.0.0 taken", 0.2
    one = letter()
    room = Mailroom(one)
    object.__setattr__(room.sending, "mailer", SmtpMailer(settings(plain)))
    began = time.monotonic()
    room.deliver()
    assert time.monotonic() - began < 4
    assert room.states(one) == (MailState.UNKNOWN, LetterState.UNKNOWN)
    assert "did not say whether it took the mail" in (room.mail(one).error or "")
    plain.manners.dribbled = "never"
    room.deliver(DAY)
    assert len(plain.taken) == 1


def test_a_server_that_dribbles_its_farewell_does_not_hold_up_what_it_took(
    plain: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smtp_mailer, "QUIT_WITHIN", 0.3)
    plain.manners.dribbled, plain.manners.dribble = "221", 0.2
    began = time.monotonic()
    assert SmtpMailer(settings(plain)).post(written(), DANA, lambda: True).reply is Reply.ACCEPTED
    assert time.monotonic() - began < 2


def test_over_tls_a_dribble_is_bounded_too(secure: MailServer, ca_file: Path) -> None:
    secure.manners.dribbled, secure.manners.dribble = "235", 0.2
    began = time.monotonic()
    with pytest.raises(TransientError, match="timed out"):
        SmtpMailer(settings(secure, ca_file, timeout=0.7)).post(written(), DANA, lambda: True)
    assert time.monotonic() - began < 3
    assert secure.handler.rcpts == []


def test_a_letter_of_many_pieces_arrives_whole_over_tls(secure: MailServer, ca_file: Path) -> None:
    body = "".join(f"line {number} of a long letter\n" for number in range(20_000))
    assert SmtpMailer(settings(secure, ca_file)).post(written(body=body), DANA, lambda: True).reply is Reply.ACCEPTED
    plain = secure.taken[0].mail.get_body(("plain",))
    assert plain is not None
    assert plain.get_content().replace("\r\n", "\n") == body


def test_a_talk_that_a_round_begins_last_ends_well_before_the_task_does() -> None:
    talk = smtp_mailer.OPEN_WITHIN + smtp_mailer.ANSWER_WITHIN + smtp_mailer.QUIT_WITHIN
    written = Path(__file__).parents[2].joinpath("celeryconfig.py").read_text()  # its import needs a running stack
    limit = re.search(r"^task_soft_time_limit = (\d+)$", written, re.M)
    assert limit is not None
    assert ROUND + talk <= int(limit[1]) - 30


def test_a_line_end_in_an_address_is_no_command(plain: MailServer) -> None:
    with pytest.raises(PermanentError, match="is no mail address"):
        SmtpMailer(settings(plain)).post(written(), "dana@x.example>\r\nDATA", lambda: True)
    assert plain.taken == []


def test_mail_in_clear_is_for_ones_own_network() -> None:
    with pytest.raises(ValueError, match="in clear"):
        SmtpSettings(host="mail.example.com", starttls=False)
    with pytest.raises(ValueError, match="SAGO_SMTP__PASSWORD"):
        SmtpSettings(host="mail.example.com", username="x")

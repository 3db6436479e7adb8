"""The page behind the link in a mail: a GET changes nothing, one POST is enough, no key is needed."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from httpx2 import Response

from sago.domain.companies import Person
from sago.domain.mails import MailState, new_mail
from sago.outreach.unsubscribing import Links
from sago.stores.memory.drafts import MemoryDrafts
from sago.stores.memory.mailer import MemoryMailer
from tests.unit.api.api_house import NOW, House, container_in_memory, open_house, settings_of

DANA = Person(name="Dana Reed", email="dana@northgate.example")
MAIL = new_mail("letter", UUID(int=1), DANA, firm_id="default", company_id="scaleflow", now=NOW)
LINKS = Links("https://sago.example.com/unsubscribe", b"s" * 32)
PATH = f"/unsubscribe/{LINKS.token(MAIL)}"
FORM = "application/x-www-form-urlencoded"
MULTIPART = (
    b'--x\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--x--\r\n',
    "multipart/form-data; boundary=x",
)
STRANGER = ("203.0.113.9", 50000)


@pytest.fixture
def house() -> House:
    settings = settings_of(host="203.0.113.1", key="k" * 32)
    container = container_in_memory(settings, mailer=MemoryMailer(), drafts=MemoryDrafts(), links=LINKS)
    with container.database.begin() as tx:
        tx.mails.add(MAIL)
    return open_house(container, STRANGER)


def suppressed(house: House) -> list[str]:
    with house.container.database.begin() as tx:
        return [each.email for each in tx.contacts.suppressions()]


def post(house: House, path: str = PATH, body: bytes = b"List-Unsubscribe=One-Click", kind: str = FORM) -> Response:
    answer: Response = house.client.post(path, content=body, headers={"Content-Type": kind})
    return answer


def test_a_scanner_that_follows_the_link_unsubscribes_nobody(house: House) -> None:
    with house.client as client:
        for _ in range(2):
            answer = client.get(PATH)
            assert answer.status_code == 200
        assert client.head(PATH).status_code in (200, 405)
    assert '<form method="post">' in answer.text
    assert 'name="List-Unsubscribe" value="One-Click"' in answer.text
    assert "dana" not in answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert suppressed(house) == []


@pytest.mark.parametrize(("body", "kind"), [(b"List-Unsubscribe=One-Click", FORM), MULTIPART])
def test_one_click_without_a_key_is_enough_and_a_second_changes_nothing(house: House, body: bytes, kind: str) -> None:
    with house.client:
        for _ in range(2):
            answer = post(house, body=body, kind=kind)
            assert (answer.status_code, "Done" in answer.text) == (200, True)
            assert "location" not in answer.headers
    assert suppressed(house) == ["dana@northgate.example"]
    with house.container.database.begin() as tx:
        mail = tx.mails.get(MAIL.id)
    assert mail is not None
    assert mail.state is MailState.CANCELLED
    assert (mail.error or "").startswith("dana@northgate.example gets no mail: unsubscribed by the link")


@pytest.mark.parametrize("body", [b"", b"List-Unsubscribe=No", b"\xff\xfe", b"a=b&" * 50])
def test_a_post_that_does_not_say_so_only_asks(house: House, body: bytes) -> None:
    with house.client:
        answer = post(house, body=body)
    assert '<form method="post">' in answer.text
    assert suppressed(house) == []


def test_a_link_that_is_not_ours_is_told_in_words(house: House) -> None:
    with house.client as client:
        for path in ("/unsubscribe/x", PATH[:-1], "/unsubscribe/" + "A" * 43, "/unsubscribe/%C3%A9%00"):
            assert client.get(path).status_code == 404
            answer = post(house, path)
            assert (answer.status_code, "We do not know this link" in answer.text) == (404, True)
    assert suppressed(house) == []


def test_a_body_is_read_no_further_than_a_form_is_long(house: House) -> None:
    with house.client:
        assert post(house, body=b"List-Unsubscribe=One-Click&" + b"x" * 20_000).status_code == 413
    assert suppressed(house) == []


def test_no_line_of_the_log_has_the_token_of_a_link(
    house: House, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level("DEBUG")
    caplog.set_level("WARNING", "httpx2")  # the test's own client
    with house.client as client:
        for path in (PATH, f"{PATH}/", f"/sago{PATH}", f"{PATH}?a=1"):
            client.get(path)
            client.put(path)
            post(house, path)
    logged = caplog.text + "".join(capsys.readouterr())
    assert logged.count("/unsubscribe/{token}") >= 12
    assert PATH.rpartition("/")[2] not in logged


def test_everything_else_still_wants_the_key(house: House) -> None:
    with house.client as client:
        assert client.get("/api/v1/data-flow/health").status_code == 401


def test_a_link_is_good_for_ever(house: House) -> None:
    with house.client:
        house.container.clock.sleep(timedelta(days=4000).total_seconds())
        assert post(house).status_code == 200
    assert suppressed(house) == ["dana@northgate.example"]

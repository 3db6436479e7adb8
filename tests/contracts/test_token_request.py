"""The request that renews a token: bounded in time and size, led nowhere else, and silent about what was sent."""

from __future__ import annotations

import socket

import pytest
from pytest_httpserver import HTTPServer

from sago.errors import TransientError, UnusableAnswerError
from sago.sources import token_request
from sago.sources.token_request import posted
from tests.canaries import slack_refresh

FORM = {"refresh_token": slack_refresh("old")}


def test_the_form_is_posted_and_the_answer_told_as_it_is(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/token", method="POST", data=f"refresh_token={FORM['refresh_token']}").respond_with_data(
        "no", status=400, headers={"X-Said": "so"}
    )
    status, headers, body = posted("Google", httpserver.url_for("/token"), FORM)
    assert (status, headers["x-said"], body) == (400, "so", b"no")


def test_a_redirect_is_not_followed(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/token").respond_with_data("", status=307, headers={"Location": "/elsewhere"})
    assert posted("Google", httpserver.url_for("/token"), FORM)[0] == 307
    assert [request.path for request, _ in httpserver.log] == ["/token"]


def test_what_takes_too_long_is_too_large_or_not_there_is_an_outage_that_holds_no_secret(
    httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(token_request, "LARGEST", 10)
    httpserver.expect_request("/large").respond_with_data("x" * 11)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        told = [
            outage_of(httpserver.url_for("/large"), UnusableAnswerError),
            outage_of(f"http://127.0.0.1:{silent.getsockname()[1]}/token", TransientError, within=0.3),
        ]
    told.append(outage_of("http://127.0.0.1:9/token", TransientError))
    assert all(each.startswith("Google") and FORM["refresh_token"] not in each for each in told)


def outage_of(url: str, kind: type[TransientError], within: float = 20.0) -> str:
    with pytest.raises(TransientError) as raised:
        posted("Google", url, FORM, within=within)
    assert type(raised.value) is kind
    return str(raised.value)

"""TokenSource with a small token endpoint; logging in with its tokens to a real dovecot that asks the same endpoint."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest
from dovecot import Dovecot
from mails import raw_mail

from addispatch.sdk.testing import FakeClock
from addispatch_plugins.mailbox import plugin
from addispatch_plugins.mailbox.config import Kind, MailboxConfig, OAuth2Config
from addispatch_plugins.mailbox.oauth2 import TokenSource
from addispatch_plugins.mailbox.session import MailboxTrouble


class Endpoint:
    """Gives out tokens, and tells dovecot (RFC 7662) which are good."""

    def __init__(self):
        self.forms, self.answers, self.status = [], [], 200
        self.good = set()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                form = {key: values[0] for key, values in parse_qs(body).items()}
                outer.forms.append(form)
                answer = outer.answers.pop(0) if outer.answers else {"access_token": "tok-1", "expires_in": 3600}
                self.answer(outer.status, answer)

            def do_GET(self):
                bearer = self.headers.get("Authorization", "").removeprefix("Bearer ")
                is_good = bearer in outer.good
                self.answer(200, {"active": is_good, "username": "acks@example.com"} if is_good else {"active": False})

            def answer(self, status, document):
                body = document if isinstance(document, bytes) else json.dumps(document).encode()
                self.send_response(status)
                if status == 302:
                    self.send_header("Location", "http://127.0.0.1:1/elsewhere")
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_args):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def stop(self):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def endpoint():
    endpoint = Endpoint()
    yield endpoint
    endpoint.stop()


@pytest.fixture
def source(endpoint, tmp_path):
    def source(clock=None, file=None, kind=Kind.IMAP, **changes):
        table = {
            "provider": "microsoft",
            "client_id": "id",
            "refresh_token": "r-1",
            "token_url": endpoint.url,
            **changes,
        }
        return TokenSource(OAuth2Config(**table), kind, clock or FakeClock(), file)

    return source


def test_a_token_is_kept_until_shortly_before_its_end(endpoint, source):
    clock = FakeClock()
    tokens = source(clock)
    assert tokens() == tokens() == "tok-1"
    clock.forward(seconds=3600 - 121)
    tokens()
    assert len(endpoint.forms) == 1
    clock.forward(seconds=2)
    tokens()
    assert len(endpoint.forms) == 2
    tokens.forget()
    tokens()
    assert len(endpoint.forms) == 3


def test_what_is_asked(endpoint, source):
    source()()
    source(kind=Kind.POP3, client_secret="s")()
    source(provider="google")()
    source(refresh_token="", client_secret="s", tenant="t")()
    source(scope="own scope", provider="custom")()
    scope = "https://outlook.office.com/{}.AccessAsUser.All offline_access"
    refresh = {"client_id": "id", "grant_type": "refresh_token", "refresh_token": "r-1"}
    assert endpoint.forms == [
        {**refresh, "scope": scope.format("IMAP")},
        {**refresh, "client_secret": "s", "scope": scope.format("POP")},
        refresh,
        {
            "client_id": "id",
            "grant_type": "client_credentials",
            "client_secret": "s",
            "scope": "https://outlook.office365.com/.default",
        },
        {**refresh, "scope": "own scope"},
    ]


def test_usual_addresses():
    def url(**table):
        return TokenSource(OAuth2Config(client_id="id", refresh_token="r", **table), Kind.IMAP, FakeClock(), None).url

    assert url(provider="google") == "https://oauth2.googleapis.com/token"
    assert url(provider="microsoft") == "https://login.microsoftonline.com/common/oauth2/v2.0/token"
    assert urlsplit(url(provider="microsoft", tenant="t.example.com")).path == "/t.example.com/oauth2/v2.0/token"


def test_a_new_refresh_token_is_kept_privately_and_used(endpoint, source, tmp_path):
    file = tmp_path / "refresh_token.json"
    endpoint.answers = [{"access_token": "a", "refresh_token": "r-2"}]
    source(file=file)()
    assert file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["refresh_token.json"]
    source(file=file)()
    # Another one in the configuration is newer than what came of the old one.
    source(file=file, refresh_token="r-9")()
    file.write_text("{damaged")
    source(file=file)()
    assert [form["refresh_token"] for form in endpoint.forms] == ["r-1", "r-2", "r-9", "r-1"]


@pytest.mark.parametrize(
    ("status", "answer", "says", "is_login"),
    [
        (400, {"error": "invalid_grant", "error_description": "AADSTS700082: expired\r\nTrace ID: x"}, "AADSTS700082: expired", True),
        (401, {"error": "invalid_client"}, "HTTP 401 invalid_client", True),
        (503, b"<html>", "HTTP 503", False),
        (302, {}, "HTTP 302", False),
        (200, {"token_type": "Bearer"}, "gives no access_token", False),
        (200, b"[" * 100_000, "gives no access_token", False),
        (200, {"access_token": "a\r\nb"}, "gives no access_token", False),
    ],
)  # fmt: skip
def test_what_goes_wrong_is_one_line_without_secrets(endpoint, source, status, answer, says, is_login):
    endpoint.status, endpoint.answers = status, [answer]
    with pytest.raises(MailboxTrouble) as error:
        source(refresh_token="r-secret", client_secret="c-secret")()
    assert says in str(error.value)
    assert "secret" not in str(error.value)
    assert "\n" not in str(error.value)
    assert error.value.is_login is is_login


def test_an_absent_endpoint_is_no_refused_login(source):
    with pytest.raises(MailboxTrouble, match="asking for a token: Connection refused") as error:
        source(token_url="http://127.0.0.1:1/token")()
    assert not error.value.is_login


@pytest.mark.debian
@pytest.mark.parametrize("kind", ["pop3", "imap"])
async def test_logging_in_with_a_token(kind, endpoint, folder, context, until):
    (folder / "oauth2.conf").write_text(
        f"introspection_mode = auth\nintrospection_url = {endpoint.url}/introspect\n"
        "username_attribute = username\nactive_attribute = active\nactive_value = true\n"
    )
    extra = f"""
auth_mechanisms = plain xoauth2
passdb {{
  driver = oauth2
  mechanisms = xoauth2
  args = {folder}/oauth2.conf
}}
"""
    with Dovecot(folder, extra=extra) as server:
        server.deliver(raw_mail("mutt"))
        endpoint.answers = [{"access_token": "tok-old", "expires_in": 3600}]
        endpoint.good = {"tok-1"}
        config = MailboxConfig(
            kind=kind, host="127.0.0.1", port=server.ports[kind], security="none", user=server.user, poll_s=1,
            oauth2={"provider": "custom", "client_id": "id", "refresh_token": "r", "token_url": endpoint.url},
        )  # fmt: skip
        instance = plugin.create(config, context)
        await instance.start()
        event = await context.wait_for_event("login refused", timeout_s=15)
        assert event.data["login_refused"]
        assert "tok-old" not in event.text
        await instance.stop()
        # The daemon tries again after a minute; a new start asks for a token as that does.
        instance = plugin.create(config, context)
        await instance.start()
        await until(lambda: not server.mails)
        await context.messages.wait_for()
        await instance.stop()

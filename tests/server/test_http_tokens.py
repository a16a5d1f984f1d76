"""Files that are read with a token only, given out as the Planetary Computer does."""

import re

import planetary_computer.sas
import requests
from planetary_computer.settings import Settings
from server_cases import DATA

from changedetect.testing.http_server import FileServer
from changedetect.testing.tokens import SasPolicy


def test_the_planetary_computer_package_signs_and_signs_again(root, monkeypatch):
    monkeypatch.setattr(planetary_computer.sas, "TOKEN_CACHE", {})
    href = "http://account.blob.core.windows.net/images/x.tif"
    hosts = {"account.blob.core.windows.net": "account", "open.example": "account"}
    with FileServer(root, hosts=hosts, sas=SasPolicy(uses=2)) as server:
        monkeypatch.setattr(Settings.get(), "sas_url", f"{server.url}/api/sas/v1/token")

        def fetch(url):
            return requests.get(url, proxies={"http": server.url}, timeout=20)

        signed = planetary_computer.sas.sign(href)
        assert [fetch(signed).status_code for _ in range(3)] == [200, 200, 403]
        refused = fetch(signed)
        assert b"<Code>AuthenticationFailed</Code>" in refused.content
        assert refused.headers["Content-Type"] == "application/xml"
        assert planetary_computer.sas.sign(href) == signed
        planetary_computer.sas.TOKEN_CACHE.clear()
        assert fetch(planetary_computer.sas.sign(href)).content == DATA
        assert [fetch(url).status_code for url in (href, f"{href}?sig=made-up")] == [403, 403]
        assert fetch("http://open.example/images/x.tif").ok
        assert server.injected == {"expired_token": 2, "no_token": 1, "bad_token": 1}
        assert len(server.tokens) == 2
        assert signed.endswith(server.tokens[0].text)
        seen = f"{server.log} {server.tokens}"
    for token in server.tokens:
        assert token.signature not in seen
        assert token.text not in seen


def test_tokens_end_with_time_when_told_and_at_their_container(root):
    def token(server, container):
        answer = requests.get(f"{server.url}/api/sas/v1/token/account/{container}", timeout=20).json()
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", answer["msft:expiry"])
        return answer["token"]

    def status(server, signature):
        url = f"http://account.blob.core.windows.net/images/x.tif?{signature}"
        return requests.get(url, proxies={"http": server.url}, timeout=20).status_code

    hosts = {"account.blob.core.windows.net": "account"}
    with FileServer(root, hosts=hosts, sas=SasPolicy()) as server:
        assert status(server, token(server, "other")) == 403
        good = token(server, "images")
        assert status(server, good) == 200
        server.expire_tokens()
        assert status(server, good) == 403
        assert status(server, token(server, "images")) == 200
    with FileServer(root, hosts=hosts, sas=SasPolicy(lifetime_s=0.0)) as server:
        assert status(server, token(server, "images")) == 403

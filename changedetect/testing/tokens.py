"""Signed links that stop working, as Azure storage and the Planetary Computer hand them out.

A shared access signature (SAS) is a query string that a token service issues for a container of a storage account. It
states when it ends (`se`); it may end earlier all the same. The service's answer is that of the Planetary Computer
(`/api/sas/v1/token/{account}/{container}` gives `msft:expiry` and `token`), which the `planetary-computer` package
reads; its environment variable `PC_SDK_SAS_URL` leads it here.
"""

import base64
import hashlib
import hmac
import json
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from typing import Literal
from urllib.parse import parse_qs, quote

from changedetect.errors import ConfigError

TOKEN_PATH = "/api/sas/v1/token/"  # noqa: S105 - a path, not a secret
"""Where tokens are asked for, on whatever host."""

BLOB_HOST = ".blob.core.windows.net"
"""How the host names of Azure storage accounts end."""

Verdict = Literal["ok", "no_token", "expired_token", "bad_token"]
"""`bad_token`: never issued, or issued for another container."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SasPolicy:
    """Which paths need a token, and how long a token is good."""

    path: str = f"*{BLOB_HOST}/*"
    """Shell pattern of the paths that need one: `/private/*`, or `host/path` where the server stands in for a host."""
    uses: int | None = None
    """Requests a token is good for (each counts, also one that a fault hits); None: any number."""
    lifetime_s: float | None = None
    """Seconds it is really good for; None: as stated."""
    stated_ttl_s: float = 2700.0
    """Seconds until the end that it states; the `planetary-computer` package renews it within its last 60 s."""
    seed: int = 0
    """Of the signatures."""

    def __post_init__(self) -> None:
        if (self.uses is not None and self.uses < 1) or (self.lifetime_s or 0) < 0 or self.stated_ttl_s <= 0:
            msg = (
                f"a token can't be good for {self.uses} uses, {self.lifetime_s} s, stated {self.stated_ttl_s} s: uses"
                " must be at least 1, seconds positive"
            )
            raise ConfigError(msg)


@dataclass(frozen=True, slots=True, kw_only=True)
class SasToken:
    """A token that was issued: a canary that must not turn up in any output."""

    account: str
    """Storage account it is for."""
    container: str
    """Container it is for."""
    signature: str = field(repr=False)
    """The secret itself, base64."""
    text: str = field(repr=False)
    """The query string, percent-encoded; add it to a URL behind a `?`."""
    expiry: datetime
    """The end it states, UTC."""
    issued: float
    """`time.monotonic()` when issued."""


class TokenDesk:
    """Issues tokens and checks them; used from one thread."""

    def __init__(self, policy: SasPolicy) -> None:
        self.policy = policy
        self._issued: dict[str, SasToken] = {}
        self._uses: dict[str, int] = {}
        self._revoked: set[str] = set()

    @property
    def tokens(self) -> tuple[SasToken, ...]:
        """All tokens ever issued, oldest first."""
        return tuple(self._issued.values())

    def issue(self, account: str, container: str) -> SasToken:
        """Issue a token for a container."""
        now = datetime.now(UTC).replace(microsecond=0)
        expiry = now + timedelta(seconds=self.policy.stated_ttl_s)
        words = f"{len(self._issued)}\n{account}\n{container}"
        digest = hmac.digest(f"changedetect {self.policy.seed}".encode(), words.encode(), hashlib.sha256)
        signature = base64.b64encode(digest).decode()
        text = f"st={_stamp(now)}&se={_stamp(expiry)}&sp=rl&sv=2024-05-04&sr=c&sig={quote(signature, safe='')}"
        token = SasToken(
            account=account,
            container=container,
            signature=signature,
            text=text.replace(":", "%3A"),
            expiry=expiry,
            issued=time.monotonic(),
        )
        self._issued[signature] = token
        return token

    def issue_json(self, path: str) -> bytes | None:
        """Answer the token service's `GET TOKEN_PATH/account/container`; None when the path is not one of its."""
        account, slash, container = path.removeprefix(TOKEN_PATH).partition("/")
        if not path.startswith(TOKEN_PATH) or not account or not slash or not container or "/" in container:
            return None
        token = self.issue(account, container)
        return json.dumps({"msft:expiry": _stamp(token.expiry), "token": token.text}).encode()

    def check(self, path: str, query: str) -> Verdict:
        """Say whether a path may be read with a query string, and count the use of its token."""
        if not fnmatchcase(path, self.policy.path):
            return "ok"
        signature = parse_qs(query).get("sig", [""])[0]
        if not signature:
            return "no_token"
        token = self._issued.get(signature)
        if token is None or not _covers(token, path):
            return "bad_token"
        self._uses[signature] = used = self._uses.get(signature, 0) + 1
        policy = self.policy
        age = time.monotonic() - token.issued
        lifetime = policy.stated_ttl_s if policy.lifetime_s is None else min(policy.lifetime_s, policy.stated_ttl_s)
        worn = policy.uses is not None and used > policy.uses
        return "expired_token" if worn or age >= lifetime or signature in self._revoked else "ok"

    def expire(self) -> None:
        """Let every token issued so far end now."""
        self._revoked |= set(self._issued)


def refusal(verdict: Verdict) -> bytes:
    """Give the XML with which Azure storage refuses a request (Blob service REST API, status and error codes)."""
    detail = {
        "no_token": "No signature in the request.",
        "expired_token": "Signature not valid in the specified time frame.",
    }.get(verdict, "Signature did not match.")
    message = (
        "Server failed to authenticate the request. Make sure the value of Authorization header is formed correctly"
        " including the signature."
    )
    error = (
        f"<Code>AuthenticationFailed</Code><Message>{message}</Message>"
        f"<AuthenticationErrorDetail>{detail}</AuthenticationErrorDetail>"
    )
    return f'\ufeff<?xml version="1.0" encoding="utf-8"?><Error>{error}</Error>'.encode()


def _covers(token: SasToken, path: str) -> bool:
    """Say whether a token is for the container of a path; a path on the server itself has no account to compare."""
    host = path.partition("/")[0]
    if not host.endswith(BLOB_HOST):
        return True
    return path.startswith(f"{token.account}{BLOB_HOST}/{token.container}/")


def _stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")

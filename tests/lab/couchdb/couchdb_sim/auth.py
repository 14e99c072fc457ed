# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Server administrators: their hashes in [admins], basic authentication, and the cookie of a session."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets
import time
from dataclasses import dataclass, field

from couchdb_sim.errors import CouchError, unauthorized
from couchdb_sim.ini import Config
from couchdb_sim.release import Release

COOKIE = "AuthSession"
# Since 3.4 the hash names its function; older releases take such a hash for a password in plain text.
HASH = re.compile(r"-pbkdf2(?::(?P<prf>sha\d*))?-(?P<key>[0-9a-f]+),(?P<salt>[0-9a-f]+),(?P<rounds>\d+)")


@dataclass(frozen=True)
class User:
    """Who asks; nobody has no name."""

    name: str | None = None
    roles: tuple[str, ...] = ()
    handler: str = ""

    @property
    def is_admin(self) -> bool:
        return "_admin" in self.roles


@dataclass
class Authentication:
    """Knows the administrators of one node."""

    config: Config
    release: Release
    _verified: dict[tuple[str, str], bytes] = field(default_factory=dict)

    @property
    def section(self) -> str:
        return "chttpd_auth" if self.release.since(3) else "couch_httpd_auth"

    def prepare(self) -> None:
        """Replace plain passwords by their hashes, and make a secret for cookies where there is none."""
        for name, value in self.config.section("admins").items():
            hashed = self.stored("admins", value)
            if hashed != value:
                self.config.rewrite("admins", name, hashed)
        if not self.config.get(self.section, "secret"):
            self.config.set(self.section, "secret", secrets.token_hex(16))

    def hash(self, password: str) -> str:
        prf, rounds = ("sha256", "50000") if self.release.since(3, 4) else ("sha", "10")
        rounds = self.config.get(self.section, "iterations", rounds)
        salt = secrets.token_hex(16)
        key = _derive(password, salt, int(rounds), prf).hex()
        return f"-pbkdf2{':sha256' if prf == 'sha256' else ''}-{key},{salt},{rounds}"

    def stored(self, section: str, value: str) -> str:
        """How a setting is kept: passwords of administrators as hashes."""
        return self.hash(value) if section == "admins" and not self._match(value) else value

    def user(self, authorization: str, cookie: str) -> User:
        """Who a request comes from; wrong credentials are refused, none at all are nobody's."""
        if authorization.lower().startswith("basic "):
            name, password = _basic(authorization)
            return self.login(name, password, "default")
        if cookie:
            return self._of_cookie(cookie)
        return self.party() or User()

    def party(self) -> User | None:
        """Before 3.0 everybody is an administrator while there is none."""
        if self.release.since(3) or self.config.section("admins"):
            return None
        return User(None, ("_admin",), "party")

    def login(self, name: str, password: str, handler: str) -> User:
        stored = self._match(self.config.get("admins", name))
        if stored is None or not self._verify(name, stored, password):
            raise unauthorized("Name or password is incorrect.")
        return User(name, ("_admin",), handler)

    def cookie(self, name: str) -> str:
        content = f"{name}:{int(time.time()):X}"
        token = base64.urlsafe_b64encode(content.encode() + b":" + self._sign(name, content)).decode().rstrip("=")
        return f"{COOKIE}={token}; Version=1; Max-Age={self.timeout}; Path=/; HttpOnly"

    @property
    def timeout(self) -> int:
        return int(self.config.get(self.section, "timeout", "600"))

    def _of_cookie(self, cookie: str) -> User:
        try:
            content = base64.urlsafe_b64decode(cookie + "=" * (-len(cookie) % 4))
            name, moment, signature = content.split(b":", 2)
            user, since = name.decode(), int(moment, 16)
        except (ValueError, binascii.Error) as error:
            raise CouchError(400, "bad_request", "Malformed AuthSession cookie. Please clear your cookies.") from error
        wanted = self._sign(user, f"{user}:{moment.decode()}")
        if not hmac.compare_digest(signature, wanted) or time.time() > since + self.timeout:
            return User()
        return User(user, ("_admin",), "cookie")

    def _sign(self, name: str, content: str) -> bytes:
        """The signature depends on the secret and on the salt: a cookie is good on all nodes that share both."""
        stored = self._match(self.config.get("admins", name))
        key = self.config.get(self.section, "secret") + (stored["salt"] if stored else secrets.token_hex(16))
        return hmac.new(key.encode(), content.encode(), hashlib.sha256).digest()

    def _match(self, value: str) -> re.Match[str] | None:
        match = HASH.fullmatch(value)
        return None if match and match["prf"] and not self.release.since(3, 4) else match

    def _verify(self, name: str, stored: re.Match[str], password: str) -> bool:
        """Deriving a key takes long on purpose, so what was right once is remembered by a cheap hash."""
        cheap = hashlib.sha256((stored["salt"] + password).encode()).digest()
        if self._verified.get((name, stored[0])) == cheap:
            return True
        derived = _derive(password, stored["salt"], int(stored["rounds"]), stored["prf"] or "sha")
        if not hmac.compare_digest(derived.hex(), stored["key"]):
            return False
        self._verified[name, stored[0]] = cheap
        return True


def _derive(password: str, salt: str, rounds: int, prf: str) -> bytes:
    return hashlib.pbkdf2_hmac("sha1" if prf == "sha" else prf, password.encode(), salt.encode(), rounds)


def _basic(authorization: str) -> tuple[str, str]:
    try:
        name, _colon, password = base64.b64decode(authorization.split(None, 1)[1]).decode().partition(":")
    except (ValueError, IndexError) as error:
        raise unauthorized("Name or password is incorrect.") from error
    return name, password

# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys that the lab makes for itself: one SSH key, one private certificate authority, and servers' certificates."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path

from dbfleet_lab.cache import Cache, staged
from dbfleet_lab.shell import run

VALID_DAYS = "3650"
NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]


@dataclass(frozen=True)
class Certificate:
    """A server's certificate and key, as PEM text."""

    certificate: str
    key: str


def make(cache: Cache) -> Path:
    """Make the keys that do not depend on a fleet; returns their folder."""
    ssh_key(cache)
    authority(cache)
    return cache.part("secrets")


def ssh_key(cache: Cache) -> Path:
    """The private key that opens every node; the public one lies beside it."""
    with cache.lock("secrets"):
        final = cache.part("secrets") / "ssh"
        if not final.exists():
            with staged(final) as folder:
                run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "dbfleet-lab", "-f", str(folder / "id")])
    return final / "id"


def authority(cache: Cache) -> Path:
    """The authority's certificate; its key lies beside it."""
    with cache.lock("secrets"):
        final = cache.part("secrets") / "ca"
        if not final.exists():
            with staged(final) as folder:
                extensions = [
                    "-addext",
                    "basicConstraints=critical,CA:TRUE",
                    "-addext",
                    "keyUsage=critical,keyCertSign,cRLSign",
                ]
                output = ["-keyout", str(folder / "ca.key"), "-out", str(folder / "ca.pem")]
                run(
                    [
                        "openssl",
                        "req",
                        "-x509",
                        *NEW_KEY,
                        "-days",
                        VALID_DAYS,
                        "-subj",
                        "/CN=dbfleet lab CA",
                        *extensions,
                        *output,
                    ]
                )
    return final / "ca.pem"


def certificate(cache: Cache, folder: Path, name: str, address: str) -> Certificate:
    """A certificate for a server's name and address, signed by the lab's authority."""
    ca = authority(cache)
    key, request, signed, extensions = (folder / f"{name}.{suffix}" for suffix in ("key", "csr", "pem", "ext"))
    extensions.write_text(f"subjectAltName=DNS:{name},IP:{address}\nextendedKeyUsage=serverAuth\n", encoding="ascii")
    run(["openssl", "req", *NEW_KEY, "-subj", f"/CN={name}", "-keyout", str(key), "-out", str(request)])
    run(
        [
            "openssl",
            "x509",
            "-req",
            "-in",
            str(request),
            "-CA",
            str(ca),
            "-CAkey",
            str(ca.with_suffix(".key")),
            "-set_serial",
            str(secrets.randbits(63)),
            "-days",
            VALID_DAYS,
            "-extfile",
            str(extensions),
            "-out",
            str(signed),
        ]
    )
    return Certificate(signed.read_text(encoding="ascii"), key.read_text(encoding="ascii"))

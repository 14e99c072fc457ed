# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The task fleet_package, with a server on the loopback."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible.errors import AnsibleActionFail
from ansible.playbook.task import Task

from ansible_collections.dbfleet.upgrade.plugins.action.fleet_package import ActionModule

REAL = Path(__file__).parents[3] / "fixtures" / "packages" / "influxdb_1.4.3_amd64.deb"
DIGEST = hashlib.sha256(REAL.read_bytes()).hexdigest()
CONFIG = "/etc/influxdb/influxdb.conf"


# A connection that nothing is asked of.
CONNECTION = SimpleNamespace(_shell=SimpleNamespace(tmpdir=None))


def run(package: dict[str, Any], check_mode: bool = False, **arguments: Any) -> dict[str, Any]:
    task = Task()
    task.args = {"package": package, **arguments}
    task.check_mode = check_mode
    task.async_val = 0
    action = ActionModule(
        task, connection=CONNECTION, play_context=None, loader=None, templar=None, shared_loader_obj=None
    )
    action._load_name = "fleet_package"
    result: dict[str, Any] = action.run(task_vars={})
    return result


class Handler(BaseHTTPRequestHandler):
    """Serves the package at /x.deb, half of it at /half.deb, and nothing else."""

    asked: list[str]

    def do_GET(self) -> None:
        self.asked.append(self.path)
        body = REAL.read_bytes()
        self.send_response(200 if self.path.partition("?")[0] in ("/x.deb", "/half.deb") else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if self.path == "/half.deb" else body)

    def log_message(self, format: str, *args: Any) -> None:
        """Keep quiet."""


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    return []


@pytest.fixture
def server(asked: list[str]) -> Iterator[str]:
    handler = type("CountingHandler", (Handler,), {"asked": asked})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


def test_a_file() -> None:
    result = run(
        {"file": str(REAL), "sha256": DIGEST.upper()},
        expect_name="influxdb",
        expect_version="1.4.3",
    )
    assert not result.get("failed")
    assert {key: result[key] for key in result if key not in ("conffiles", "installed_size", "files")} == {
        "changed": False,
        "source": "file",
        "path": str(REAL),
        "sha256": DIGEST,
        "system": "",
        "size": REAL.stat().st_size,
        "manager": "dpkg",
        "name": "influxdb",
        "package_version": "1.4.3-1",
        "version": "1.4.3",
        "arch": "amd64",
    }
    assert result["conffiles"][CONFIG].startswith("[meta]\n")


def test_a_relative_file_is_looked_up_where_the_user_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(REAL.parent)
    assert run({"file": REAL.name})["path"] == str(REAL)


def test_a_file_in_the_home_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(REAL.parent))
    assert run({"file": f"~/{REAL.name}"})["path"] == str(REAL)


def test_a_repository_is_left_to_the_node() -> None:
    assert run({"repository": "influxdb"}, expect_name="influxdb") == {
        "changed": False,
        "source": "repository",
        "name": "influxdb",
    }


@pytest.mark.parametrize("check_mode", [False, True])
def test_a_download_is_kept(server: str, asked: list[str], tmp_path: Path, check_mode: bool) -> None:
    package = {"url": f"http://{server}/x.deb", "sha256": DIGEST}
    first = run(package, check_mode=check_mode, cache_dir=str(tmp_path))
    again = run(package, check_mode=check_mode, cache_dir=str(tmp_path))
    assert (first["source"], first["changed"], first["version"]) == ("url", True, "1.4.3")
    assert first["path"] == str(tmp_path / DIGEST / "x.deb")
    assert again == {**first, "changed": False}
    assert asked == ["/x.deb"]


@pytest.mark.parametrize(
    ("package", "arguments", "expected"),
    [
        ({"file": str(REAL), "sha256": "0" * 64}, {}, f"has the SHA-256 {DIGEST}. Expected: {'0' * 64}"),
        ({"file": str(REAL), "sha256": "abc"}, {}, "64 hexadecimal digits"),
        ({"file": "/nonexistent/x.deb"}, {}, "/nonexistent/x.deb cannot be read"),
        ({"file": "/nonexistent/x.deb", "sha256": "0" * 64}, {}, "/nonexistent/x.deb cannot be read"),
        ({"file": __file__}, {}, "is not a package"),
        ({"file": str(REAL)}, {"expect_name": "telegraf"}, "The package's name is influxdb. Expected: telegraf"),
        ({"file": str(REAL)}, {"expect_version": "1.4.2"}, "The package's version is 1.4.3. Expected: 1.4.2"),
        ({"repository": "influxdb; reboot"}, {}, "is no name of a package"),
        ({"repository": "influxdb"}, {"expect_name": "telegraf"}, "The package's name is influxdb. Expected: telegraf"),
        (
            {"url": "ftp://me:secret@example.com/x.deb", "sha256": DIGEST},
            {},
            "The address ftp://example.com/x.deb is not one of http",
        ),
        ({"url": "http://127.0.0.1:1/x.deb", "sha256": "abc"}, {}, "64 hexadecimal digits"),
    ],
)
def test_failures_say_what_was_found(package: dict[str, Any], arguments: dict[str, Any], expected: str) -> None:
    result = run(package, **arguments)
    assert result["failed"]
    assert expected in result["msg"]
    assert "What to do: " in result["msg"]


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("http://{server}/none.deb", "the server answered 404 Not Found"),
        ("http://me:hush@{server}/none.deb?token=hush", "the server answered 404 Not Found"),
        ("http://{server}/half.deb", "cannot be downloaded"),
        ("http://me:hush@127.0.0.1:1/x.deb?token=hush", "Connection refused"),
        ("https://{server}/x.deb?token=hush", "SSL"),
    ],
)
def test_a_download_that_fails_says_why_and_keeps_nothing(
    server: str, tmp_path: Path, address: str, expected: str
) -> None:
    result = run({"url": address.format(server=server), "sha256": DIGEST}, cache_dir=str(tmp_path))
    assert result["failed"]
    assert expected in result["msg"]
    assert "hush" not in result["msg"]
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_digest_that_does_not_fit_the_download_names_both(server: str, tmp_path: Path) -> None:
    result = run({"url": f"http://{server}/x.deb", "sha256": "0" * 64}, cache_dir=str(tmp_path))
    assert DIGEST in result["msg"]
    assert "0" * 64 in result["msg"]


@pytest.mark.parametrize(
    "package",
    [
        {},
        {"file": "x.deb", "url": "http://127.0.0.1/x.deb", "sha256": DIGEST},
        {"file": "x.deb", "repository": "influxdb"},
        {"url": "http://127.0.0.1/x.deb"},
        {"repository": "influxdb", "sha256": DIGEST},
        {"files": "x.deb"},
    ],
)
def test_exactly_one_source_is_given(package: dict[str, Any]) -> None:
    with pytest.raises(AnsibleActionFail):
        run(package)

# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The readiness poll, against real sockets of this machine."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import os
import socket
import ssl
import threading

import pytest

from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError
from ansible_collections.dbfleet.upgrade.plugins.module_utils._ready import (
    Answer,
    Probe,
    describe,
    plain_version,
    wait_ready,
)

FIXTURES = os.path.join(os.path.dirname(__file__), "..", "..", "..", "fixtures", "ready")
SERVER, OWN, ANOTHER = [os.path.join(FIXTURES, name) for name in ("server.pem", "certificate.pem", "another.pem")]

READY = b"HTTP/1.1 204 No Content\r\nX-Influxdb-Version: 1.4.3\r\n\r\n"


@pytest.fixture
def serve():
    """Start a server that gives one answer to everybody; with TLS if asked to. Returns its port."""
    listeners = []

    def start(answer, tls=False):
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        listener.listen(5)
        listeners.append(listener)
        thread = threading.Thread(target=answer_all, args=(listener, answer, tls))
        thread.daemon = True
        thread.start()
        return listener.getsockname()[1]

    yield start
    for listener in listeners:
        listener.close()


def answer_all(listener, answer, tls):
    while True:
        try:
            connection = listener.accept()[0]
        except EnvironmentError:
            return
        try:
            if tls:
                context = ssl.SSLContext(getattr(ssl, "PROTOCOL_TLS_SERVER", ssl.PROTOCOL_SSLv23))
                context.load_cert_chain(SERVER)
                connection = context.wrap_socket(connection, server_side=True)
            if connection.recv(4096):
                connection.sendall(answer)
        except EnvironmentError:
            pass
        connection.close()


def probe_of(port, scheme="http", host="127.0.0.1", **options):
    return Probe("{0}://{1}:{2}/ping".format(scheme, host, port), **options)


@pytest.mark.parametrize(
    "text,version",
    [
        ("1.4.3", "1.4.3"),
        ("v1.4.3", "1.4.3"),
        ("InfluxDB v0.8.3 (git: fbf9a474) (leveldb: 1.15)", "0.8.3"),
        ("1.2.4-c1.2.5", "1.2.4-c1.2.5"),
        ("1.4.0~rc1", "1.4.0~rc1"),
        ("unknown", "unknown"),
        ("", ""),
        (None, ""),
    ],
)
def test_plain_version(text, version):
    assert plain_version(text) == version


@pytest.mark.parametrize(
    "answer,wanted,passes",
    [
        (Answer(204, "1.4.3", ""), "1.4.3", True),
        (Answer(200, "1.4.3", ""), "v1.4.3", True),
        (Answer(204, "1.3.9", ""), "1.4.3", False),
        (Answer(204, "1.4.30", ""), "1.4.3", False),
        (Answer(503, "1.4.3", ""), "1.4.3", False),
        (Answer(301, "1.4.3", ""), "1.4.3", False),
        (Answer(204, "", ""), "1.4.3", False),
        (Answer(204, "", ""), "", True),
        (Answer(0, "", "refused"), "", False),
    ],
)
def test_passes(answer, wanted, passes):
    assert probe_of(1, version=wanted).passes(answer) is passes


@pytest.mark.parametrize(
    "body,field,version",
    [
        (b'{"couchdb":"Welcome","version":"3.4.3"}', "version", "3.4.3"),
        (b'{"version":"2.0.0","vendor":{"name":"IBM Cloudant","version":"1.1.0"}}', "vendor.version", "1.1.0"),
        (b'{"version":"3.4.3"}', "vendor.version", ""),
        (b'{"version":3}', "version", ""),
        (b'["version"]', "version", ""),
        (b"<html>", "version", ""),
    ],
)
def test_a_version_in_the_body(serve, body, field, version):
    head = "HTTP/1.1 200 OK\r\nX-Influxdb-Version: 9.9.9\r\nContent-Length: {0}\r\n\r\n".format(len(body))
    assert probe_of(serve(head.encode("ascii") + body), field=field).ask() == Answer(200, version, "")


def test_answer_of_a_server(serve):
    assert probe_of(serve(READY)).ask() == Answer(204, "1.4.3", "")


def test_another_header(serve):
    answer = b"HTTP/1.1 200 OK\r\nServer: CouchDB/2.1.1\r\nX-Couchdb: 2.1.1\r\nContent-Length: 2\r\n\r\n{}"
    assert probe_of(serve(answer), header="X-CouchDB").ask() == Answer(200, "2.1.1", "")


def test_names_are_resolved_and_all_addresses_tried(serve):
    assert probe_of(serve(READY), host="localhost").ask().status == 204


def test_proxies_are_not_used(serve, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert probe_of(serve(READY)).ask().status == 204


@pytest.mark.parametrize("answer", [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 xyz\r\n\r\n"])
def test_nonsense_is_no_answer(serve, answer):
    found = probe_of(serve(answer)).ask()
    assert found.status == 0 and found.error


def test_a_closed_port_is_no_answer():
    closed = socket.socket()
    closed.bind(("127.0.0.1", 0))
    port = closed.getsockname()[1]
    closed.close()
    found = probe_of(port).ask()
    assert found.status == 0 and "refused" in found.error
    assert describe(found).startswith("no answer (")


def test_a_server_that_never_answers_is_given_up(serve):
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(1)
    found = probe_of(listener.getsockname()[1]).ask(limit=0.05)
    listener.close()
    assert found.status == 0 and "timed out" in found.error


@pytest.mark.parametrize("certificate", [OWN, SERVER], ids=["alone", "after its key"])
def test_tls_with_the_own_certificate(serve, certificate):
    assert probe_of(serve(READY, tls=True), "https", certificate=certificate).ask() == Answer(204, "1.4.3", "")


def test_tls_with_another_certificate(serve):
    found = probe_of(serve(READY, tls=True), "https", certificate=ANOTHER).ask()
    assert found.status == 0 and "is not the one in" in found.error


def test_tls_verified_by_an_authority(serve):
    assert probe_of(serve(READY, tls=True), "https", host="localhost", ca_path=OWN).ask().status == 204


def test_tls_of_an_unknown_authority(serve):
    found = probe_of(serve(READY, tls=True), "https", host="localhost", ca_path=ANOTHER).ask()
    assert found.status == 0 and "certificate" in found.error.lower()


def test_a_missing_certificate_file_is_no_answer(serve):
    assert "nonexistent" in probe_of(serve(READY, tls=True), "https", certificate="/nonexistent.pem").ask().error


@pytest.mark.parametrize("url", ["127.0.0.1:8086", "ftp://127.0.0.1/", "http:///ping"])
def test_what_is_no_url(url):
    with pytest.raises(FleetError):
        Probe(url)


class Script(object):
    """A probe that gives answers in turn, the last one for ever; and a clock that its sleeps move."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.time = 0.0
        self.asked = 0
        self.url, self.version, self.timeout = "http://127.0.0.1/", "1.4.3", 10.0

    def ask(self):
        self.asked += 1
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def passes(self, answer):
        return answer.status == 204

    def sleep(self, seconds):
        self.time += seconds


REFUSED, GOOD = Answer(0, "", "refused"), Answer(204, "1.4.3", "")


def wait(script, failing=lambda: ""):
    wait_ready(script, lambda: script.time, script.sleep, failing)


def test_waits_as_long_as_needed_and_no_longer():
    script = Script(REFUSED, REFUSED, REFUSED, GOOD)
    wait(script)
    assert script.asked == 4 and script.time == pytest.approx(0.03)


def test_gives_up_in_time_with_the_last_answer():
    script = Script(Answer(503, "1.4.3", ""))
    with pytest.raises(FleetError) as caught:
        wait(script)
    assert "not ready after 10 seconds" in str(caught.value) and "status 503, version 1.4.3" in str(caught.value)
    assert script.time == pytest.approx(10.0, abs=0.1)


def test_gives_up_at_once_when_it_cannot_come():
    script = Script(REFUSED)
    with pytest.raises(FleetError) as caught:
        wait(script, lambda: "the service failed")
    assert str(caught.value) == "version 1.4.3 did not come up: the service failed." and script.time == 0


def test_an_answer_is_stronger_than_a_suspicion():
    script = Script(REFUSED, GOOD)
    wait(script, lambda: "the service crashes")
    assert script.asked == 2

# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Answers that real InfluxDB servers gave, given again in place of the server."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import io
import json
import os

from ansible_collections.dbfleet.upgrade.plugins.module_utils._influxdb_client import Client

FIXTURES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..", "fixtures", "influxdb")


class Response(object):
    def __init__(self, headers, lines):
        self.headers = headers
        self._lines = lines

    def iter_lines(self):
        return iter(self._lines)


class Transport(object):
    """Stands for influxdb.InfluxDBClient. A question that is not among the answers is a KeyError and fails the test."""

    def __init__(self, answers, version="1.3.9", build="OSS"):
        self.answers = answers
        self.headers = {"X-Influxdb-Version": version, "X-Influxdb-Build": build}
        self.asked = []

    def request(self, url, params=None, stream=False, expected_response_code=200):
        if url == "ping":
            assert expected_response_code == 204
            return Response(self.headers, [])
        assert params["chunked"] == "true"
        assert stream
        question = u"{0}|{1}".format(params.get("db", ""), params["q"])
        self.asked.append(question)
        answer = self.answers[question]
        if isinstance(answer, Exception):
            raise answer
        return Response(self.headers, [line.encode("utf-8") for line in answer])


def recorded(version):
    """The transport of a server of this version, to be changed at will."""
    with io.open(os.path.join(FIXTURES, "answers-{0}.json".format(version)), encoding="utf-8") as stream:
        found = json.load(stream)
    return Transport(found["answers"], found["version"], found["build"])


def client_of(transport, anonymous=None):
    return Client(transport, "http://db:8086", anonymous or transport)


def answer(columns, values, name=None):
    """One line of an answer with one series."""
    series = {"columns": columns, "values": values}
    if name:
        series["name"] = name
    return json.dumps({"results": [{"series": [series]}]})

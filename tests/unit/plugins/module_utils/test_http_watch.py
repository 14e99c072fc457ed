# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import os

import pytest

from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError
from ansible_collections.dbfleet.upgrade.plugins.module_utils._http_watch import Notes, is_alive, stopped, watch
from ansible_collections.dbfleet.upgrade.plugins.module_utils._ready import Answer

UP = Answer(200, "", "")
MAINTENANCE = Answer(404, "", "")
GONE = Answer(0, "", "timed out")


class Url(object):
    """Answers in turn, each after so many seconds; the time is its own."""

    url = "http://10.0.0.1/_up"

    def __init__(self, answers):
        self.answers = list(answers)
        self.time = 1000.0

    def ask(self, limit):
        answer, seconds = self.answers.pop(0)
        self.time += min(seconds, limit)
        return answer

    def passes(self, answer):
        return answer.status == 200

    def sleep(self, seconds):
        self.time += seconds

    def now(self):
        return self.time

    def is_over(self):
        return not self.answers


def seen(tmp_path, answers):
    url, notes = Url(answers), Notes(str(tmp_path / "watch" / "lb1.json"))
    watch(notes.begin(url.url), url, 1.0, notes, url.is_over, url.now, url.sleep, 0.1)
    return stopped(notes, 1.0, url.now, url.sleep)


def test_a_url_that_always_answers(tmp_path):
    found = seen(tmp_path, [(UP, 0.01), (UP, 0.6), (UP, 0.01)])
    assert (found["requests"], found["failures"], found["outages"], found["away"]) == (3, 0, [], 0.0)
    assert found["slowest"] == 0.6
    assert found["finished"] is True


def test_an_outage_lasts_from_the_first_failure_to_the_first_answer(tmp_path):
    found = seen(tmp_path, [(UP, 0.0), (GONE, 1.0), (GONE, 1.0), (UP, 0.5), (UP, 0.0)])
    assert found["failures"] == 2
    assert found["outages"] == [{"started": 1000.1, "seconds": 2.5, "error": "no answer (timed out)"}]
    assert found["away"] == 2.5


def test_each_outage_is_one_of_its_own(tmp_path):
    found = seen(tmp_path, [(GONE, 0.05), (UP, 0.0), (MAINTENANCE, 0.0), (UP, 0.0)])
    assert [outage["seconds"] for outage in found["outages"]] == [0.1, 0.1]
    assert found["outages"][1]["error"] == "status 404, version not given"
    assert found["away"] == 0.2


def test_an_outage_that_did_not_end_says_so(tmp_path):
    assert seen(tmp_path, [(UP, 0.0), (GONE, 1.0)])["outages"][0]["seconds"] is None


def test_a_watch_whose_process_was_killed_is_not_waited_for_for_ever(tmp_path):
    url, notes = Url([]), Notes(str(tmp_path / "lb1.json"))
    notes.begin(url.url)
    found = stopped(notes, 2.0, url.now, url.sleep)
    assert found["finished"] is False
    assert url.time < 1003


def test_the_word_to_end_is_heard_and_nothing_is_left(tmp_path):
    notes = Notes(str(tmp_path / "lb1.json"))
    notes.begin("http://10.0.0.1/")
    assert not notes.is_ended()
    notes.end()
    assert notes.is_ended()
    notes.remove()
    assert os.listdir(str(tmp_path)) == []


def test_no_watch_is_an_error(tmp_path):
    with pytest.raises(FleetError) as caught:
        stopped(Notes(str(tmp_path / "lb1.json")), 1.0, lambda: 0.0, lambda seconds: None)
    assert "There is no watch" in str(caught.value)


def test_a_folder_that_cannot_be_written_ends_no_watch(tmp_path):
    notes = Notes(str(tmp_path / "missing" / "lb1.json"))
    notes.save({"requests": 1})
    assert notes.read() == {}


def test_processes():
    child = os.fork()
    if not child:
        os._exit(0)
    os.waitpid(child, 0)
    assert is_alive(os.getpid())
    assert is_alive(1)
    assert not is_alive(child)


def test_the_last_answer_of_a_watch_is_waited_for(tmp_path):
    notes = Notes(str(tmp_path / "lb1.json"))
    record = notes.begin("http://10.0.0.1/")

    def sleep(seconds):
        assert notes.is_ended()
        notes.save(dict(record, requests=7, finished=True))

    found = stopped(notes, 1.0, lambda: 0.0, sleep)
    assert (found["requests"], found["finished"]) == (7, True)

# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import json

import pytest

from ansible_collections.dbfleet.upgrade.plugins.module_utils import _cloudant_config as config
from ansible_collections.dbfleet.upgrade.plugins.module_utils._errors import FleetError

ADMINS = {("admins", "admin"): "-pbkdf2-a,b,10", ("admins", "cloudant"): "-hashed-c,d"}

INI = u"""; a comment
[log]
level = info ; not debug
# file = none
include = a
 b ;c
 d
[daemons]
empty =
os_daemon={one, [{a, "x=y"}]}
[log]
level = debug\t; twice
"""


def values(text):
    return {name: found.value for name, found in config.parse_ini(text).items()}


def test_an_ini_file_is_read_as_couchdb_reads_it():
    assert values(INI) == {
        ("log", "level"): "debug",
        ("log", "include"): "a b d",
        ("daemons", "empty"): "",
        ("daemons", "os_daemon"): '{one, [{a, "x=y"}]}',
    }


def test_windows_line_ends_are_no_part_of_a_value():
    assert values("[a]\r\nb = c\r\n") == {("a", "b"): "c"}


def test_a_later_file_of_the_chain_wins():
    assert config.chain(["[a]\nb = 1\nc = 1\n", "[a]\nb = 2\n"]) == {("a", "b"): "2", ("a", "c"): "1"}


@pytest.mark.parametrize(
    "text, kept, expected",
    [
        ("[a]\nb = 1\n", "[a]\nb=1 ; same\n", "[a]\nb = 1\n"),
        ("[a]\nb = 1\nc = 2\n", "[a]\nb = 9 ; why\n", "[a]\nb = 9 ; why\nc = 2\n"),
        ("; top\n[a]\nb = 1\n\n[c]\nd = 1\n", "[a]\nz = 2\n", "; top\n[a]\nb = 1\nz = 2\n\n[c]\nd = 1\n"),
        ("[a]\nb = 1\n", "[n]\nb = 1\n", "[a]\nb = 1\n\n[n]\nb = 1\n"),
        ("[a]\nb = 1\n more\n[c]\n", "[a]\nb = 2\n lines\n here\n", "[a]\nb = 2\n lines\n here\n[c]\n"),
        ("[a]\nb = 1\nb = 2\n", "[a]\nb = 3\n", "[a]\nb = 3\n"),
        ("[a]\nb = 1\nb = 1\n", "[a]\nb = 3\n", "[a]\nb = 3\n"),
        ("[a]\nb = 1\n", "[a]\nb =\n", "[a]\nb =\n"),
        ("[a]\n[c]\nd = 1\n", "[a]\nb = 1\n", "[a]\nb = 1\n[c]\nd = 1\n"),
    ],
)
def test_merging_keeps_order_and_comments(text, kept, expected):
    assert config.merged(text, config.parse_ini(kept)) == expected


@pytest.mark.parametrize(
    "text, expected",
    [
        ("[couchdb]\nmaintenance_mode = false\n", "[couchdb]\nmaintenance_mode = true\n"),
        ("[cloudant]\nmaintenance_mode = nolb\n", "[cloudant]\nmaintenance_mode = true\n"),
        ("[log]\nlevel = info", "[log]\nlevel = info"),
    ],
)
def test_no_file_of_the_chain_takes_the_node_out_of_maintenance(text, expected):
    assert config.in_maintenance(text) == expected


@pytest.mark.parametrize(
    "new, kept",
    [
        ("[couchdb]\nuuid = u\n", "[couchdb]\nuuid = u\n"),
        ("[couchdb]\nuuid = u\nmaintenance_mode = false\n", "[couchdb]\nuuid = u\nmaintenance_mode = false\n"),
        ("[couchdb]\nuuid = u\nmaintenance_mode = true\n", "[cloudant]\nmaintenance_mode = false\n"),
    ],
)
def test_the_new_file_is_in_maintenance_whatever_was_kept(new, kept):
    assert config.carried_over(new, kept, ({}, {})) == "[couchdb]\nuuid = u\nmaintenance_mode = true\n"


@pytest.mark.parametrize(
    "former, default, kept, expected",
    [
        ("/data/db", "/srv/cloudant/db", "", "/data/db"),
        ("/srv/cloudant/db", "/srv/cloudant/db", "", None),
        (None, "/srv/cloudant/db", "", None),
        ("/later/wins", "/srv/cloudant/db", "[couchdb]\ndatabase_dir = /kept\n", "/kept"),
    ],
)
def test_the_data_stay_where_they_are(former, default, kept, expected):
    name = ("couchdb", "database_dir")
    text = config.carried_over("[a]\n", kept, ({name: former} if former else {}, {name: default}))
    assert values(text).get(name) == expected


VM_ARGS = """# -name comment@host
-name cloudant@db1.example.com   -setcookie 'monster'
+K true
-ssl_dist_opt server_password geheim
"""


@pytest.mark.parametrize(
    "option, value", [("-name", "cloudant@db1.example.com"), ("-setcookie", "monster"), ("-sname", None), ("+K", "true")]
)
def test_an_argument_of_the_virtual_machine(option, value):
    assert config.argument(VM_ARGS, option) == value


def test_lost_arguments_are_told_without_secrets():
    assert config.lost_arguments("-name x\n+P 5\n", "-name y\n-setcookie s\n +P   5\n" + VM_ARGS.split("\n", 2)[2]) == [
        "+K true",
        "-ssl_dist_opt ***",
    ]


HAPROXY = r"""
global
    log localhost local4 # server no 1.2.3.4
defaults
    stats auth haproxy_stat:pa\ ss:w\#rd
    #stats auth other:x
listen dbfarm 0.0.0.0:80
    server db1.example.com 10.0.0.1:5984 check inter 7s
    server db2.example.com 10.0.0.2 check
    server db3 [fd00::3]:6984 ssl verify required ca-file /etc/x
    server db4 db4.example.com:5984
listen dashboard
    server local 127.0.0.1:5656
"""


def test_what_cast_is_told_of_a_balancer():
    assert config.balancer_node(HAPROXY) == {
        "lbnode": {
            "users": {"haproxy_stat": "pa ss:w#rd"},
            "nodes": [
                {"hostname": "db1.example.com", "ipaddress": "10.0.0.1"},
                {"hostname": "db2.example.com", "ipaddress": "10.0.0.2"},
                {"hostname": "db3", "ipaddress": "fd00::3"},
                {"hostname": "db4", "ipaddress": "db4.example.com"},
            ],
        }
    }


def test_without_ibms_section_all_servers_count():
    found = config.servers(HAPROXY.replace("dbfarm", "farm"))
    assert [server["hostname"] for server in found] == ["db1.example.com", "db2.example.com", "db3", "db4", "local"]


@pytest.mark.parametrize("text, missing", [("stats auth a:b", "no server"), ("listen x\nserver a 1.2.3.4:5", "stats auth")])
def test_a_balancer_without_what_cast_asks_for_is_refused(text, missing):
    with pytest.raises(FleetError, match=missing) as caught:
        config.balancer_node(text)
    assert caught.value.facts["reason"] == "config"


def test_what_cast_is_told_of_a_database_node():
    found = dict(ADMINS)
    found.update({("couchdb", "uuid"): "u", ("couch_httpd_auth", "secret"): "s", ("cluster", "q"): "8", ("cluster", "n"): "3"})
    assert config.database_node(found, "monster") == {
        "dbnode": {
            "users": {"admin": "-pbkdf2-a,b,10", "cloudant": "-hashed-c,d"},
            "cookie": "monster",
            "uuid": "u",
            "quorum": {"q": 8, "n": 3},
            "httpd_auth": "s",
            "monitor_role": "open_ssl",
        }
    }


def test_cast_makes_up_what_a_node_does_not_have():
    told = config.database_node(ADMINS, "monster")["dbnode"]
    assert (told["uuid"], told["httpd_auth"], told["quorum"]) == ("open_ssl", "open_ssl", {})


@pytest.mark.parametrize(
    "changed, reason",
    [
        ({("admins", "admin"): "plain"}, "credentials"),
        ({("admins", "cloudant"): ""}, "credentials"),
        ({("cluster", "r"): "two"}, "config"),
    ],
)
def test_a_database_node_that_cast_would_not_take_is_refused(changed, reason):
    with pytest.raises(FleetError) as caught:
        config.database_node(dict(list(ADMINS.items()) + list(changed.items())), "c")
    assert caught.value.facts["reason"] == reason
    assert "plain" not in str(caught.value).replace("plain text", "")


def test_secrets_are_masked_the_longest_first():
    told = {"dbnode": {"users": {"a": "abc", "b": "abcdef"}, "cookie": "monster", "httpd_auth": "open_ssl"}}
    hidden = config.secrets(json.loads(json.dumps(told)))
    assert config.masked("abcdef abc monster open_ssl", hidden) == "*** *** *** open_ssl"

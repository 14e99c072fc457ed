# Copyright (c) 2026, dbfleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documents, their revisions and their conflicts, and the file that keeps them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from couchdb_sim import terms
from couchdb_sim.documents import Document, Leaf, Update
from couchdb_sim.errors import CouchError
from couchdb_sim.shardfile import ShardFile


# Revisions that real servers gave to these updates.
@pytest.mark.parametrize(
    ("parent", "deleted", "body", "expected"),
    [
        (None, False, {}, "967a00dff5e02add41819138abb3284d"),
        (None, False, {"v": 1}, "7a7e4b29f3af401e69b6f86e4c26b727"),
        (None, False, {"v": 5}, "3a978d8c8db1b0122a212b8456cef2aa"),
        ((1, "967a00dff5e02add41819138abb3284d"), False, {}, "7051cbe5c8faecd085a3fa619e6e6337"),
        ((1, "967a00dff5e02add41819138abb3284d"), True, {}, "eec205a9d413992850a6e32678485900"),
    ],
)
def test_revisions_are_those_of_the_real_server(
    parent: tuple[int, str] | None, deleted: bool, body: dict[str, Any], expected: str
) -> None:
    assert terms.revision(parent, deleted, body) == expected


@pytest.mark.parametrize(
    "value", [None, True, 0, 255, 256, -1, 2**31, -(2**40), 1.5, "", "ü", [], [1, [2]], {}, {"a": {"b": [None]}}]
)
def test_every_kind_of_value_makes_a_difference(value: object) -> None:
    assert terms.revision(None, False, {"v": value}) != terms.revision(None, False, {"v": "another"})


def leaf(generation: int, *path: str, deleted: bool = False) -> Leaf:
    return Leaf(generation, path, deleted, {"of": path[0]})


@pytest.mark.parametrize(
    ("leaves", "winner"),
    [
        ([leaf(1, "a"), leaf(1, "b")], "1-b"),
        ([leaf(2, "a", "x"), leaf(1, "b")], "2-a"),
        ([leaf(3, "a", deleted=True), leaf(1, "b")], "1-b"),
        ([leaf(3, "a", deleted=True), leaf(2, "b", deleted=True)], "3-a"),
    ],
)
def test_the_winner_is_live_then_long_then_last_in_order(leaves: list[Leaf], winner: str) -> None:
    assert Document.of("doc", leaves).winner.rev == winner


@pytest.mark.parametrize(
    ("known", "added", "expected"),
    [
        ([leaf(1, "a")], leaf(2, "b", "a"), ["2-b"]),
        ([leaf(1, "a")], leaf(1, "b"), ["1-b", "1-a"]),
        ([leaf(2, "b", "a")], leaf(1, "a"), ["2-b"]),
        ([leaf(2, "b", "a")], leaf(2, "c", "a"), ["2-c", "2-b"]),
        ([leaf(2, "b", "a"), leaf(1, "x")], leaf(3, "d", "b", "a"), ["3-d", "1-x"]),
        ([leaf(2, "b", "a")], leaf(3, "e", deleted=True), ["2-b", "3-e"]),
    ],
)
def test_a_leaf_replaces_its_ancestors_and_stands_beside_others(
    known: list[Leaf], added: Leaf, expected: list[str]
) -> None:
    assert [found.rev for found in Document.of("doc", known).merge(added).leaves] == expected


@pytest.mark.parametrize(
    ("before", "doc", "generation"),
    [
        ([], {"_id": "doc"}, 1),
        ([leaf(1, "a")], {"_id": "doc", "_rev": "1-a"}, 2),
        ([leaf(2, "b", "a", deleted=True)], {"_id": "doc"}, 3),
        ([leaf(1, "a"), leaf(1, "b")], {"_id": "doc", "_rev": "1-a", "_deleted": True}, 2),
    ],
)
def test_an_edit_follows_the_revision_it_names(before: list[Leaf], doc: dict[str, Any], generation: int) -> None:
    old = Document.of("doc", before) if before else None
    new = Update.of_json(doc).edit(old)
    [added] = [found for found in new.leaves if found.rev not in [known.rev for known in before]]
    assert added.generation == generation


@pytest.mark.parametrize(
    ("before", "rev"),
    [([], "1-a"), ([leaf(1, "a")], None), ([leaf(1, "a")], "1-b"), ([leaf(2, "b", "a")], "1-a")],
)
def test_an_edit_of_another_revision_is_a_conflict(before: list[Leaf], rev: str | None) -> None:
    old = Document.of("doc", before) if before else None
    with pytest.raises(CouchError) as raised:
        Update.of_json({"_id": "doc", **({"_rev": rev} if rev else {})}).edit(old)
    assert (raised.value.status, raised.value.reason) == (409, "Document update conflict.")


@pytest.mark.parametrize(
    ("doc", "reason"),
    [
        ({"_id": "_secret"}, "Only reserved document ids may start with underscore."),
        ({"_id": ""}, "Document id must not be empty"),
        ({"_id": 7}, "Document id must be a string"),
        ({"_id": "a", "_special": 1}, "Bad special document member: _special"),
        ({"_id": "a", "_rev": "first"}, "Invalid rev format"),
        ([], "Document must be a JSON object"),
    ],
)
def test_what_is_no_document_is_refused(doc: object, reason: str) -> None:
    with pytest.raises(CouchError) as raised:
        Update.of_json(doc)
    assert (raised.value.status, raised.value.reason) == (400, reason)


def edit(file: ShardFile, doc: dict[str, Any]) -> str:
    [[kind, rev]] = file.edit([Update.of_json(doc)])
    assert kind == "ok"
    return str(rev)


def test_a_file_counts_documents_and_changes(tmp_path: Path) -> None:
    file = ShardFile(tmp_path / "db.couch", "db")
    first = edit(file, {"_id": "a"})
    edit(file, {"_id": "b"})
    edit(file, {"_id": "a", "_rev": first, "_deleted": True})
    info = file.info()
    assert (info["doc_count"], info["doc_del_count"], info["update_seq"]) == (1, 1, 3)
    assert [(seq, document.id) for seq, document in file.changes(0)] == [(2, "b"), (3, "a")]
    assert file.feed(0, 1)[1:] == (2, 1)
    assert file.feed(2, 10)[1:] == (3, 0)


def test_a_file_is_the_same_after_it_was_read_again(tmp_path: Path) -> None:
    path = tmp_path / "db.couch"
    file = ShardFile(path, "db")
    rev = edit(file, {"_id": "a", "n": 1})
    edit(file, {"_id": "a", "_rev": rev, "n": 2})
    file.merge([("a", leaf(1, "other"))])
    file.put_local("_local/x", {"seq": 7})
    file.put_local("_local/x", {"seq": 8})
    file.set_security({"admins": {}})
    again = ShardFile(path, "db")
    assert again.info() == file.info()
    assert again.document("a") == file.document("a")
    assert again.local_documents() == [{"_id": "_local/x", "_rev": "0-2", "seq": 8}]
    assert again.security == {"admins": {}}


def test_a_line_that_was_cut_off_is_dropped(tmp_path: Path) -> None:
    path = tmp_path / "db.couch"
    file = ShardFile(path, "db")
    edit(file, {"_id": "a"})
    complete = path.read_bytes()
    edit(file, {"_id": "b"})
    path.write_bytes(path.read_bytes()[:-5])
    again = ShardFile(path, "db")
    assert path.read_bytes() == complete
    edit(again, {"_id": "c"})
    assert [document.id for document in ShardFile(path, "db").documents()] == ["a", "c"]


def test_taking_over_what_is_known_is_no_change(tmp_path: Path) -> None:
    file = ShardFile(tmp_path / "db.couch", "db")
    file.merge([("a", leaf(2, "b", "a"))])
    file.merge([("a", leaf(2, "b", "a")), ("a", leaf(1, "a"))])
    assert file.update_seq == 1
    assert file.missing({"a": [(1, "a"), (2, "c")], "x": [(1, "y")]}) == {"a": [(2, "c")], "x": [(1, "y")]}

// Copyright (c) 2026, dbfleet contributors
// GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/boltdb/bolt"
	"github.com/gogo/protobuf/proto"
	internal "github.com/influxdata/influxdb/services/meta/internal"
	"github.com/tinylib/msgp/msgp"
)

// The types of a log entry that raft knows and that occur on a single node.
const (
	commandEntry = 0
	addPeerEntry = 2
)

var logs, conf = []byte("logs"), []byte("conf")

// raftDB is the metadata's truth: the file raft.db, a log of commands as hashicorp/raft and raft-boltdb kept it. What a
// real server has written is read in full. Changes made here are appended in the same form, each as one SetDataCommand
// with all of the metadata. There are no elections: a start by itself writes nothing.
type raftDB struct {
	mu       sync.Mutex
	db       *bolt.DB
	last     uint64
	term     uint64
	metadata metadata
}

// nodeAddresses are what a new raft.db begins with.
type nodeAddresses struct{ http, tcp, metaHTTP string }

// openRaftDB opens the log in a meta folder, and begins one where there is none.
func openRaftDB(folder string, addresses nodeAddresses) (*raftDB, error) {
	r, err := readRaftDB(folder)
	if err != nil || r.last > 0 {
		return r, err
	}
	if err := r.begin(addresses); err != nil {
		return nil, err
	}
	return r, nil
}

// readRaftDB opens the log in a meta folder, which may be empty.
func readRaftDB(folder string) (*raftDB, error) {
	snapshots := filepath.Join(folder, "snapshots")
	if err := os.MkdirAll(snapshots, 0755); err != nil {
		return nil, err
	}
	if found, err := os.ReadDir(snapshots); err != nil || len(found) > 0 {
		return nil, fmt.Errorf("%s must be empty: this stand-in reads no snapshots (%v)", snapshots, err)
	}
	db, err := bolt.Open(filepath.Join(folder, "raft.db"), 0600, &bolt.Options{Timeout: time.Second})
	if err != nil {
		return nil, err
	}
	r := &raftDB{db: db, term: 1}
	return r, db.View(r.replay)
}

func (r *raftDB) close() error {
	return r.db.Close()
}

func (r *raftDB) replay(tx *bolt.Tx) error {
	bucket := tx.Bucket(logs)
	if bucket == nil {
		return nil
	}
	return bucket.ForEach(func(_, value []byte) error {
		entry, err := decodeEntry(value)
		if err != nil {
			return fmt.Errorf("raft.db: %s", err)
		}
		r.last, r.term = entry.index, entry.term
		if entry.kind != commandEntry {
			return nil
		}
		var command internal.Command
		if err := proto.Unmarshal(entry.data, &command); err != nil {
			return fmt.Errorf("raft.db: %s", err)
		}
		return r.apply(&command)
	})
}

func (r *raftDB) apply(command *internal.Command) error {
	if err := r.metadata.apply(command); err != nil {
		return err
	}
	r.metadata.Index, r.metadata.Term = r.last, r.term
	return nil
}

// begin writes what a new single node's log begins with: its only peer, the meta node, the data node.
func (r *raftDB) begin(addresses nodeAddresses) error {
	peers := msgp.AppendString(msgp.AppendArrayHeader(nil, 1), addresses.tcp)
	if err := r.appendEntry(addPeerEntry, peers); err != nil {
		return err
	}
	err := r.appendCommand(internal.Command_SetMetaNodeCommand, internal.E_SetMetaNodeCommand_Command,
		&internal.SetMetaNodeCommand{
			HTTPAddr: proto.String(addresses.metaHTTP),
			TCPAddr:  proto.String(addresses.tcp),
			Rand:     proto.Uint64(uint64(rand.Int63())),
		})
	if err != nil {
		return err
	}
	return r.appendCommand(internal.Command_CreateDataNodeCommand, internal.E_CreateDataNodeCommand_Command,
		&internal.CreateDataNodeCommand{HTTPAddr: proto.String(addresses.http), TCPAddr: proto.String(addresses.tcp)})
}

// set makes the databases and users of the engine the log's; nothing is written where they are the same already.
func (r *raftDB) set(engine metadata) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	known, err := r.metadata.message()
	if err != nil {
		return err
	}
	engine.Index, engine.Term = known.GetIndex(), known.GetTerm()
	engine.maxNodeID, engine.dataNodes, engine.metaNodes = known.GetMaxNodeID(), known.DataNodes, known.MetaNodes
	wanted, err := engine.message()
	if err != nil || proto.Equal(known, wanted) {
		return err
	}
	return r.setData(wanted)
}

func (r *raftDB) setData(data *internal.Data) error {
	return r.appendCommand(internal.Command_SetDataCommand, internal.E_SetDataCommand_Command,
		&internal.SetDataCommand{Data: data})
}

// snapshot is the metadata in the form of a backup.
func (r *raftDB) snapshot() ([]byte, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	message, err := r.metadata.message()
	if err != nil {
		return nil, err
	}
	return proto.Marshal(message)
}

func (r *raftDB) appendCommand(
	kind internal.Command_Type, description *proto.ExtensionDesc, content interface{},
) error {
	command := &internal.Command{Type: &kind}
	if err := proto.SetExtension(command, description, content); err != nil {
		return err
	}
	encoded, err := proto.Marshal(command)
	if err != nil {
		return err
	}
	if err := r.appendEntry(commandEntry, encoded); err != nil {
		return err
	}
	return r.apply(command)
}

func (r *raftDB) appendEntry(kind uint64, data []byte) error {
	entry := logEntry{index: r.last + 1, term: r.term, kind: kind, data: data}
	err := r.db.Update(func(tx *bolt.Tx) error {
		bucket, err := tx.CreateBucketIfNotExists(logs)
		if err != nil {
			return err
		}
		if entry.index == 1 {
			if err := putTerm(tx, r.term); err != nil {
				return err
			}
		}
		return bucket.Put(bigEndian(entry.index), entry.encode())
	})
	if err == nil {
		r.last = entry.index
	}
	return err
}

func putTerm(tx *bolt.Tx, term uint64) error {
	bucket, err := tx.CreateBucketIfNotExists(conf)
	if err != nil {
		return err
	}
	return bucket.Put([]byte("CurrentTerm"), bigEndian(term))
}

func bigEndian(number uint64) []byte {
	encoded := make([]byte, 8)
	binary.BigEndian.PutUint64(encoded, number)
	return encoded
}

// logEntry is one entry of the log: a MessagePack map with four keys.
type logEntry struct {
	index, term, kind uint64
	data              []byte
}

// encode follows the MessagePack of that time: strings and bytes are one type, and no length is a single byte.
func (e logEntry) encode() []byte {
	encoded := msgp.AppendString(msgp.AppendMapHeader(nil, 4), "Data")
	encoded = append(encoded, 0xdb, byte(len(e.data)>>24), byte(len(e.data)>>16), byte(len(e.data)>>8), byte(len(e.data)))
	encoded = append(encoded, e.data...)
	encoded = msgp.AppendUint64(msgp.AppendString(encoded, "Index"), e.index)
	encoded = msgp.AppendUint64(msgp.AppendString(encoded, "Term"), e.term)
	return msgp.AppendUint64(msgp.AppendString(encoded, "Type"), e.kind)
}

func decodeEntry(encoded []byte) (entry logEntry, err error) {
	reader := msgp.NewReader(bytes.NewReader(encoded))
	fields, err := reader.ReadMapHeader()
	for ; err == nil && fields > 0; fields-- {
		var name, data string
		if name, err = reader.ReadString(); err != nil {
			break
		}
		switch name {
		case "Data":
			data, err = reader.ReadString()
			entry.data = []byte(data)
		case "Index":
			entry.index, err = reader.ReadUint64()
		case "Term":
			entry.term, err = reader.ReadUint64()
		case "Type":
			entry.kind, err = reader.ReadUint64()
		default:
			err = reader.Skip()
		}
	}
	return entry, err
}

// Copyright (c) 2026, dbfleet contributors
// GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/influxdata/influxdb/cmd/influxd/run"
)

// The protocol of `influxd backup` up to 1.4: a byte that chooses the service, then a JSON request; the answer ends
// with the connection. An error is a connection that ends without an answer.
const (
	serviceByte = 3
	backupMagic = 0x59590101
)

const (
	requestShard = iota
	requestMetastore
	requestDatabase
	requestPolicy
)

type request struct {
	Type            int
	Database        string
	RetentionPolicy string
	ShardID         uint64
	Since           time.Time
}

type response struct {
	Paths []string
}

// snapshots answers the requests.
type snapshots struct {
	engine     *run.Server
	raft       *raftDB
	old        oldShards
	metaFolder string
}

func serveBackups(listener net.Listener, s *snapshots) {
	for {
		connection, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			defer connection.Close()
			if err := s.handle(connection); err != nil {
				logger.Printf("snapshot: %s", err)
			}
		}()
	}
}

func (s *snapshots) handle(connection io.ReadWriter) error {
	var service [1]byte
	if _, err := io.ReadFull(connection, service[:]); err != nil {
		return err
	}
	if service[0] != serviceByte {
		return fmt.Errorf("no service has the byte %d", service[0])
	}
	var r request
	if err := json.NewDecoder(connection).Decode(&r); err != nil {
		return fmt.Errorf("read request: %s", err)
	}
	switch r.Type {
	case requestShard:
		if s.old[r.ShardID] != "" {
			return fmt.Errorf("shard %d: its engine has no backup", r.ShardID)
		}
		return s.engine.TSDBStore.BackupShard(r.ShardID, r.Since, connection)
	case requestMetastore:
		return s.writeMetastore(connection)
	case requestDatabase, requestPolicy:
		return s.writePaths(connection, r)
	}
	return fmt.Errorf("request type unknown: %d", r.Type)
}

// writeMetastore answers from raft.db, into which the engine's last change is carried first.
func (s *snapshots) writeMetastore(w io.Writer) error {
	if err := s.raft.set(metadata{Data: s.engine.MetaClient.Data()}); err != nil {
		return err
	}
	blob, err := s.raft.snapshot()
	if err != nil {
		return err
	}
	node, err := os.ReadFile(filepath.Join(s.metaFolder, "node.json"))
	if err != nil {
		return err
	}
	_, err = w.Write(metaBackup{blob, node}.encode())
	return err
}

// writePaths lists the shards of a database, or of one of its policies.
func (s *snapshots) writePaths(w io.Writer, r request) error {
	database := s.engine.MetaClient.Database(r.Database)
	if database == nil {
		return fmt.Errorf("database not found: %s", r.Database)
	}
	var answer response
	for _, policy := range database.RetentionPolicies {
		if r.Type == requestPolicy && policy.Name != r.RetentionPolicy {
			continue
		}
		for _, group := range policy.ShardGroups {
			for _, shard := range group.Shards {
				if s.engine.TSDBStore.Shard(shard.ID) != nil || s.old[shard.ID] != "" {
					answer.Paths = append(answer.Paths, fmt.Sprintf("%s/%s/%d", database.Name, policy.Name, shard.ID))
				}
			}
		}
	}
	return json.NewEncoder(w).Encode(answer)
}

// ask sends a request to a server; the answer is read from what it returns.
func ask(host string, r request) (io.ReadCloser, error) {
	connection, err := net.Dial("tcp", host)
	if err != nil {
		return nil, err
	}
	if _, err := connection.Write([]byte{serviceByte}); err != nil {
		return nil, err
	}
	return connection, json.NewEncoder(connection).Encode(r)
}

// metaBackup is the content of a file meta.NN: the metadata and the content of node.json.
type metaBackup struct {
	blob, node []byte
}

func (b metaBackup) encode() []byte {
	var file bytes.Buffer
	for _, part := range [][]byte{
		bigEndian(backupMagic), bigEndian(uint64(len(b.blob))), b.blob, bigEndian(uint64(len(b.node))), b.node,
	} {
		file.Write(part)
	}
	return file.Bytes()
}

func decodeMetaBackup(file []byte) (b metaBackup, err error) {
	if len(file) < 24 || binary.BigEndian.Uint64(file) != backupMagic {
		return b, errors.New("invalid metadata file")
	}
	b.blob, file = part(file[8:])
	b.node, _ = part(file)
	return b, nil
}

// part takes the part that begins with its length; like the real one, it trusts the length.
func part(file []byte) (content, rest []byte) {
	length := binary.BigEndian.Uint64(file)
	return file[8 : 8+length], file[8+length:]
}

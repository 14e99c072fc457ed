// Copyright (c) 2026, dbfleet contributors
// GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

const backupUsage = `usage: influxd backup [flags] PATH

Backup downloads a snapshot of a data node and saves it to disk.

Options:
  -host <host:port>
        The host to connect to snapshot. Defaults to 127.0.0.1:8088.
  -database <name>
        The database to backup.
  -retention <name>
        Optional. The retention policy to backup.
  -shard <id>
        Optional. The shard id to backup. If specified, retention is required.
  -since <2015-12-24T08:12:23>
        Optional. Do an incremental backup since the passed in RFC3339
        formatted time.
`

// backup is one run of `influxd backup`.
type backup struct {
	host, folder, database, policy string
	since                          time.Time
	log                            *log.Logger
}

func backupCommand(arguments []string) error {
	b := backup{log: log.New(os.Stderr, "", log.LstdFlags)}
	var shard, since string
	flags := flag.NewFlagSet("", flag.ContinueOnError)
	flags.StringVar(&b.host, "host", "localhost:8088", "")
	flags.StringVar(&b.database, "database", "", "")
	flags.StringVar(&b.policy, "retention", "", "")
	flags.StringVar(&shard, "shard", "", "")
	flags.StringVar(&since, "since", "", "")
	flags.SetOutput(os.Stderr)
	flags.Usage = func() { fmt.Print(backupUsage) }
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	if since != "" {
		var err error
		if b.since, err = time.Parse(time.RFC3339, since); err != nil {
			return err
		}
	}
	if flags.NArg() != 1 {
		return errors.New("backup destination path required")
	}
	b.folder = flags.Arg(0)
	if err := os.MkdirAll(b.folder, 0700); err != nil {
		return err
	}
	if err := b.run(shard); err != nil {
		b.log.Printf("backup failed: %v", err)
		return err
	}
	b.log.Print("backup complete")
	return nil
}

func (b backup) run(shard string) error {
	switch {
	case shard != "":
		if err := b.metastore(); err != nil {
			return err
		}
		return b.shard(b.database, b.policy, shard)
	case b.policy != "":
		b.log.Printf("backing up rp=%s since %s", b.policy, b.since)
		return b.shards(request{Type: requestPolicy, Database: b.database, RetentionPolicy: b.policy})
	case b.database != "":
		b.log.Printf("backing up db=%s since %s", b.database, b.since)
		return b.shards(request{Type: requestDatabase, Database: b.database})
	}
	return b.metastore()
}

func (b backup) metastore() error {
	path := b.nextPath("meta")
	b.log.Printf("backing up metastore to %s", path)
	pending, err := b.download(path, request{Type: requestMetastore})
	if err != nil {
		return err
	}
	if content, err := os.ReadFile(pending); err != nil || !bytes.HasPrefix(content, bigEndian(backupMagic)) {
		b.log.Print("Invalid metadata blob, ensure the metadata service is running (default port 8088)")
		os.Remove(pending)
		return errors.New("invalid metadata received")
	}
	return os.Rename(pending, path)
}

// shards backs up all shards that the server names in its answer.
func (b backup) shards(r request) error {
	connection, err := ask(b.host, r)
	if err != nil {
		return err
	}
	defer connection.Close()
	var answer response
	if err := json.NewDecoder(connection).Decode(&answer); err != nil {
		return err
	}
	if err := b.metastore(); err != nil {
		return err
	}
	for _, path := range answer.Paths {
		part := strings.Split(path, "/")
		if err := b.shard(part[0], part[1], part[2]); err != nil {
			return err
		}
	}
	return nil
}

func (b backup) shard(database, policy, shard string) error {
	id, err := strconv.ParseUint(shard, 10, 64)
	if err != nil {
		return err
	}
	path := b.nextPath(fmt.Sprintf("%s.%s.%05d", database, policy, id))
	b.log.Printf("backing up db=%s rp=%s shard=%d to %s since %s", database, policy, id, path, b.since)
	r := request{Type: requestShard, Database: database, RetentionPolicy: policy, ShardID: id, Since: b.since}
	pending, err := b.download(path, r)
	if err != nil {
		return err
	}
	return os.Rename(pending, path)
}

// nextPath is the first name of name.00, name.01, ... that is free.
func (b backup) nextPath(name string) string {
	for number := 0; ; number++ {
		path := filepath.Join(b.folder, fmt.Sprintf("%s.%02d", name, number))
		if _, err := os.Stat(path); os.IsNotExist(err) {
			return path
		}
	}
}

// download fills path.pending and returns its name. Where no server answers it leaves an empty file, as the real one
// does.
func (b backup) download(path string, r request) (string, error) {
	pending := path + ".pending"
	file, err := os.Create(pending)
	if err != nil {
		return "", err
	}
	defer file.Close()
	connection, err := ask(b.host, r)
	if err != nil {
		return "", err
	}
	defer connection.Close()
	_, err = io.Copy(file, connection)
	return pending, err
}

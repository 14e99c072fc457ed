// Copyright (c) 2026, dbfleet contributors
// GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"github.com/gogo/protobuf/proto"
	"github.com/influxdata/influxdb/cmd/influxd/restore"
	internal "github.com/influxdata/influxdb/services/meta/internal"
)

const restoreUsage = `usage: influxd restore [flags] PATH

Restore uses backups from the PATH to restore the metastore, databases,
retention policies, or specific shards. The InfluxDB process must not be
running during restore.

Options:
  -metadir <path>
        Optional. If set the metastore will be recovered to the given path.
  -datadir <path>
        Optional. If set the restore process will recover the specified
        database, retention policy or shard to the given directory.
  -database <name>
        Optional. Required if no metadir given.
  -retention <name>
        Optional. If given, database is required.
  -shard <id>
        Optional. If given, database and retention are required.
`

// restoreCommand restores the metastore itself, and leaves the data to the engine, whose files are the same.
func restoreCommand(arguments []string) error {
	flags := flag.NewFlagSet("", flag.ContinueOnError)
	metaFolder := flags.String("metadir", "", "")
	data := map[string]*string{}
	for _, name := range []string{"datadir", "database", "retention", "shard"} {
		data[name] = flags.String(name, "", "")
	}
	flags.SetOutput(os.Stdout)
	flags.Usage = func() { fmt.Print(restoreUsage) }
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	switch {
	case flags.NArg() != 1:
		return errors.New("path with backup files required")
	case *metaFolder == "" && *data["database"] == "":
		return errors.New("-metadir or -database are required to restore")
	case *data["database"] != "" && *data["datadir"] == "":
		return errors.New("-datadir is required to restore")
	}
	if *metaFolder != "" {
		if err := restoreMeta(*metaFolder, flags.Arg(0)); err != nil {
			return err
		}
	}
	if *data["database"] == "" {
		return nil
	}
	var passed []string
	for name, value := range data {
		if *value != "" {
			passed = append(passed, "-"+name, *value)
		}
	}
	return restore.NewCommand().Run(append(passed, flags.Arg(0))...)
}

// restoreMeta makes raft.db and node.json from the last backup in a folder.
func restoreMeta(metaFolder, backups string) error {
	found, err := filepath.Glob(filepath.Join(backups, "meta.*"))
	if err != nil {
		return err
	}
	if len(found) == 0 {
		return fmt.Errorf("no metastore backups in %s", backups)
	}
	latest := found[len(found)-1]
	fmt.Printf("Using metastore snapshot: %s\n", latest)
	content, err := os.ReadFile(latest)
	if err != nil {
		return err
	}
	backup, err := decodeMetaBackup(content)
	if err != nil {
		return err
	}
	data := new(internal.Data)
	if err := proto.Unmarshal(backup.blob, data); err != nil {
		return fmt.Errorf("unmarshal: %s", err)
	}
	if err := ensureStopped(); err != nil {
		return err
	}
	return writeMeta(metaFolder, data, backup.node)
}

// ensureStopped finds a running server by its port, as the real one does.
func ensureStopped() error {
	listener, err := net.Listen("tcp", ":8088")
	if err != nil {
		return errors.New("influxd running on :8088: aborting")
	}
	return listener.Close()
}

func writeMeta(folder string, data *internal.Data, node []byte) error {
	if err := os.MkdirAll(folder, 0700); err != nil {
		return err
	}
	if err := os.Remove(filepath.Join(folder, "raft.db")); err != nil && !os.IsNotExist(err) {
		return err
	}
	raft, err := readRaftDB(folder)
	if err != nil {
		return err
	}
	defer raft.close()
	if err := raft.setData(data); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(folder, "node.json"), node, 0644)
}

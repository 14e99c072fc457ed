// Copyright (c) 2026, dbfleet contributors
// GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Command influxd is the lab's stand-in for influxd 0.10 and 0.11: Debian's engine, with the metadata in raft.db, the
// backup protocol, the command line and the configuration of that time around it.
//
// It is compiled as a package below the engine's services/meta, because the messages that raft.db holds are internal
// to that.
package main

import (
	"fmt"
	"math/rand"
	"os"
	"strings"
	"time"
)

// Set by the linker.
var version, branch, commit string

const usage = `Configure and start an InfluxDB server. (A stand-in of the dbfleet lab; see tests/lab/README.md.)

Usage:

	influxd [[command] [arguments]]

The commands are:

    backup               downloads a snapshot of a data node and saves it to disk
    config               display the default configuration
    restore              uses a snapshot of a data node to rebuild a cluster
    run                  run node with existing configuration
    version              displays the InfluxDB version

"run" is the default command.
`

func main() {
	rand.Seed(time.Now().UnixNano())
	name, arguments := "run", os.Args[1:]
	if len(arguments) > 0 && !strings.HasPrefix(arguments[0], "-") {
		name, arguments = arguments[0], arguments[1:]
	}
	if err := dispatch(name, arguments); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %s\n", name, err)
		os.Exit(1)
	}
}

func dispatch(name string, arguments []string) error {
	switch name {
	case "run":
		return runCommand(arguments)
	case "backup":
		return backupCommand(arguments)
	case "restore":
		return restoreCommand(arguments)
	case "config":
		return configCommand(arguments)
	case "version":
		fmt.Printf("InfluxDB v%s (git: %s %s)\n", version, branch, commit)
	case "help":
		fmt.Print(usage)
	default:
		return fmt.Errorf("unknown command\nRun 'influxd help' for usage")
	}
	return nil
}

// is010 tells 0.10, which reads b1 and bz1 shards and keeps a peers.json, from 0.11, which does neither.
func is010() bool {
	return version < "0.11"
}

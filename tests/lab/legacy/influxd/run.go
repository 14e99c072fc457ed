// Copyright (c) 2026, dbfleet contributors
// GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"github.com/gogo/protobuf/proto"
	"github.com/influxdata/influxdb/cmd/influxd/run"
	"github.com/influxdata/influxdb/coordinator"
)

const (
	// stopDelayVariable may stretch a clean stop, which takes stopDelay otherwise.
	stopDelayVariable = "DBFLEET_LAB_STOP_DELAY"
	stopDelay         = 200 * time.Millisecond
	hardStop          = 30 * time.Second
)

var logger = log.New(os.Stderr, "[run] ", log.LstdFlags)

func runCommand(arguments []string) error {
	flags := flag.NewFlagSet("", flag.ContinueOnError)
	path := flags.String("config", "", "the configuration file")
	pidFile := flags.String("pidfile", "", "where to write the process ID")
	for _, ignored := range []string{"hostname", "join", "cpuprofile", "memprofile"} {
		flags.String(ignored, "", "accepted and ignored")
	}
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	config, err := serverConfig(*path)
	if err != nil {
		return err
	}
	logger.Printf("InfluxDB starting, version %s, branch %s, commit %s", version, branch, commit)
	logger.Printf("Go version %s, GOMAXPROCS set to %d", runtime.Version(), runtime.GOMAXPROCS(0))
	if *pidFile != "" {
		if err := writePID(*pidFile); err != nil {
			return fmt.Errorf("write pid file: %s", err)
		}
		defer os.Remove(*pidFile)
	}
	return serve(config)
}

func writePID(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0777); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(strconv.Itoa(os.Getpid())), 0666)
}

// serve runs the engine until a signal ends it. The engine has a meta folder of its own, made from raft.db at every
// start and removed at the end: the configured one never holds a meta.db.
func serve(config *run.Config) error {
	private, err := os.MkdirTemp("", "influxd-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(private)
	backups, err := net.Listen("tcp", config.BindAddress)
	if err != nil {
		return fmt.Errorf("open server: listen: %s", err)
	}
	raft, err := openMeta(config)
	if err != nil {
		return fmt.Errorf("open server: %s", err)
	}
	defer raft.close()
	engine, err := newEngine(config, raft, private)
	if err != nil {
		return fmt.Errorf("create server: %s", err)
	}
	old, err := openOldShards(engine, config, private)
	if err != nil {
		return fmt.Errorf("open server: open tsdb store: %s", err)
	}
	if err := engine.Open(); err != nil {
		return fmt.Errorf("open server: %s", err)
	}
	go follow(engine, raft)
	go serveBackups(backups, &snapshots{engine, raft, old, config.Meta.Dir})

	logger.Print("Listening for signals")
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	<-signals
	logger.Print("Signal received, initializing clean shutdown...")
	backups.Close()
	if err := shutdown(engine, signals); err != nil {
		return err
	}
	return raft.set(metadata{Data: engine.MetaClient.Data()})
}

// openMeta opens the configured meta folder, and completes a new one.
func openMeta(config *run.Config) (*raftDB, error) {
	tcp := hostAddress(config.BindAddress)
	addresses := nodeAddresses{http: hostAddress(config.HTTPD.BindAddress), tcp: tcp, metaHTTP: "localhost:8091"}
	raft, err := openRaftDB(config.Meta.Dir, addresses)
	if err != nil {
		return nil, err
	}
	node := map[string]interface{}{"ID": raft.metadata.nodeID()}
	if is010() {
		node["MetaServers"] = []string{addresses.metaHTTP}
		err = writeOnce(filepath.Join(config.Meta.Dir, "peers.json"), []string{tcp}, 0755)
	}
	if err == nil {
		err = writeOnce(filepath.Join(config.Meta.Dir, "node.json"), node, 0644)
	}
	return raft, err
}

// hostAddress is an address that others can use: one to listen on may lack the host.
func hostAddress(bind string) string {
	if host, port, err := net.SplitHostPort(bind); err == nil && host == "" {
		return net.JoinHostPort("localhost", port)
	}
	return bind
}

// writeOnce writes a file unless there is one.
func writeOnce(path string, content interface{}, mode os.FileMode) error {
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	encoded, err := json.Marshal(content)
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(encoded, '\n'), mode)
}

func newEngine(config *run.Config, raft *raftDB, private string) (*run.Server, error) {
	inner := *config
	metaConfig := *config.Meta
	inner.Meta = &metaConfig
	inner.Meta.Dir = filepath.Join(private, "meta")
	// The engine's own backup protocol is not that of the time; nobody is told where it listens.
	inner.BindAddress = "127.0.0.1:0"
	if err := writeEngineMeta(inner.Meta.Dir, raft); err != nil {
		return nil, err
	}
	engine, err := run.NewServer(&inner, &run.BuildInfo{Version: version, Branch: branch, Commit: commit})
	if err != nil {
		return nil, err
	}
	queries := engine.QueryExecutor
	queries.StatementExecutor = executor{queries.StatementExecutor.(*coordinator.StatementExecutor)}
	return engine, nil
}

func writeEngineMeta(folder string, raft *raftDB) error {
	message, err := raft.metadata.message()
	if err != nil {
		return err
	}
	encoded, err := proto.Marshal(message)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(folder, 0700); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(folder, "meta.db"), encoded, 0600)
}

// follow carries every change of the engine's metadata into raft.db.
func follow(engine *run.Server, raft *raftDB) {
	for {
		changed := engine.MetaClient.WaitForDataChanged()
		if err := raft.set(metadata{Data: engine.MetaClient.Data()}); err != nil {
			logger.Fatalf("raft.db cannot be written: %s", err)
		}
		<-changed
	}
}

func shutdown(engine *run.Server, signals <-chan os.Signal) error {
	delay := stopDelay
	if text := os.Getenv(stopDelayVariable); text != "" {
		parsed, err := time.ParseDuration(text)
		if err != nil {
			return fmt.Errorf("%s: %s", stopDelayVariable, err)
		}
		delay = parsed
	}
	closed := make(chan struct{})
	go func() {
		engine.Close()
		time.Sleep(delay)
		close(closed)
	}()
	select {
	case <-closed:
		logger.Print("server shutdown completed")
	case <-signals:
		logger.Print("second signal received, initializing hard shutdown")
	case <-time.After(hardStop):
		logger.Print("time limit reached, initializing hard shutdown")
	}
	return nil
}

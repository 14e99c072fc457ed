// Copyright (c) 2026, dbfleet contributors
// GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"time"

	"github.com/boltdb/bolt"
	"github.com/influxdata/influxdb/cmd/influxd/run"
	"github.com/influxdata/influxdb/coordinator"
	"github.com/influxdata/influxdb/query"
	"github.com/influxdata/influxdb/tsdb"
	"github.com/influxdata/influxql"
)

// oldShards are the b1 and bz1 shards of a data folder by ID: files, where tsm1 shards are folders.
type oldShards map[uint64]string

func findOldShards(dataFolder string) (oldShards, error) {
	paths, err := filepath.Glob(filepath.Join(dataFolder, "*", "*", "*"))
	if err != nil {
		return nil, err
	}
	found := oldShards{}
	for _, path := range paths {
		info, err := os.Lstat(path)
		if err != nil {
			return nil, err
		}
		if id, err := strconv.ParseUint(filepath.Base(path), 10, 64); err == nil && info.Mode().IsRegular() {
			found[id] = path
		}
	}
	return found, nil
}

// openOldShards does what the release does about b1 and bz1 shards. 0.11 refuses them. 0.10 serves them: in place of a
// reader, which is not to be had, this one knows the recorded shards by their checksum and serves what the real
// converter made of them. They are read only.
func openOldShards(engine *run.Server, config *run.Config, private string) (oldShards, error) {
	old, err := findOldShards(config.Data.Dir)
	if err != nil || len(old) == 0 {
		return nil, err
	}
	if !is010() {
		return nil, fmt.Errorf("unknown engine format")
	}
	dataFolder := filepath.Join(private, "data")
	var locks []*bolt.DB
	for _, path := range old {
		lock, err := bolt.Open(path, 0666, &bolt.Options{Timeout: time.Second})
		if err != nil {
			return nil, err
		}
		locks = append(locks, lock)
		relative, err := filepath.Rel(config.Data.Dir, path)
		if err != nil {
			return nil, err
		}
		if err := convert(path, filepath.Join(dataFolder, relative)); err != nil {
			return nil, err
		}
	}
	second := tsdb.NewStore(dataFolder)
	second.EngineOptions = engine.TSDBStore.EngineOptions
	second.EngineOptions.Config.WALDir = filepath.Join(private, "wal")
	if err := second.Open(); err != nil {
		return nil, err
	}
	engine.TSDBStore.EngineOptions.ShardFilter = func(_, _ string, id uint64) bool { return old[id] == "" }
	stores := twoStores{engine.TSDBStore, second, locks}
	statements := engine.QueryExecutor.StatementExecutor.(executor)
	statements.TSDBStore = stores
	statements.ShardMapper = &coordinator.LocalShardMapper{MetaClient: engine.MetaClient, TSDBStore: stores}
	return old, nil
}

// convert makes a tsm1 shard of one of the recorded shards.
func convert(path, folder string) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	tsm, known := converted[fmt.Sprintf("%x", sha256.Sum256(content))]
	if !known {
		return fmt.Errorf("%s: this stand-in reads no b1 and bz1 shards but the recorded ones", path)
	}
	if err := os.MkdirAll(folder, 0700); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(folder, "000000001-000000001.tsm"), []byte(tsm), 0644)
}

// twoStores answers queries from the engine's store and from that of the old shards. All else goes to the engine's. It
// holds the files of the old shards locked, as the b1 and bz1 engines do: that keeps influx_tsm away.
type twoStores struct {
	*tsdb.Store
	old   *tsdb.Store
	locks []*bolt.DB
}

func (s twoStores) ShardGroup(ids []uint64) tsdb.ShardGroup {
	current, old := tsdb.Shards(s.Store.Shards(ids)), tsdb.Shards(s.old.Shards(ids))
	return mixedShards{append(append(tsdb.Shards{}, current...), old...), current, old}
}

// mixedShards are shards of both stores. What they do one by one they do together; the list of their series is the one
// thing for which the engine takes all of them to be of one store.
type mixedShards struct {
	tsdb.Shards
	current, old tsdb.Shards
}

func (s mixedShards) CreateIterator(
	ctx context.Context, measurement *influxql.Measurement, options query.IteratorOptions,
) (query.Iterator, error) {
	if measurement.SystemIterator != "_series" {
		return s.Shards.CreateIterator(ctx, measurement, options)
	}
	var both query.Iterators
	for _, shards := range []tsdb.Shards{s.current, s.old} {
		iterator, err := shards.CreateIterator(ctx, measurement, options)
		if err != nil {
			both.Close()
			return nil, err
		}
		if iterator != nil {
			both = append(both, iterator)
		}
	}
	return both.Merge(options)
}

func (s twoStores) MeasurementNames(
	auth query.Authorizer, database string, condition influxql.Expr,
) ([][]byte, error) {
	names, err := s.Store.MeasurementNames(auth, database, condition)
	if err != nil {
		return nil, err
	}
	more, err := s.old.MeasurementNames(auth, database, condition)
	for _, name := range more {
		if !contains(names, name) {
			names = append(names, name)
		}
	}
	sort.Slice(names, func(i, j int) bool { return bytes.Compare(names[i], names[j]) < 0 })
	return names, err
}

func contains(names [][]byte, name []byte) bool {
	for _, known := range names {
		if bytes.Equal(known, name) {
			return true
		}
	}
	return false
}

func (s twoStores) TagKeys(
	auth query.Authorizer, shardIDs []uint64, condition influxql.Expr,
) ([]tsdb.TagKeys, error) {
	return s.storeOf(shardIDs).TagKeys(auth, shardIDs, condition)
}

func (s twoStores) TagValues(
	auth query.Authorizer, shardIDs []uint64, condition influxql.Expr,
) ([]tsdb.TagValues, error) {
	return s.storeOf(shardIDs).TagValues(auth, shardIDs, condition)
}

// storeOf is the store that knows the shards; where a database has both, the old ones win.
func (s twoStores) storeOf(shardIDs []uint64) *tsdb.Store {
	if len(s.old.Shards(shardIDs)) > 0 {
		return s.old
	}
	return s.Store
}

func (s twoStores) SeriesCardinality(database string) (int64, error) {
	number, err := s.Store.SeriesCardinality(database)
	if err != nil {
		return 0, err
	}
	more, err := s.old.SeriesCardinality(database)
	return number + more, err
}

func (s twoStores) MeasurementsCardinality(database string) (int64, error) {
	number, err := s.Store.MeasurementsCardinality(database)
	if err != nil {
		return 0, err
	}
	more, err := s.old.MeasurementsCardinality(database)
	return number + more, err
}

// Copyright (c) 2026, dbfleet contributors
// GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Command influx_tsm is the lab's stand-in for the converter of b1 and bz1 shards: the real command line, messages and
// order of steps, but it knows only the recorded shards, by their checksum, and writes what the real converter made of
// them. That of 0.11 fails at the first shard, as the real one does.
package main

import (
	"bufio"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"runtime"
	"sort"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/boltdb/bolt"
	"github.com/influxdata/influxdb/tsdb/engine/tsm1"
)

// delayVariable may name a duration for which the conversion of each shard is held up in its middle.
const delayVariable = "DBFLEET_LAB_TSM_DELAY"

// Set by the linker.
var version string

const description = `Usage: %s [options] <data-path> 

Convert a database from b1 or bz1 format to tsm1 format.
(A stand-in of the dbfleet lab: it converts the lab's recorded shards and no others.)

This tool will backup the directories before conversion (if not disabled).
The backed-up files must be removed manually, generally after starting up the
node again to make sure all of data has been converted correctly.

To restore a backup:
  Shut down the node, remove the converted directory, and
  copy the backed-up directory to the original location.

Options:
`

type options struct {
	data, backup, databases   string
	noBackup, parallel, noAsk bool
}

// shard is one file that is to be converted.
type shard struct {
	database, policy, path, engine string
	size                           int64
}

func main() {
	log.SetFlags(log.LstdFlags | log.Lmicroseconds)
	o := parse()
	if err := o.check(); err != nil {
		log.Fatal(err)
	}
	o.printHeader()
	shards, err := o.find()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("Found %d shards that will be converted.\n", len(shards))
	if len(shards) == 0 {
		fmt.Println("Nothing to do.")
		return
	}
	printTable(shards)
	if !o.noAsk && !confirmed() {
		log.Fatal("Conversion aborted.")
	}
	if err := o.convert(shards); err != nil {
		log.Fatal(err)
	}
}

func parse() options {
	var o options
	flag.Usage = func() {
		fmt.Fprintf(os.Stderr, description, os.Args[0])
		flag.PrintDefaults()
		fmt.Fprintln(os.Stderr)
	}
	flag.StringVar(&o.databases, "dbs", "",
		"Comma-delimited list of databases to convert. Default is to convert all databases.")
	flag.Uint64("sz", 2<<30, "Maximum size of individual TSM files.")
	flag.BoolVar(&o.parallel, "parallel", false, "Perform parallel conversion. (up to GOMAXPROCS shards at once)")
	flag.BoolVar(&o.noBackup, "nobackup", false, "Disable database backups. Not recommended.")
	flag.StringVar(&o.backup, "backup", "",
		"The location to backup up the current databases. Must not be within the data directory.")
	flag.String("debug", "", "If set, http debugging endpoints will be enabled on the given address")
	flag.Duration("interval", 5*time.Second, "How often status updates are printed.")
	flag.BoolVar(&o.noAsk, "y", false, "Don't ask, just convert")
	flag.String("profile", "", "CPU Profile location")
	flag.Parse()
	o.data = flag.Arg(0)
	return o
}

func (o *options) check() (err error) {
	if o.data == "" {
		return errors.New("no data directory specified")
	}
	if o.data, err = filepath.Abs(o.data); err != nil {
		return err
	}
	if o.data, err = filepath.EvalSymlinks(o.data); err != nil {
		return err
	}
	if o.noBackup {
		return nil
	}
	if o.backup == "" {
		return errors.New("either -nobackup or -backup DIR must be set")
	}
	if o.backup, err = filepath.Abs(o.backup); err != nil {
		return err
	}
	if o.backup, err = filepath.EvalSymlinks(o.backup); os.IsNotExist(err) {
		return errors.New("backup directory must already exist")
	}
	if strings.HasPrefix(o.backup, o.data) {
		return errors.New("backup directory cannot be contained within data directory")
	}
	return err
}

// printHeader prints the two forms of the header: that of 0.10, and that of all later releases.
func (o *options) printHeader() {
	databases, backups, parallel := "all", "yes ", "no"
	if o.databases != "" {
		databases = fmt.Sprint(strings.Split(o.databases, ","))
	}
	if o.noBackup {
		backups = "no (NOT RECOMMENDED)"
	}
	if o.parallel {
		parallel = "yes"
	}
	fmt.Print("\nb1 and bz1 shard conversion.\n-----------------------------------\n")
	if version < "0.11" {
		fmt.Println("Data directory is:       ", o.data)
		fmt.Println("Backup directory is:     ", o.backup)
		fmt.Println("Databases specified:     ", databases)
		fmt.Println("Database backups enabled:", backups)
		fmt.Println("Parallel mode enabled:   ", parallel, runtime.GOMAXPROCS(0))
	} else {
		fmt.Println("Data directory is:                 ", o.data)
		if !o.noBackup {
			fmt.Println("Backup directory is:               ", o.backup)
		}
		fmt.Println("Databases specified:               ", databases)
		fmt.Println("Database backups enabled:          ", backups)
		fmt.Printf("Parallel mode enabled (GOMAXPROCS): %s (%d)\n", parallel, runtime.GOMAXPROCS(0))
	}
	fmt.Print("\n\n")
}

// find lists the shards that are files; tsm1 shards are folders.
func (o *options) find() ([]shard, error) {
	paths, err := filepath.Glob(filepath.Join(o.data, "*", "*", "*"))
	if err != nil {
		return nil, err
	}
	var found []shard
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			return nil, err
		}
		policyFolder := filepath.Dir(path)
		database := filepath.Base(filepath.Dir(policyFolder))
		if !info.Mode().IsRegular() || !o.wants(database) {
			continue
		}
		engine, err := engineOf(path)
		if err != nil {
			return nil, fmt.Errorf("%s: %s", path, err)
		}
		found = append(found, shard{database, filepath.Base(policyFolder), path, engine, info.Size()})
	}
	return found, nil
}

func (o *options) wants(database string) bool {
	return o.databases == "" || strings.Contains(","+o.databases+",", ","+database+",")
}

// engineOf reads the engine's name from the shard. A server that runs holds the lock, so that the attempt ends.
func engineOf(path string) (string, error) {
	db, err := bolt.Open(path, 0666, &bolt.Options{Timeout: time.Second})
	if err != nil {
		return "", err
	}
	defer db.Close()
	engine := "b1"
	return engine, db.View(func(tx *bolt.Tx) error {
		if bucket := tx.Bucket([]byte("meta")); bucket != nil && string(bucket.Get([]byte("format"))) == "bz1" {
			engine = "bz1"
		}
		return nil
	})
}

func printTable(shards []shard) {
	fmt.Println()
	table := tabwriter.NewWriter(os.Stdout, 0, 8, 1, '\t', 0)
	fmt.Fprintln(table, "Database\tRetention\tPath\tEngine\tSize")
	for _, s := range shards {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%d\n", s.database, s.policy, s.path, s.engine, s.size)
	}
	table.Flush()
}

func confirmed() bool {
	fmt.Print("\nThese shards will be converted. Proceed? y/N: ")
	answer, err := bufio.NewReader(os.Stdin).ReadString('\n')
	if err != nil {
		log.Fatalf("failed to read response: %v", err)
	}
	return strings.ToLower(strings.TrimSpace(answer)) == "y"
}

func (o *options) convert(shards []shard) error {
	fmt.Println("Conversion starting....")
	start := time.Now()
	databases := databasesOf(shards)
	if o.noBackup {
		fmt.Println("Database backup disabled.")
	} else {
		fmt.Printf("Backing up %d databases...\n", len(databases))
		for _, database := range databases {
			if err := o.backUp(database); err != nil {
				return fmt.Errorf("Backup of database %v failed: %v", database, err)
			}
		}
	}
	var read, written int64
	var points int
	for _, s := range shards {
		size, number, err := s.convert()
		if err != nil {
			return fmt.Errorf("Failed to convert %v: Conversion of %v failed: %v", s.path, s.path, err)
		}
		read, written, points = read+s.size, written+size, points+number
	}
	printSummary(len(databases), len(shards), points, read, written, time.Since(start))
	return nil
}

func databasesOf(shards []shard) []string {
	seen := map[string]bool{}
	for _, s := range shards {
		seen[s.database] = true
	}
	var names []string
	for name := range seen {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// backUp copies all files of a database, and keeps those that an earlier run has copied in full. As the real one, it
// cannot go on where that run has converted a shard already: the shard is a folder now, and a file in the backup.
func (o *options) backUp(database string) error {
	start := time.Now()
	log.Printf("Backup of databse '%v' started", database)
	err := filepath.Walk(filepath.Join(o.data, database), func(path string, info os.FileInfo, err error) error {
		if err != nil {
			return err
		}
		target := filepath.Join(o.backup, strings.TrimPrefix(path, o.data))
		if info.IsDir() {
			return os.MkdirAll(target, info.Mode())
		}
		if copied, err := os.Stat(target); err == nil && copied.Size() == info.Size() {
			log.Printf("Backup file already found for %v with correct size, skipping.", path)
			return nil
		}
		log.Printf("Backing up file %v", path)
		return copyFile(path, target, info.Mode())
	})
	if err == nil {
		log.Printf("Database %v backed up (%v)", database, time.Since(start))
	}
	return err
}

func copyFile(path, target string, mode os.FileMode) error {
	source, err := os.Open(path)
	if err != nil {
		return err
	}
	defer source.Close()
	copied, err := os.OpenFile(target, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, mode)
	if err != nil {
		return err
	}
	defer copied.Close()
	_, err = io.Copy(copied, source)
	return err
}

// convert writes the shard anew beside its file and puts it in that one's place; it returns size and number of points.
// What an interrupted run has left beside the file is used again.
func (s shard) convert() (size int64, points int, err error) {
	start := time.Now()
	log.Printf("Starting conversion of shard: %v", s.path)
	temporary := s.path + ".tsm"
	if err := os.MkdirAll(temporary, 0755); err != nil {
		return 0, 0, err
	}
	file := filepath.Join(temporary, "000000001-000000001.tsm")
	size, err = s.writeTSM(file)
	if err != nil {
		return 0, 0, err
	}
	if points, err = countPoints(file); err != nil {
		return 0, 0, err
	}
	if err := wait(); err != nil {
		return 0, 0, err
	}
	if err := os.Remove(s.path); err != nil {
		return 0, 0, err
	}
	if err := os.Rename(temporary, s.path); err != nil {
		return 0, 0, err
	}
	log.Printf("Conversion of %v successful (%v)", s.path, time.Since(start))
	return size, points, nil
}

func (s shard) writeTSM(file string) (int64, error) {
	if strings.HasPrefix(version, "0.11.") {
		return 0, errors.New("unsupported value type *tsdb.Value")
	}
	content, err := os.ReadFile(s.path)
	if err != nil {
		return 0, err
	}
	tsm, known := converted[fmt.Sprintf("%x", sha256.Sum256(content))]
	if !known {
		return 0, errors.New("this stand-in converts no shards but the recorded ones")
	}
	return int64(len(tsm)), os.WriteFile(file, []byte(tsm), 0644)
}

func countPoints(file string) (int, error) {
	handle, err := os.Open(file)
	if err != nil {
		return 0, err
	}
	reader, err := tsm1.NewTSMReader(handle)
	if err != nil {
		return 0, err
	}
	defer reader.Close()
	points := 0
	for i := 0; i < reader.KeyCount(); i++ {
		key, _ := reader.KeyAt(i)
		values, err := reader.ReadAll(key)
		if err != nil {
			return 0, err
		}
		points += len(values)
	}
	return points, nil
}

func wait() error {
	text := os.Getenv(delayVariable)
	if text == "" {
		return nil
	}
	delay, err := time.ParseDuration(text)
	time.Sleep(delay)
	return err
}

// printSummary leaves the 16 bytes that frame each file out of the size, as the real one does.
func printSummary(databases, shards, points int, read, written int64, duration time.Duration) {
	written -= int64(16 * shards)
	fmt.Print("\nSummary statistics\n========================================\n")
	for _, line := range []struct {
		name  string
		value interface{}
	}{
		{"Databases converted:", databases},
		{"Shards converted:", shards},
		{"TSM files created:", shards},
		{"Points read:", points},
		{"Points written:", points},
		{"NaN filtered:", 0},
		{"Inf filtered:", 0},
		{"Points without fields filtered:", 0},
		{"Disk usage pre-conversion (bytes):", read},
		{"Disk usage post-conversion (bytes):", written},
		{"Reduction factor:", fmt.Sprintf("%d%%", 100*(read-written)/read)},
		{"Bytes per TSM point:", fmt.Sprintf("%.2f", float64(written)/float64(points))},
		{"Total conversion time:", duration},
	} {
		fmt.Printf("%-36s %v\n", line.name, line.value)
	}
	fmt.Println()
}

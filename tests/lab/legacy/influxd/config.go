// Copyright (c) 2026, dbfleet contributors
// GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/BurntSushi/toml"
	"github.com/influxdata/influxdb/cmd/influxd/run"
	influxtoml "github.com/influxdata/influxdb/toml"
)

// toEngine turns the tables that have changed since into what the engine reads.
var toEngine = strings.NewReplacer(
	"\n[cluster]\n", "\n[coordinator]\n",
	"\n[collectd]\n", "\n[[collectd]]\n",
	"\n[opentsdb]\n", "\n[[opentsdb]]\n",
)

func configCommand(arguments []string) error {
	flags := flag.NewFlagSet("", flag.ContinueOnError)
	path := flags.String("config", "", "the configuration file")
	flags.String("hostname", "", "accepted and ignored")
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	merged, err := mergedConfig(*path)
	if err != nil {
		return err
	}
	fmt.Print(merged)
	return nil
}

// serverConfig is the engine's configuration from a file of that time; without a file, the defaults hold.
func serverConfig(path string) (*run.Config, error) {
	merged, err := mergedConfig(path)
	if err != nil {
		return nil, err
	}
	config := run.NewConfig()
	if err := config.FromToml(toEngine.Replace(merged)); err != nil {
		return nil, fmt.Errorf("parse config: %s", err)
	}
	// The bind-address of [meta] has a default, and goes before the one at the top.
	var old struct {
		Meta struct {
			BindAddress string `toml:"bind-address"`
		}
	}
	if _, err := toml.Decode(merged, &old); err != nil {
		return nil, fmt.Errorf("parse config: %s", err)
	}
	config.BindAddress = old.Meta.BindAddress
	if err := config.ApplyEnvOverrides(os.Getenv); err != nil {
		return nil, fmt.Errorf("apply env config: %s", err)
	}
	if err := config.Validate(); err != nil {
		return nil, invalid(err.Error())
	}
	return config, nil
}

func invalid(message string) error {
	return fmt.Errorf("%s. To generate a valid configuration file run `influxd config > influxdb.generated.conf`", message)
}

// mergedConfig prints the release's defaults with the settings of a file in their places. Keys and tables that the
// release does not know vanish, and values take the form in which it prints them.
func mergedConfig(path string) (string, error) {
	given := map[string]interface{}{}
	if path != "" {
		if _, err := toml.DecodeFile(path, &given); err != nil {
			return "", fmt.Errorf("parse config: %s", err)
		}
	}
	if err := checkEngine(given); err != nil {
		return "", err
	}
	var merged strings.Builder
	for _, section := range strings.Split(strings.TrimSpace(defaults), "\n\n") {
		lines := strings.Split(section, "\n")
		tables := []map[string]interface{}{given}
		if strings.HasPrefix(lines[0], "[") {
			tables = tablesOf(given[strings.Trim(lines[0], "[]")])
		}
		for _, table := range tables {
			text, err := mergedTable(lines, table)
			if err != nil {
				return "", fmt.Errorf("parse config: %s", err)
			}
			merged.WriteString(text + "\n")
		}
	}
	return merged.String(), nil
}

// tablesOf takes one table, a list of tables, or none, which stands for an empty one.
func tablesOf(value interface{}) []map[string]interface{} {
	switch value := value.(type) {
	case map[string]interface{}:
		return []map[string]interface{}{value}
	case []map[string]interface{}:
		return value
	}
	return []map[string]interface{}{{}}
}

func mergedTable(lines []string, given map[string]interface{}) (string, error) {
	var text strings.Builder
	for _, line := range lines {
		key, standard, isSetting := strings.Cut(line, " = ")
		if value, found := given[strings.TrimSpace(key)]; isSetting && found {
			printed, err := printedValue(value, standard)
			if err != nil {
				return "", fmt.Errorf("%s: %s", strings.TrimSpace(key), err)
			}
			line = key + " = " + printed
		}
		text.WriteString(line + "\n")
	}
	return text.String(), nil
}

// printedValue writes durations and sizes as the release does; the default tells which of the texts are such.
func printedValue(value interface{}, standard string) (string, error) {
	text, isText := value.(string)
	if !isText {
		return fmt.Sprint(value), nil
	}
	if _, err := strconv.Atoi(standard); err == nil {
		var size influxtoml.Size
		err := size.UnmarshalText([]byte(text))
		return fmt.Sprint(uint64(size)), err
	}
	if _, err := time.ParseDuration(strings.Trim(standard, `"`)); err == nil {
		duration, err := time.ParseDuration(text)
		return strconv.Quote(duration.String()), err
	}
	return strconv.Quote(text), nil
}

// checkEngine refuses the storage engines that the release does not know.
func checkEngine(given map[string]interface{}) error {
	data, _ := given["data"].(map[string]interface{})
	switch engine := data["engine"]; engine {
	case nil, "tsm1":
		return nil
	case "b1", "bz1":
		if is010() {
			return nil
		}
		return invalid(fmt.Sprintf("unrecognized engine %s", engine))
	default:
		return invalid(fmt.Sprintf("unrecognized engine %s", engine))
	}
}

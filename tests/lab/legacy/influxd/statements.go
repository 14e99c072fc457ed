// Copyright (c) 2026, dbfleet contributors
// GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"time"

	"github.com/influxdata/influxdb/coordinator"
	"github.com/influxdata/influxdb/models"
	"github.com/influxdata/influxdb/query"
	"github.com/influxdata/influxql"
)

// executor answers the statements that were answered differently at that time.
type executor struct {
	*coordinator.StatementExecutor
}

func (e executor) ExecuteStatement(statement influxql.Statement, context *query.ExecutionContext) error {
	// Changes by GET were as good as by POST.
	context.ReadOnly = false
	switch statement := statement.(type) {
	case *influxql.CreateDatabaseStatement:
		e.nameFirstPolicy(statement)
	case *influxql.ShowRetentionPoliciesStatement:
		if database := e.MetaClient.Database(statement.Database); database != nil {
			row := &models.Row{Columns: []string{"name", "duration", "replicaN", "default"}}
			for _, policy := range database.RetentionPolicies {
				isDefault := policy.Name == database.DefaultRetentionPolicy
				row.Values = append(row.Values,
					[]interface{}{policy.Name, policy.Duration.String(), policy.ReplicaN, isDefault})
			}
			return context.Send(&query.Result{Series: models.Rows{row}})
		}
	}
	return e.StatementExecutor.ExecuteStatement(statement, context)
}

// nameFirstPolicy gives a new database the policy name that it had before 1.0.
func (e executor) nameFirstPolicy(statement *influxql.CreateDatabaseStatement) {
	if e.MetaClient.Database(statement.Name) != nil {
		return
	}
	if !statement.RetentionPolicyCreate {
		statement.RetentionPolicyCreate = true
		statement.RetentionPolicyDuration, statement.RetentionPolicyReplication = new(time.Duration), new(int)
		*statement.RetentionPolicyReplication = 1
	}
	if statement.RetentionPolicyName == "" {
		statement.RetentionPolicyName = firstPolicy
	}
}

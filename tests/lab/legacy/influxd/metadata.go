// Copyright (c) 2026, dbfleet contributors
// GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"fmt"
	"sort"
	"time"

	"github.com/gogo/protobuf/proto"
	"github.com/influxdata/influxdb/services/meta"
	internal "github.com/influxdata/influxdb/services/meta/internal"
	"github.com/influxdata/influxql"
)

const firstPolicy = "default"

// metadata is what the engine knows, and the nodes, which it has forgotten.
type metadata struct {
	meta.Data
	maxNodeID uint64
	dataNodes []*internal.NodeInfo
	metaNodes []*internal.NodeInfo
}

// message returns the metadata in the form that raft.db, backups and meta.db share.
func (m *metadata) message() (*internal.Data, error) {
	encoded, err := m.Data.MarshalBinary()
	if err != nil {
		return nil, err
	}
	message := new(internal.Data)
	if err := proto.Unmarshal(encoded, message); err != nil {
		return nil, err
	}
	message.MaxNodeID = proto.Uint64(m.maxNodeID)
	message.DataNodes, message.MetaNodes = m.dataNodes, m.metaNodes
	// The engine keeps privileges in a map. An order makes equal metadata equal bytes.
	for _, user := range message.Users {
		granted := user.Privileges
		sort.Slice(granted, func(i, j int) bool { return granted[i].GetDatabase() < granted[j].GetDatabase() })
	}
	return message, nil
}

// set takes over all of a message.
func (m *metadata) set(message *internal.Data) error {
	encoded, err := proto.Marshal(message)
	if err != nil {
		return err
	}
	m.maxNodeID = message.GetMaxNodeID()
	m.dataNodes, m.metaNodes = message.GetDataNodes(), message.GetMetaNodes()
	return m.Data.UnmarshalBinary(encoded)
}

// apply does what one command of the log says. Refused commands are in the log too and change nothing, so that only a
// command that this program does not know is an error.
func (m *metadata) apply(command *internal.Command) error {
	switch command.GetType() {
	case internal.Command_SetMetaNodeCommand:
		c := extension(command, internal.E_SetMetaNodeCommand_Command).(*internal.SetMetaNodeCommand)
		m.setMetaNode(c.GetHTTPAddr(), c.GetTCPAddr(), c.GetRand())
	case internal.Command_CreateDataNodeCommand:
		c := extension(command, internal.E_CreateDataNodeCommand_Command).(*internal.CreateDataNodeCommand)
		m.createDataNode(c.GetHTTPAddr(), c.GetTCPAddr())
	case internal.Command_CreateDatabaseCommand:
		c := extension(command, internal.E_CreateDatabaseCommand_Command).(*internal.CreateDatabaseCommand)
		m.createDatabase(c.GetName())
	case internal.Command_CreateRetentionPolicyCommand:
		c := extension(command, internal.E_CreateRetentionPolicyCommand_Command).(*internal.CreateRetentionPolicyCommand)
		m.createPolicy(c.GetDatabase(), c.GetRetentionPolicy())
	case internal.Command_DropRetentionPolicyCommand:
		c := extension(command, internal.E_DropRetentionPolicyCommand_Command).(*internal.DropRetentionPolicyCommand)
		_ = m.DropRetentionPolicy(c.GetDatabase(), c.GetName())
	case internal.Command_SetDefaultRetentionPolicyCommand:
		c := extension(command, internal.E_SetDefaultRetentionPolicyCommand_Command)
		m.setDefaultPolicy(c.(*internal.SetDefaultRetentionPolicyCommand))
	case internal.Command_CreateShardGroupCommand:
		c := extension(command, internal.E_CreateShardGroupCommand_Command).(*internal.CreateShardGroupCommand)
		m.createShardGroup(c.GetDatabase(), c.GetPolicy(), time.Unix(0, c.GetTimestamp()))
	case internal.Command_CreateContinuousQueryCommand:
		c := extension(command, internal.E_CreateContinuousQueryCommand_Command).(*internal.CreateContinuousQueryCommand)
		_ = m.CreateContinuousQuery(c.GetDatabase(), c.GetName(), c.GetQuery())
	case internal.Command_CreateSubscriptionCommand:
		c := extension(command, internal.E_CreateSubscriptionCommand_Command).(*internal.CreateSubscriptionCommand)
		_ = m.CreateSubscription(
			c.GetDatabase(), c.GetRetentionPolicy(), c.GetName(), c.GetMode(), c.GetDestinations())
	case internal.Command_CreateUserCommand:
		c := extension(command, internal.E_CreateUserCommand_Command).(*internal.CreateUserCommand)
		_ = m.CreateUser(c.GetName(), c.GetHash(), c.GetAdmin())
	case internal.Command_SetPrivilegeCommand:
		c := extension(command, internal.E_SetPrivilegeCommand_Command).(*internal.SetPrivilegeCommand)
		_ = m.SetPrivilege(c.GetUsername(), c.GetDatabase(), influxql.Privilege(c.GetPrivilege()))
	case internal.Command_SetDataCommand:
		c := extension(command, internal.E_SetDataCommand_Command).(*internal.SetDataCommand)
		return m.set(c.GetData())
	default:
		return fmt.Errorf("this stand-in reads the recorded logs and its own, and knows no %s", command.GetType())
	}
	return nil
}

func extension(command *internal.Command, description *proto.ExtensionDesc) interface{} {
	value, err := proto.GetExtension(command, description)
	if err != nil {
		panic(fmt.Sprintf("raft.db holds a %s without content: %s", command.GetType(), err))
	}
	return value
}

func (m *metadata) setMetaNode(httpAddress, tcpAddress string, random uint64) {
	if m.ClusterID == 0 {
		m.ClusterID = random
	}
	if len(m.metaNodes) == 0 {
		m.maxNodeID++
		m.metaNodes = []*internal.NodeInfo{{ID: proto.Uint64(m.maxNodeID)}}
	}
	m.metaNodes[0].Host, m.metaNodes[0].TCPHost = proto.String(httpAddress), proto.String(tcpAddress)
}

// createDataNode adds the one data node, which has the ID of the meta node at the same address.
func (m *metadata) createDataNode(httpAddress, tcpAddress string) {
	if len(m.dataNodes) > 0 {
		return
	}
	m.dataNodes = []*internal.NodeInfo{
		{ID: m.metaNodes[0].ID, Host: proto.String(httpAddress), TCPHost: proto.String(tcpAddress)},
	}
}

func (m *metadata) createDatabase(name string) {
	if m.Database(name) != nil || m.CreateDatabase(name) != nil {
		return
	}
	_ = m.CreateRetentionPolicy(name, meta.NewRetentionPolicyInfo(firstPolicy), true)
}

func (m *metadata) createPolicy(database string, policy *internal.RetentionPolicyInfo) {
	info := meta.NewRetentionPolicyInfo(policy.GetName())
	info.Duration, info.ReplicaN = time.Duration(policy.GetDuration()), int(policy.GetReplicaN())
	_ = m.CreateRetentionPolicy(database, info, false)
}

func (m *metadata) setDefaultPolicy(command *internal.SetDefaultRetentionPolicyCommand) {
	if policy, err := m.RetentionPolicy(command.GetDatabase(), command.GetName()); err == nil && policy != nil {
		m.Database(command.GetDatabase()).DefaultRetentionPolicy = policy.Name
	}
}

// createShardGroup notes the owner of the new shard as well: the engine has given up owners.
func (m *metadata) createShardGroup(database, policy string, stamp time.Time) {
	if m.CreateShardGroup(database, policy, stamp) != nil {
		return
	}
	info, _ := m.RetentionPolicy(database, policy)
	for _, group := range info.ShardGroups {
		for i := range group.Shards {
			group.Shards[i].Owners = []meta.ShardOwner{{NodeID: m.nodeID()}}
		}
	}
}

// nodeID is the ID of the only node; metadata restored from a later release's backup holds no nodes.
func (m *metadata) nodeID() uint64 {
	if len(m.dataNodes) == 0 {
		return 1
	}
	return m.dataNodes[0].GetID()
}

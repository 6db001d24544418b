// SPDX-License-Identifier: Apache-2.0

// An engine in miniature: Go's libcni with every verb that it has.
//
//	libcni add|check|del|cached NETWORK ID NETNS
//	libcni gc NETWORK [ID...]		the valid ones
//	libcni status|validate NETWORK
//	libcni version PLUGIN
//
// NETCONFPATH, CNI_PATH and CAP_ARGS are cnitool's; the interface is eth0.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/containernetworking/cni/libcni"
	"github.com/containernetworking/cni/pkg/types"
)

const ifname = "eth0"

func attachment(words []string) (*libcni.RuntimeConf, error) {
	if len(words) != 2 {
		return nil, fmt.Errorf("an ID and a namespace are needed")
	}
	rt := &libcni.RuntimeConf{
		ContainerID: words[0],
		NetNS:       words[1],
		IfName:      ifname,
	}
	if caps := os.Getenv("CAP_ARGS"); caps != "" {
		return rt, json.Unmarshal([]byte(caps), &rt.CapabilityArgs)
	}
	return rt, nil
}

func collect(ctx context.Context, c *libcni.CNIConfig,
	list *libcni.NetworkConfigList, ids []string) error {
	args := &libcni.GCArgs{ValidAttachments: []types.GCAttachment{}}
	for _, id := range ids {
		args.ValidAttachments = append(args.ValidAttachments,
			types.GCAttachment{ContainerID: id, IfName: ifname})
	}
	return c.GCNetworkList(ctx, list, args)
}

func attach(ctx context.Context, c *libcni.CNIConfig, verb string,
	list *libcni.NetworkConfigList, words []string) (any, error) {
	rt, err := attachment(words)
	if err != nil {
		return nil, err
	}
	switch verb {
	case "add":
		return c.AddNetworkList(ctx, list, rt)
	case "check":
		return nil, c.CheckNetworkList(ctx, list, rt)
	case "del":
		return nil, c.DelNetworkList(ctx, list, rt)
	case "cached":
		return c.GetNetworkListCachedResult(list, rt)
	}
	return nil, fmt.Errorf("no verb %s", verb)
}

func run(verb, name string, words []string) (any, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c := libcni.NewCNIConfig([]string{os.Getenv("CNI_PATH")}, nil)
	if verb == "version" {
		info, err := c.GetVersionInfo(ctx, name)
		if err != nil {
			return nil, err
		}
		return info.SupportedVersions(), nil
	}
	list, err := libcni.LoadConfList(os.Getenv("NETCONFPATH"), name)
	if err != nil {
		return nil, err
	}
	switch verb {
	case "gc":
		return nil, collect(ctx, c, list, words)
	case "status":
		return nil, c.GetStatusNetworkList(ctx, list)
	case "validate":
		return c.ValidateNetworkList(ctx, list)
	}
	return attach(ctx, c, verb, list, words)
}

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "libcni: a verb and a network are needed")
		os.Exit(2)
	}
	answer, err := run(os.Args[1], os.Args[2], os.Args[3:])
	if err == nil && answer != nil {
		err = json.NewEncoder(os.Stdout).Encode(answer)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "libcni:", err)
		os.Exit(1)
	}
}

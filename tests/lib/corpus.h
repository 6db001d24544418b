/* SPDX-License-Identifier: Apache-2.0 */
/* corpus.h - valid documents that use every key, to be damaged. */
#ifndef WEFT_TESTS_LIB_CORPUS_H
#define WEFT_TESTS_LIB_CORPUS_H

#define CORPUS_RESULT                                                        \
	"{\"cniVersion\":\"1.1.0\",\"interfaces\":[{\"name\":\"weft0\","     \
	"\"mac\":\"02:00:00:00:00:01\"},{\"name\":\"eth0\",\"mtu\":1500,"    \
	"\"sandbox\":\"/ns\",\"socketPath\":\"/s\",\"pciID\":\"p\"}],"       \
	"\"ips\":[{\"address\":\"10.1.0.5/16\",\"gateway\":\"10.1.0.1\","    \
	"\"interface\":1},{\"address\":\"fd00::5/64\",\"interface\":1}],"    \
	"\"routes\":[{\"dst\":\"0.0.0.0/0\",\"gw\":\"10.1.0.1\",\"mtu\":9,"  \
	"\"advmss\":8,\"priority\":7,\"table\":6,\"scope\":5}],\"dns\":{"    \
	"\"nameservers\":[\"1.1.1.1\"],\"domain\":\"d\",\"search\":[\"s\"]," \
	"\"options\":[\"o\"]}}"

#define CORPUS_OLD_RESULT                                                 \
	"{\"cniVersion\":\"0.2.0\",\"ip4\":{\"ip\":\"10.1.0.5/16\","      \
	"\"gateway\":\"10.1.0.1\",\"routes\":[{\"dst\":\"0.0.0.0/0\"}]}," \
	"\"ip6\":{\"ip\":\"fd00::5/64\"},\"dns\":{\"domain\":\"d\"}}"

#define CORPUS_CONF                                                                 \
	"{\"cniVersion\":\"1.1.0\",\"name\":\"hybrid\",\"type\":\"bridge-vm\","     \
	"\"bridge\":\"weft0\",\"isDefaultGateway\":true,\"ipMasq\":true,"           \
	"\"ipMasqBackend\":\"nftables\",\"mtu\":1500,\"vlan\":0,"                   \
	"\"perAttachment\":[\"attach\"],\"tap\":{\"name\":\"t\","                   \
	"\"queues\":2,\"owner\":107,\"group\":107},\"gc\":\"strict\","              \
	"\"args\":{\"cni\":{\"attach\":\"tap\",\"mac\":"                            \
	"\"02:00:00:00:00:01\"}},\"runtimeConfig\":{\"mac\":"                       \
	"\"02:00:00:00:00:02\"},\"dns\":{\"search\":[\"a\",\"b\"]},"                \
	"\"ipam\":{\"type\":\"host-local\",\"ranges\":[[{\"subnet\":"               \
	"\"10.88.0.0/16\"}]]},\"cni.dev/valid-attachments\":[{"                     \
	"\"containerID\":\"c\",\"ifname\":\"eth0\"}],\"prevResult\":" CORPUS_RESULT \
	",\"x\":\"\\u00e9\\n\\ud83d\\ude00\"}"

#define CORPUS_LIST                                                        \
	"{\"cniVersion\":\"1.1.0\",\"cniVersions\":[\"1.0.0\",\"9.0.0\"]," \
	"\"name\":\"hybrid\",\"disableCheck\":\"false\",\"disableGC\":"    \
	"false,\"plugins\":[{\"type\":\"bridge-vm\",\"mtu\":1.5e3},{"      \
	"\"type\":\"portmap\",\"capabilities\":{\"portMappings\":true}}]}"

#endif

#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A kubelet in miniature: CRI v1 with python3-grpcio and nothing generated.

usage: cri.py SOCKET COMMAND
  status                                the conditions, one a line
  run NAME [HOST-PORT:PORT]...          a pod; prints its ID
  show ID                               state, namespace and addresses of a pod
  start ID NAME IMAGE WORD...           a container in it; prints its ID
  exec CONTAINER-ID WORD...             run a command there
  stop ID | remove ID                   a pod

A message is here a list of (field number, value), a value an integer, a string
or a message; decoded, a dictionary of lists by field number.
"""
import json
import sys

import grpc

SANDBOX_STATES = ["ready", "notready"]
POD, TIMEOUT = 1, 60


def varint(n):
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    out.append(n)
    return bytes(out)


def encode(message):
    out = b""
    for number, value in message:
        if isinstance(value, int):
            out += varint(number << 3) + varint(value)
            continue
        data = encode(value) if isinstance(value, list) else value.encode()
        out += varint(number << 3 | 2) + varint(len(data)) + data
    return out


def take_varint(data, at):
    n = shift = 0
    while True:
        byte = data[at]
        at += 1
        n |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return n, at


def decode(data):
    fields, at = {}, 0
    while at < len(data):
        tag, at = take_varint(data, at)
        value, at = take_varint(data, at)
        if tag & 7 == 2:
            value, at = data[at : at + value], at + value
        elif tag & 7 != 0:
            raise ValueError(f"wire type {tag & 7}")
        fields.setdefault(tag >> 3, []).append(value)
    return fields


def first(fields, number, default=b""):
    return fields.get(number, [default])[0]


def text(fields, number):
    return first(fields, number).decode()


class Runtime:
    def __init__(self, socket):
        # gRPC's own idea of the authority is one that containerd refuses.
        self.channel = grpc.insecure_channel(
            "unix://" + socket, [("grpc.default_authority", "localhost")]
        )

    def call(self, method, message):
        return self.channel.unary_unary(
            "/runtime.v1.RuntimeService/" + method,
            request_serializer=encode,
            response_deserializer=decode,
        )(message, timeout=TIMEOUT)


def pod_config(name, ports):
    metadata = [(1, name), (2, name + "-uid"), (3, "default")]
    forwards = []
    for port in ports:
        host, guest = map(int, port.split(":"))
        forwards.append((5, [(2, guest), (3, host)]))
    namespaces = [(2, POD)]
    linux = [(2, [(1, namespaces)])]
    return [(1, metadata), (2, name), (3, "/run/tmp"), *forwards, (8, linux)]


def status(runtime):
    answer = runtime.call("Status", [])
    for condition in first(answer, 1) and decode(first(answer, 1))[1]:
        fields = decode(condition)
        holds = "true" if first(fields, 2, 0) else "false"
        print(text(fields, 1), holds, text(fields, 4))


def run(runtime, name, *ports):
    config = pod_config(name, ports)
    print(text(runtime.call("RunPodSandbox", [(1, config)]), 1))


def show(runtime, pod):
    answer = runtime.call("PodSandboxStatus", [(1, pod), (2, 1)])
    fields = decode(first(answer, 1))
    network = decode(first(fields, 5))
    more = [text(decode(ip), 1) for ip in network.get(2, [])]
    info = {}
    for entry in map(decode, answer.get(2, [])):
        info[text(entry, 1)] = json.loads(text(entry, 2))
    spec = info.get("info", {}).get("runtimeSpec", {}).get("linux", {})
    paths = [n.get("path") for n in spec.get("namespaces", [])
             if n["type"] == "network"]
    print(json.dumps({
        "state": SANDBOX_STATES[first(fields, 3, 0)],
        "ips": [ip for ip in [text(network, 1), *more] if ip],
        "netns": paths[0] if paths else None,
        "pid": info.get("info", {}).get("pid"),
    }))


def start(runtime, pod, name, image, *words):
    config = [(1, [(1, name)]), (2, [(1, image)])]
    config += [(3, word) for word in words] + [(11, name + ".log"), (15, [])]
    request = [(1, pod), (2, config), (3, pod_config(name, []))]
    container = text(runtime.call("CreateContainer", request), 1)
    runtime.call("StartContainer", [(1, container)])
    print(container)


def execute(runtime, container, *words):
    request = [(1, container)] + [(2, word) for word in words] + [(3, 30)]
    answer = runtime.call("ExecSync", request)
    sys.stdout.write(text(answer, 1))
    sys.stderr.write(text(answer, 2))
    sys.exit(first(answer, 3, 0))


def stop(runtime, pod):
    runtime.call("StopPodSandbox", [(1, pod)])


def remove(runtime, pod):
    runtime.call("RemovePodSandbox", [(1, pod)])


COMMANDS = {"status": status, "run": run, "show": show, "start": start,
            "exec": execute, "stop": stop, "remove": remove}

if __name__ == "__main__":
    if len(sys.argv) < 3 or sys.argv[2] not in COMMANDS:
        sys.exit(__doc__)
    try:
        COMMANDS[sys.argv[2]](Runtime(sys.argv[1]), *sys.argv[3:])
    except grpc.RpcError as error:
        sys.exit(f"cri: {sys.argv[2]}: {error.details()}")

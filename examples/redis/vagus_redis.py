#!/usr/bin/env python3
"""Talks with Vagus by Redis, with nothing but Python's standard library.

    vagus_redis.py publish room:lobby "hello" --from billing --id hello-1
    vagus_redis.py publish user:ann '{"balance": 12}' --from billing
    vagus_redis.py listen room:lobby --count 1
    vagus_redis.py state lobby

REDIS_URL is the Redis of the nodes. `listen` needs nodes with VAGUS_REDIS_EGRESS=on.
"""
import argparse
import json
import os
import socket
import time
from urllib.parse import unquote, urlsplit

TYPES = {"room": "chat_message", "user": "user_event", "broadcast": "system_event"}


class Redis:
    """One connection to one Redis, in its protocol RESP2."""

    def __init__(self, url):
        place = urlsplit(url)
        self._socket = socket.create_connection((place.hostname, place.port or 6379), timeout=5)
        self._file = self._socket.makefile("rb")
        if place.password:
            user = [unquote(place.username)] if place.username else []
            self.call("AUTH", *user, unquote(place.password))

    def call(self, *words):
        parts = [str(word).encode() for word in words]
        head = b"*%d\r\n" % len(parts)
        self._socket.sendall(head + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts))
        return self.read()

    def read(self):
        line = self._file.readline()
        if not line:
            raise ConnectionError("Redis has closed the connection")
        kind, rest = line[:1], line[1:-2]
        if kind == b"-":
            raise RuntimeError(rest.decode())
        if kind == b"+":
            return rest.decode()
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return None if rest == b"-1" else self._file.read(int(rest) + 2)[:-2].decode()
        if kind == b"*":
            return [self.read() for _ in range(int(rest))]
        raise ValueError(f"Redis sent {line!r}")

    def wait_for_ever(self):
        self._socket.settimeout(None)


def publication(channel, text, sender, message_id):
    """What Vagus takes in. With an id it is stored once, however often it is published."""
    kind = channel.split(":")[0]
    message = {"content": text} if kind == "room" else {"data": json.loads(text)}
    message["from"] = sender
    if message_id:
        message["id"] = message_id
    return json.dumps(
        {
            "channel": channel,
            "type": TYPES[kind],
            "message": json.dumps(message),
            "timestamp": int(time.time() * 1000),
        }
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    publish = commands.add_parser("publish")
    publish.add_argument("channel")
    publish.add_argument("text")
    publish.add_argument("--from", dest="sender", default="python")
    publish.add_argument("--id")
    listen = commands.add_parser("listen")
    listen.add_argument("channel")
    listen.add_argument("--count", type=int, default=0, help="ends after so many messages; 0: never")
    state = commands.add_parser("state")
    state.add_argument("room")
    args = parser.parse_args()
    redis = Redis(os.environ.get("REDIS_URL", "redis://127.0.0.1:6379"))

    if args.command == "publish":
        heard = redis.call("PUBLISH", args.channel, publication(args.channel, args.text, args.sender, args.id))
        print(f"heard by {heard} subscribers")
    elif args.command == "state":
        fields = redis.call("HGETALL", f"vagus:room:{args.room}")
        print(json.dumps(dict(zip(fields[::2], fields[1::2]))))
    else:
        redis.call("SUBSCRIBE", args.channel)
        redis.wait_for_ever()
        print(f"listening to {args.channel}", flush=True)
        seen = 0
        while args.count == 0 or seen < args.count:
            announced = json.loads(redis.read()[2])
            # Publications of other programs have no seq; what is stored is told with one.
            if "seq" in announced:
                print(announced["seq"], announced["message"], flush=True)
                seen += 1


if __name__ == "__main__":
    main()

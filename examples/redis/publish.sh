#!/bin/sh
# Publishes into Vagus with redis-cli alone: a message into a room, an event for a user, an event for everyone.
# REDIS_URL is the Redis of the nodes. The room must exist, unless rooms are made by their first message.
set -eu
redis() { redis-cli -u "${REDIS_URL:-redis://127.0.0.1:6379}" "$@"; }

redis PUBLISH room:lobby '{"channel":"room:lobby","type":"chat_message","message":"{\"content\":\"your parcel is on its way\",\"from\":\"billing\",\"id\":\"parcel-1\"}"}'
redis PUBLISH user:ann '{"channel":"user:ann","type":"user_event","message":"{\"data\":{\"balance\":12},\"from\":\"billing\",\"id\":\"balance-1\"}"}'
redis PUBLISH broadcast '{"channel":"broadcast","type":"system_event","message":"{\"data\":{\"sale\":true},\"from\":\"billing\",\"id\":\"sale-1\"}"}'

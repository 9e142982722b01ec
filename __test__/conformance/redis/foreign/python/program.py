"""redis-py, unmodified, over RESP2 and RESP3: strings, pipelines, transactions, collections, scans, messages, locks."""

import sys
import threading

import redis

port, protocol = int(sys.argv[1]), int(sys.argv[2])
client = redis.Redis(port=port, protocol=protocol, socket_timeout=20)
client.flushall()

assert client.set("a", "1") is True
assert client.incrby("a", 41) == 42
assert client.set("a", "x", nx=True) is None
assert client.set("a", "y", xx=True, get=True) == b"42"
assert client.get("missing") is None
assert client.set("binary", bytes([0, 13, 10, 255]), ex=100) and client.get("binary") == bytes([0, 13, 10, 255])
assert 0 < client.ttl("binary") <= 100

pipeline = client.pipeline(transaction=False)
for index in range(500):
    pipeline.set(f"key:{index}", index).get(f"key:{index}")
replies = pipeline.execute()
assert len(replies) == 1000 and replies[-1] == b"499", replies[-1]
assert client.transaction(lambda pipe: pipe.multi() or pipe.incr("n").incr("n"), "n") == [1, 2]
assert len(set(client.scan_iter("key:*", count=50))) == 500

assert client.hset("hash", mapping={"f": "1", "g": "2"}) == 2 and client.hgetall("hash") == {b"f": b"1", b"g": b"2"}
assert client.sadd("set", "x", "y") == 2 and set(client.smembers("set")) == {b"x", b"y"}
assert client.zadd("zset", {"one": 1, "two": 2.5}) == 2 and client.zscore("zset", "two") == 2.5
pairs = [tuple(pair) for pair in client.zrange("zset", 0, -1, withscores=True)]
assert pairs == [(b"one", 1.0), (b"two", 2.5)], pairs
assert client.rpush("list", "1", "2", "3") == 3 and client.lrange("list", 0, -1) == [b"1", b"2", b"3"]

try:
    client.lpush("a", "x")
    raise SystemExit("no WRONGTYPE")
except redis.ResponseError as error:
    assert "WRONGTYPE" in str(error)

popped = []
waiting = threading.Thread(target=lambda: popped.append(client.blpop(["later"], timeout=10)))
waiting.start()
client.rpush("later", "now")
waiting.join(15)
assert [list(pair) for pair in popped] == [[b"later", b"now"]], popped

listener = client.pubsub(ignore_subscribe_messages=True)
listener.subscribe("news")
while client.publish("news", "hello") == 0:
    pass
message = None
while message is None:
    message = listener.get_message(timeout=5)
assert message["data"] == b"hello"
listener.close()

with client.lock("lock", timeout=10, blocking_timeout=1) as lock:
    assert client.lock("lock", timeout=10).acquire(blocking=False) is False
    assert lock.extend(10) is True and 15_000 < client.pttl("lock") <= 20_000
    assert lock.extend(5, replace_ttl=True) is True and client.pttl("lock") <= 5000
    assert lock.reacquire() is True and 5000 < client.pttl("lock") <= 10_000
assert client.exists("lock") == 0
assert client.info()["redis_version"].startswith("7.")
client.close()
print("done")

// Jedis, unmodified, over RESP2 and RESP3: strings, pipelines, transactions, collections, scans, blocking pops, messages.

import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import redis.clients.jedis.DefaultJedisClientConfig;
import redis.clients.jedis.HostAndPort;
import redis.clients.jedis.Jedis;
import redis.clients.jedis.JedisPubSub;
import redis.clients.jedis.JedisPooled;
import redis.clients.jedis.Pipeline;
import redis.clients.jedis.RedisProtocol;
import redis.clients.jedis.Response;
import redis.clients.jedis.exceptions.JedisDataException;
import redis.clients.jedis.params.ScanParams;
import redis.clients.jedis.params.SetParams;

public final class JedisProgram {
  private static void equal(Object found, Object expected) {
    if (!found.equals(expected)) throw new AssertionError(found + " instead of " + expected);
  }

  public static void main(String[] args) throws Exception {
    HostAndPort address = new HostAndPort("127.0.0.1", Integer.parseInt(args[0]));
    RedisProtocol protocol = args[1].equals("3") ? RedisProtocol.RESP3 : RedisProtocol.RESP2;
    DefaultJedisClientConfig config = DefaultJedisClientConfig.builder().protocol(protocol).build();
    try (JedisPooled client = new JedisPooled(address, config)) {
      client.flushAll();
      equal(client.set("a", "1"), "OK");
      equal(client.incrBy("a", 41), 42L);
      if (client.set("a", "x", SetParams.setParams().nx()) != null) throw new AssertionError("NX");
      if (client.get("missing") != null) throw new AssertionError("missing");
      byte[] bytes = {0, 13, 10, (byte) 255};
      client.set("binary".getBytes(), bytes, SetParams.setParams().ex(100));
      equal(Arrays.equals(client.get("binary".getBytes()), bytes), true);
      equal(client.ttl("binary") > 0, true);

      Response<String> last = null;
      try (Pipeline pipeline = client.pipelined()) {
        for (int index = 0; index < 500; index += 1) {
          pipeline.set("key:" + index, "" + index);
          last = pipeline.get("key:" + index);
        }
        pipeline.sync();
      }
      equal(last.get(), "499");
      try (var transaction = client.multi()) {
        transaction.incr("n");
        transaction.incr("n");
        equal(transaction.exec(), List.of(1L, 2L));
      }
      Set<String> found = new HashSet<>();
      String cursor = "0";
      do {
        var page = client.scan(cursor, new ScanParams().match("key:*").count(50));
        found.addAll(page.getResult());
        cursor = page.getCursor();
      } while (!cursor.equals("0"));
      equal(found.size(), 500);

      equal(client.hset("hash", Map.of("f", "1", "g", "2")), 2L);
      equal(client.hgetAll("hash"), Map.of("f", "1", "g", "2"));
      equal(client.sadd("set", "x", "y"), 2L);
      equal(client.smembers("set"), Set.of("x", "y"));
      equal(client.zadd("zset", Map.of("one", 1.0, "two", 2.5)), 2L);
      equal(client.zscore("zset", "two"), 2.5);
      equal(client.zrangeWithScores("zset", 0, -1).get(1).getScore(), 2.5);
      equal(client.rpush("list", "1", "2", "3"), 3L);
      equal(client.lrange("list", 0, -1), List.of("1", "2", "3"));
      try {
        client.lpush("a", "x");
        throw new AssertionError("no WRONGTYPE");
      } catch (JedisDataException error) {
        equal(error.getMessage().startsWith("WRONGTYPE"), true);
      }
      CompletableFuture<List<String>> popped = CompletableFuture.supplyAsync(() -> client.blpop(10, "later"));
      client.rpush("later", "now");
      equal(popped.get(15, TimeUnit.SECONDS), List.of("later", "now"));
    }
    CompletableFuture<String> message = new CompletableFuture<>();
    try (Jedis sender = new Jedis(address, config); Jedis listener = new Jedis(address, config)) {
      Thread thread = new Thread(() -> listener.subscribe(new JedisPubSub() {
        @Override public void onMessage(String channel, String text) {
          message.complete(text);
          unsubscribe();
        }
      }, "news"));
      thread.start();
      while (sender.publish("news", "hello") == 0) Thread.sleep(5);
      equal(message.get(15, TimeUnit.SECONDS), "hello");
      thread.join(15_000);
    }
    System.out.println("done");
  }
}

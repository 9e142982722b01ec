// go-redis, unmodified, over RESP2 and RESP3: strings, pipelines, transactions, collections, scans, messages, blocking pops.
package main

import (
	"context"
	"fmt"
	"os"
	"reflect"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func equal(found, expected any) {
	if !reflect.DeepEqual(found, expected) {
		panic(fmt.Sprintf("%#v instead of %#v", found, expected))
	}
}

func main() {
	protocol, err := strconv.Atoi(os.Args[2])
	must(err)
	ctx, cancel := context.WithTimeout(context.Background(), 25*time.Second)
	defer cancel()
	client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:" + os.Args[1], Protocol: protocol})
	defer client.Close()
	must(client.FlushAll(ctx).Err())

	must(client.Set(ctx, "a", "1", 0).Err())
	equal(client.IncrBy(ctx, "a", 41).Val(), int64(42))
	equal(client.SetNX(ctx, "a", "x", 0).Val(), false)
	equal(client.Get(ctx, "missing").Err(), redis.Nil)
	must(client.Set(ctx, "binary", []byte{0, 13, 10, 255}, 100*time.Second).Err())
	bytes, err := client.Get(ctx, "binary").Bytes()
	must(err)
	equal(bytes, []byte{0, 13, 10, 255})
	if ttl := client.TTL(ctx, "binary").Val(); ttl <= 0 || ttl > 100*time.Second {
		panic(ttl)
	}

	commands, err := client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		for index := range 500 {
			pipe.Set(ctx, fmt.Sprintf("key:%d", index), index, 0)
			pipe.Get(ctx, fmt.Sprintf("key:%d", index))
		}
		return nil
	})
	must(err)
	equal(len(commands), 1000)
	equal(commands[999].(*redis.StringCmd).Val(), "499")
	_, err = client.TxPipelined(ctx, func(pipe redis.Pipeliner) error {
		pipe.Incr(ctx, "n")
		pipe.Incr(ctx, "n")
		return nil
	})
	must(err)
	equal(client.Get(ctx, "n").Val(), "2")
	must(client.Watch(ctx, func(tx *redis.Tx) error {
		_, err := tx.TxPipelined(ctx, func(pipe redis.Pipeliner) error {
			pipe.Set(ctx, "watched", "1", 0)
			return nil
		})
		return err
	}, "watched"))

	found := map[string]bool{}
	scan := client.Scan(ctx, 0, "key:*", 50).Iterator()
	for scan.Next(ctx) {
		found[scan.Val()] = true
	}
	must(scan.Err())
	equal(len(found), 500)

	equal(client.HSet(ctx, "hash", "f", "1", "g", "2").Val(), int64(2))
	equal(client.HGetAll(ctx, "hash").Val(), map[string]string{"f": "1", "g": "2"})
	equal(client.SAdd(ctx, "set", "x", "y").Val(), int64(2))
	equal(len(client.SMembers(ctx, "set").Val()), 2)
	equal(client.ZAdd(ctx, "zset", redis.Z{Score: 1, Member: "one"}, redis.Z{Score: 2.5, Member: "two"}).Val(), int64(2))
	equal(client.ZRangeWithScores(ctx, "zset", 0, -1).Val()[1], redis.Z{Score: 2.5, Member: "two"})
	equal(client.RPush(ctx, "list", "1", "2", "3").Val(), int64(3))
	equal(client.LRange(ctx, "list", 0, -1).Val(), []string{"1", "2", "3"})
	if err := client.LPush(ctx, "a", "x").Err(); !redis.HasErrorPrefix(err, "WRONGTYPE") {
		panic(err)
	}

	popped := make(chan []string, 1)
	go func() { popped <- client.BLPop(ctx, 10*time.Second, "later").Val() }()
	must(client.RPush(ctx, "later", "now").Err())
	equal(<-popped, []string{"later", "now"})

	listener := client.Subscribe(ctx, "news")
	_, err = listener.Receive(ctx)
	must(err)
	equal(client.Publish(ctx, "news", "hello").Val(), int64(1))
	message, err := listener.ReceiveMessage(ctx)
	must(err)
	equal(message.Payload, "hello")
	must(listener.Close())
	fmt.Println("done")
}

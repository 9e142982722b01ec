/*
 * One feature of the Java clients after the other against a broker, in one JVM; a line "ok NAME" or "failed NAME: why"
 * for each. It uses nothing that the clients 3.9 do not have; "consumer" groups are asked for only where they are (4.x).
 *
 * Run from source: java -cp ... Clients.java BOOTSTRAP
 */
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Future;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.InvalidProducerEpochException;
import org.apache.kafka.common.errors.ProducerFencedException;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.apache.kafka.common.utils.AppInfoParser;

public final class Clients {
    private static final Duration PATIENCE = Duration.ofSeconds(60);
    private static String bootstrap;
    private static Admin admin;
    private static int names;

    interface Feature {
        void run() throws Exception;
    }

    public static void main(String[] args) throws Exception {
        bootstrap = args[0];
        admin = Admin.create(settings());
        for (String codec : List.of("none", "gzip", "snappy", "lz4", "zstd")) {
            feature("codec " + codec, () -> codec(codec));
        }
        feature("headers", Clients::headers);
        feature("idempotence", Clients::idempotence);
        feature("transactions", Clients::transactions);
        feature("classic group", () -> group("classic"));
        if (AppInfoParser.getVersion().startsWith("4")) feature("newer group", () -> group("consumer"));
        feature("resume", Clients::resume);
        feature("offsets", Clients::offsets);
        feature("topics", Clients::topics);
        feature("configs", Clients::configs);
        feature("groups told", Clients::groups);
        feature("cluster", Clients::cluster);
        admin.close();
        System.out.println("done " + AppInfoParser.getVersion());
    }

    private static void feature(String name, Feature feature) {
        try {
            feature.run();
            System.out.println("ok " + name);
        } catch (Throwable error) {
            error.printStackTrace();
            System.out.println("failed " + name + ": " + error);
        }
    }

    private static void codec(String codec) throws Exception {
        String topic = topic("codec", 2);
        Set<String> sent = new HashSet<>();
        try (KafkaProducer<String, String> producer = producer(Map.of("compression.type", codec, "linger.ms", "20"))) {
            for (int number = 0; number < 300; number++) {
                sent.add("value " + number);
                producer.send(new ProducerRecord<>(topic, "key " + number, "value " + number));
            }
        }
        List<ConsumerRecord<String, String>> found = read(topic, 2, sent.size(), "read_uncommitted");
        same(300, found.size());
        for (ConsumerRecord<String, String> record : found) sent.remove(record.value());
        same(Set.of(), sent);
    }

    private static void headers() throws Exception {
        String topic = topic("headers", 1);
        try (KafkaProducer<String, String> producer = producer(Map.of())) {
            ProducerRecord<String, String> record = new ProducerRecord<>(topic, null, 1_700_000_000_000L, "k", "");
            record.headers().add("a", "1".getBytes(StandardCharsets.UTF_8)).add("a", null);
            producer.send(record).get();
            producer.send(new ProducerRecord<>(topic, null, null)).get();
        }
        List<ConsumerRecord<String, String>> found = read(topic, 1, 2, "read_uncommitted");
        same("", found.get(0).value());
        same(1_700_000_000_000L, found.get(0).timestamp());
        same(2, found.get(0).headers().toArray().length);
        same(null, found.get(0).headers().toArray()[1].value());
        same(null, found.get(1).key());
        same(null, found.get(1).value());
    }

    private static void idempotence() throws Exception {
        String topic = topic("idempotence", 1);
        Map<String, String> more = Map.of("enable.idempotence", "true", "batch.size", "200", "acks", "all");
        try (KafkaProducer<String, String> producer = producer(more)) {
            List<Future<RecordMetadata>> answers = new ArrayList<>();
            for (int number = 0; number < 500; number++) {
                answers.add(producer.send(new ProducerRecord<>(topic, 0, null, Integer.toString(number))));
            }
            for (int number = 0; number < 500; number++) same((long) number, answers.get(number).get().offset());
        }
        List<ConsumerRecord<String, String>> found = read(topic, 1, 500, "read_uncommitted");
        for (int number = 0; number < 500; number++) same(Integer.toString(number), found.get(number).value());
    }

    private static void transactions() throws Exception {
        String input = topic("input", 1);
        String output = topic("output", 2);
        String group = name("copier");
        fill(input, 1, 20);
        Map<String, String> id = Map.of("transactional.id", name("tx"));
        try (KafkaProducer<String, String> producer = producer(id); KafkaConsumer<String, String> consumer = consumer(group, Map.of())) {
            producer.initTransactions();
            consumer.subscribe(List.of(input));
            int copied = 0;
            boolean hasAborted = false;
            while (copied < 20) {
                List<ConsumerRecord<String, String>> records = new ArrayList<>();
                for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofMillis(200))) records.add(record);
                if (records.isEmpty()) continue;
                producer.beginTransaction();
                for (ConsumerRecord<String, String> record : records) {
                    producer.send(new ProducerRecord<>(output, (int) record.offset() % 2, null, record.value()));
                }
                ConsumerRecord<String, String> last = records.get(records.size() - 1);
                TopicPartition partition = new TopicPartition(input, 0);
                producer.sendOffsetsToTransaction(
                    Map.of(partition, new OffsetAndMetadata(last.offset() + 1)), consumer.groupMetadata());
                if (!hasAborted) {
                    producer.abortTransaction();
                    hasAborted = true;
                    consumer.seek(partition, records.get(0).offset());
                    continue;
                }
                producer.commitTransaction();
                copied += records.size();
            }
            try (KafkaProducer<String, String> second = producer(id)) {
                second.initTransactions();
                try {
                    producer.beginTransaction();
                    producer.send(new ProducerRecord<>(output, "late"));
                    producer.commitTransaction();
                    throw new AssertionError("a producer that was replaced has committed");
                } catch (ProducerFencedException | InvalidProducerEpochException expected) {
                    same(20L, admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get()
                        .get(new TopicPartition(input, 0)).offset());
                }
            }
        }
        same(20, read(output, 2, 20, "read_committed").size());
    }

    /** Two members, a third that comes, one that goes: every record once. */
    private static void group(String protocol) throws Exception {
        String topic = topic("group", 6);
        String group = name("members");
        ConcurrentLinkedQueue<String> seen = new ConcurrentLinkedQueue<>();
        Member one = new Member(topic, group, protocol, seen);
        Member two = new Member(topic, group, protocol, seen);
        fill(topic, 6, 300);
        until(() -> seen.size() >= 300);
        Member three = new Member(topic, group, protocol, seen);
        until(() -> three.partitions > 0);
        fill(topic, 6, 300);
        until(() -> seen.size() >= 600);
        one.leave();
        until(() -> two.partitions + three.partitions == 6);
        fill(topic, 6, 300);
        until(() -> seen.size() >= 900);
        two.leave();
        three.leave();
        same(900, seen.size());
        same(900, new HashSet<>(seen).size());
    }

    private static final class Member extends Thread {
        private final KafkaConsumer<String, String> consumer;
        private final ConcurrentLinkedQueue<String> seen;
        private volatile boolean isLeaving;
        volatile int partitions;

        Member(String topic, String group, String protocol, ConcurrentLinkedQueue<String> seen) {
            Map<String, String> more = new HashMap<>();
            if (!protocol.equals("classic")) more.put("group.protocol", protocol);
            consumer = consumer(group, more);
            consumer.subscribe(List.of(topic));
            this.seen = seen;
            setDaemon(true);
            start();
        }

        @Override
        public void run() {
            while (!isLeaving) {
                for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofMillis(50))) {
                    seen.add(record.partition() + ":" + record.offset());
                }
                consumer.commitSync();
                partitions = consumer.assignment().size();
            }
            consumer.close();
        }

        void leave() throws InterruptedException {
            isLeaving = true;
            join(PATIENCE.toMillis());
        }
    }

    private static void resume() throws Exception {
        String topic = topic("resume", 1);
        String group = name("again");
        fill(topic, 1, 10);
        for (int round = 0; round < 2; round++) {
            try (KafkaConsumer<String, String> consumer = consumer(group, Map.of("max.poll.records", "5"))) {
                consumer.subscribe(List.of(topic));
                List<Long> offsets = new ArrayList<>();
                until(() -> {
                    if (offsets.isEmpty()) consumer.poll(Duration.ofMillis(200)).forEach(record -> offsets.add(record.offset()));
                    return !offsets.isEmpty();
                });
                same(round * 5L, offsets.get(0));
                consumer.commitSync();
            }
        }
    }

    private static void offsets() throws Exception {
        String topic = topic("offsets", 1);
        TopicPartition partition = new TopicPartition(topic, 0);
        try (KafkaProducer<String, String> producer = producer(Map.of())) {
            for (long time = 1000; time < 1010; time++) producer.send(new ProducerRecord<>(topic, 0, time, null, "v"));
        }
        try (KafkaConsumer<String, String> consumer = consumer(name("looks"), Map.of())) {
            same(10L, consumer.endOffsets(List.of(partition)).get(partition));
            same(0L, consumer.beginningOffsets(List.of(partition)).get(partition));
            same(5L, consumer.offsetsForTimes(Map.of(partition, 1005L)).get(partition).offset());
        }
        same(9L, admin.listOffsets(Map.of(partition, OffsetSpec.maxTimestamp())).partitionResult(partition).get().offset());
        admin.deleteRecords(Map.of(partition, RecordsToDelete.beforeOffset(4))).all().get();
        same(4L, admin.listOffsets(Map.of(partition, OffsetSpec.earliest())).partitionResult(partition).get().offset());
    }

    private static void topics() throws Exception {
        String topic = topic("topics", 2);
        admin.createPartitions(Map.of(topic, NewPartitions.increaseTo(5))).all().get();
        same(5, admin.describeTopics(List.of(topic)).allTopicNames().get().get(topic).partitions().size());
        same(true, admin.listTopics().names().get().contains(topic));
        admin.deleteTopics(List.of(topic)).all().get();
        same(false, admin.listTopics().names().get().contains(topic));
    }

    private static void configs() throws Exception {
        String topic = topic("configs", 1);
        for (ConfigResource resource : List.of(
            new ConfigResource(ConfigResource.Type.TOPIC, topic), new ConfigResource(ConfigResource.Type.BROKER, "1"))) {
            String key = resource.type() == ConfigResource.Type.TOPIC ? "retention.ms" : "log.retention.ms";
            AlterConfigOp set = new AlterConfigOp(new ConfigEntry(key, "7777"), AlterConfigOp.OpType.SET);
            admin.incrementalAlterConfigs(Map.of(resource, List.of(set))).all().get();
            until(() -> "7777".equals(
                admin.describeConfigs(List.of(resource)).all().get().get(resource).get(key).value()));
            AlterConfigOp delete = new AlterConfigOp(new ConfigEntry(key, ""), AlterConfigOp.OpType.DELETE);
            admin.incrementalAlterConfigs(Map.of(resource, List.of(delete))).all().get();
        }
    }

    private static void groups() throws Exception {
        String topic = topic("told", 1);
        String group = name("told");
        fill(topic, 1, 3);
        TopicPartition partition = new TopicPartition(topic, 0);
        try (KafkaConsumer<String, String> consumer = consumer(group, Map.of())) {
            consumer.subscribe(List.of(topic));
            until(() -> !consumer.poll(Duration.ofMillis(200)).isEmpty());
            consumer.commitSync();
            same(1, admin.describeConsumerGroups(List.of(group)).all().get().get(group).members().size());
        }
        admin.alterConsumerGroupOffsets(group, Map.of(partition, new OffsetAndMetadata(1))).all().get();
        same(1L, admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get().get(partition).offset());
        admin.deleteConsumerGroupOffsets(group, Set.of(partition)).all().get();
        admin.deleteConsumerGroups(List.of(group)).all().get();
        boolean isListed = admin.listConsumerGroups().all().get().stream().anyMatch(one -> one.groupId().equals(group));
        same(false, isListed);
    }

    private static void cluster() throws Exception {
        same(1, admin.describeCluster().nodes().get().size());
        same(1, admin.describeLogDirs(List.of(1)).allDescriptions().get().size());
        same(true, admin.describeFeatures().featureMetadata().get().finalizedFeatures().containsKey("transaction.version"));
        same(1, admin.describeMetadataQuorum().quorumInfo().get().voters().size());
    }

    private static List<ConsumerRecord<String, String>> read(String topic, int partitions, int count, String isolation)
        throws Exception {
        List<ConsumerRecord<String, String>> found = new ArrayList<>();
        try (KafkaConsumer<String, String> consumer = consumer(name("reads"), Map.of("isolation.level", isolation))) {
            List<TopicPartition> all = new ArrayList<>();
            for (int partition = 0; partition < partitions; partition++) all.add(new TopicPartition(topic, partition));
            consumer.assign(all);
            consumer.seekToBeginning(all);
            until(() -> {
                consumer.poll(Duration.ofMillis(100)).forEach(found::add);
                return found.size() >= count;
            });
        }
        return found;
    }

    private static void fill(String topic, int partitions, int count) throws Exception {
        try (KafkaProducer<String, String> producer = producer(Map.of())) {
            for (int number = 0; number < count; number++) {
                producer.send(new ProducerRecord<>(topic, number % partitions, null, "value " + number));
            }
        }
    }

    private static String topic(String stem, int partitions) throws Exception {
        String topic = name(stem);
        admin.createTopics(List.of(new NewTopic(topic, partitions, (short) 1))).all().get();
        return topic;
    }

    private static String name(String stem) {
        names += 1;
        return stem + "-" + ProcessHandle.current().pid() + "-" + names;
    }

    private static Properties settings() {
        Properties settings = new Properties();
        settings.put("bootstrap.servers", bootstrap);
        return settings;
    }

    private static KafkaProducer<String, String> producer(Map<String, String> more) {
        Properties settings = settings();
        settings.putAll(more);
        return new KafkaProducer<>(settings, new StringSerializer(), new StringSerializer());
    }

    private static KafkaConsumer<String, String> consumer(String group, Map<String, String> more) {
        Properties settings = settings();
        settings.put("group.id", group);
        settings.put("enable.auto.commit", "false");
        settings.put("auto.offset.reset", "earliest");
        settings.putAll(more);
        if (!more.containsKey("group.protocol")) settings.put("heartbeat.interval.ms", "200");
        return new KafkaConsumer<>(settings, new StringDeserializer(), new StringDeserializer());
    }

    interface Condition {
        boolean holds() throws Exception;
    }

    private static void until(Condition condition) throws Exception {
        long end = System.nanoTime() + PATIENCE.toNanos();
        while (!condition.holds()) {
            if (System.nanoTime() > end) throw new AssertionError("it does not come to it");
            Thread.sleep(10);
        }
    }

    private static void same(Object expected, Object found) {
        if (!java.util.Objects.equals(expected, found)) throw new AssertionError("expected " + expected + ", found " + found);
    }
}

// What Kafka 4.3's own classes say: errors, the hash of keys, and record batches in every codec. See regenerate.ts.
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.errors.RetriableException;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.record.internal.CompressionType;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.SimpleRecord;
import org.apache.kafka.common.utils.Utils;

class Golden {
    static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    public static void main(String[] args) {
        for (Errors error : Errors.values()) {
            boolean retriable = error.exception() instanceof RetriableException;
            System.out.println("error " + error.code() + " " + error.name() + " " + retriable);
        }
        for (String key : new String[] {"", "a", "21", "foobar", "a-little-bit-long-string", "Käse", "\u4e2d\u6587-key"}) {
            int hash = Utils.murmur2(utf8(key));
            System.out.println("key " + HexFormat.of().formatHex(utf8(key)) + " " + hash + " " + Utils.toPositive(hash) % 12);
        }
        Header[] headers = {new RecordHeader("h", utf8("1")), new RecordHeader("h", null)};
        for (CompressionType type : CompressionType.values()) {
            MemoryRecords records = MemoryRecords.withIdempotentRecords((byte) 2, 7L, Compression.of(type).build(), 42L, (short) 3, 11, 5,
                new SimpleRecord(1_700_000_000_000L, utf8("k"), utf8("one".repeat(40)), headers),
                new SimpleRecord(1_700_000_000_005L, null, utf8("two")),
                new SimpleRecord(1_699_999_999_999L, utf8(""), null));
            ByteBuffer bytes = records.buffer();
            byte[] all = new byte[bytes.remaining()];
            bytes.get(all);
            System.out.println("batch " + type.name + " " + HexFormat.of().formatHex(all));
        }
    }
}

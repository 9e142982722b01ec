// Writes golden bytes: reads lines "Message version variant {json}" and prints "Message version variant hex", encoded by
// Kafka's own generated classes. Run by regenerate.ts.

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.Message;
import org.apache.kafka.common.protocol.ObjectSerializationCache;

public class GoldenBytes {
    public static void main(String[] arguments) throws Exception {
        ObjectMapper mapper = new ObjectMapper();
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            String[] parts = line.split(" ", 4);
            short version = Short.parseShort(parts[1]);
            JsonNode json = mapper.readTree(parts[3]);
            String data = parts[0].startsWith("ConsumerProtocol") ? "" : "Data";
            Class<?> converter = Class.forName("org.apache.kafka.common.message." + parts[0] + data + "JsonConverter");
            Message message = (Message) converter.getMethod("read", JsonNode.class, short.class).invoke(null, json, version);
            ObjectSerializationCache cache = new ObjectSerializationCache();
            byte[] bytes = new byte[message.size(cache, version)];
            message.write(new ByteBufferAccessor(ByteBuffer.wrap(bytes)), cache, version);
            System.out.println(parts[0] + " " + parts[1] + " " + parts[2] + " " + HexFormat.of().formatHex(bytes));
        }
    }
}

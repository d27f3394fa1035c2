// Checks of Java's HttpClient, which offers h2c with each first request:
// java Client.java LIBRARY URL MODEL. One line of JSON for each.
import java.io.ByteArrayInputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.regex.Pattern;

public class Client {
  static final String PROMPT = "a prompt";
  static final String LARGE = "0123456789abcdef".repeat(4 * 65536);
  static final int EVENTS = 20;
  static String library;
  static String url;
  static String model;

  public static void main(String[] args) throws Exception {
    library = args[0];
    url = args[1];
    model = args[2];
    HttpClient client = HttpClient.newHttpClient();
    var whole = client.send(post(body(PROMPT, "")).build(), BodyHandlers.ofString());
    row("h2c offer", textOf(whole.body()).equals(digest(PROMPT)), "answered in " + whole.version());
    row("whole", textOf(whole.body()).equals(digest(PROMPT)), "" + whole.statusCode());
    String before = connections(client);
    for (int at = 0; at < 20; at++) client.send(post(body(PROMPT, "")).build(), BodyHandlers.ofString());
    String after = connections(client);
    row("keep-alive", after.equals(before), "20 requests, the router's connections before " + before + ", after " + after);
    stream(client);
    var large = client.send(post(body(LARGE, "")).build(), BodyHandlers.ofString());
    row("large", textOf(large.body()).equals(digest(LARGE)), LARGE.length() + " bytes");
    byte[] bytes = body(LARGE, "").getBytes(StandardCharsets.UTF_8);
    var chunked = client.send(
        base().POST(BodyPublishers.ofInputStream(() -> new ByteArrayInputStream(bytes))).build(), BodyHandlers.ofString());
    row("chunked", textOf(chunked.body()).equals(digest(LARGE)), LARGE.length() + " bytes");
    var expecting = client.send(post(body(LARGE, "")).expectContinue(true).build(), BodyHandlers.ofString());
    row("100-continue", textOf(expecting.body()).equals(digest(LARGE)), "waited for and got");
    var lines = client.send(
        post(body(PROMPT, ",\"stream\":true,\"user\":\"leave-stream-" + library + "\"")).build(), BodyHandlers.ofLines());
    var all = lines.body();
    all.iterator().next();
    all.close();
    row("leaves a stream", true, "closed");
    var held = client.sendAsync(
        post(body(PROMPT, ",\"user\":\"leave-whole-" + library + "\"")).timeout(Duration.ofSeconds(30)).build(),
        BodyHandlers.ofString());
    Thread.sleep(300);
    row("leaves its answer", held.cancel(true), "cancelled");
    Thread.sleep(300);
    System.exit(0);
  }

  static void stream(HttpClient client) throws Exception {
    var answer = client.send(
        post(body(PROMPT, ",\"stream\":true,\"max_tokens\":" + EVENTS)).build(), BodyHandlers.ofLines());
    List<Long> times = new ArrayList<>();
    StringBuilder said = new StringBuilder();
    boolean[] done = {false};
    answer.body().forEach(line -> {
      if (line.equals("data: [DONE]")) done[0] = true;
      else if (line.startsWith("data: ")) {
        times.add(System.nanoTime());
        said.append(textOf(line));
      }
    });
    StringBuilder right = new StringBuilder();
    for (int at = 0; at < EVENTS; at++) right.append("t").append(at).append(" ");
    long spread = (times.get(times.size() - 1) - times.get(0)) / 1_000_000;
    row("stream", done[0] && said.toString().equals(right.toString()) && spread > EVENTS * 5,
        times.size() + " events, " + spread + " ms apart in all");
  }

  /** Connections that the router has, this one and what others have left. */
  static String connections(HttpClient client) throws Exception {
    var metrics = client.send(HttpRequest.newBuilder(URI.create(url + "/metrics")).build(), BodyHandlers.ofString());
    var open = Pattern.compile("^pd_router_client_connections (\\d+)$", Pattern.MULTILINE).matcher(metrics.body());
    return open.find() ? open.group(1) : "unknown";
  }

  static HttpRequest.Builder base() {
    return HttpRequest.newBuilder(URI.create(url + "/v1/completions")).header("Content-Type", "application/json");
  }

  static HttpRequest.Builder post(String body) {
    return base().POST(BodyPublishers.ofString(body));
  }

  static String body(String prompt, String more) {
    return "{\"model\":\"" + model + "\",\"prompt\":\"" + prompt + "\"" + more + "}";
  }

  static String textOf(String answer) {
    var found = Pattern.compile("\"text\":\"([^\"]*)\"").matcher(answer);
    return found.find() ? found.group(1) : "";
  }

  static String digest(String prompt) throws Exception {
    byte[] bytes = prompt.getBytes(StandardCharsets.UTF_8);
    return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes)) + " " + bytes.length;
  }

  static void row(String check, boolean ok, String seen) {
    System.out.println("{\"check\":\"" + check + "\",\"ok\":" + ok + ",\"seen\":\"" + seen + "\"}");
  }
}

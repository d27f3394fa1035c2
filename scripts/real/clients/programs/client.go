// Checks of Go's net/http: go run client.go LIBRARY URL MODEL. One line of JSON for each.
package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"os"
	"strings"
	"time"
)

const events = 20

var (
	library, url, model = os.Args[1], os.Args[2], os.Args[3]
	prompt              = "a prompt"
	large               = strings.Repeat("0123456789abcdef", 4*65536)
)

type answer struct {
	Choices []struct{ Text string } `json:"choices"`
}

func row(check string, ok bool, seen string) {
	line, _ := json.Marshal(map[string]any{"check": check, "ok": ok, "seen": seen})
	fmt.Println(string(line))
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func body(prompt string, more map[string]any) string {
	all := map[string]any{"model": model, "prompt": prompt}
	for name, value := range more {
		all[name] = value
	}
	text, err := json.Marshal(all)
	must(err)
	return string(text)
}

func digest(prompt string) string {
	return fmt.Sprintf("%x %d", sha256.Sum256([]byte(prompt)), len(prompt))
}

func textOf(data []byte) string {
	var read answer
	must(json.Unmarshal(data, &read))
	return read.Choices[0].Text
}

func request(ctx context.Context, data io.Reader) *http.Request {
	made, err := http.NewRequestWithContext(ctx, "POST", url+"/v1/completions", data)
	must(err)
	made.Header.Set("Content-Type", "application/json")
	return made
}

func ask(client *http.Client, made *http.Request) string {
	got, err := client.Do(made)
	must(err)
	defer got.Body.Close()
	data, err := io.ReadAll(got.Body)
	must(err)
	return textOf(data)
}

func main() {
	client := &http.Client{Transport: &http.Transport{ExpectContinueTimeout: 10 * time.Second}}
	all := context.Background()
	row("whole", ask(client, request(all, strings.NewReader(body(prompt, nil)))) == digest(prompt), "200")

	reused := 0
	trace := &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) {
		if info.Reused {
			reused++
		}
	}}
	for at := 0; at < 20; at++ {
		ask(client, request(httptrace.WithClientTrace(all, trace), strings.NewReader(body(prompt, nil))))
	}
	row("keep-alive", reused == 20, fmt.Sprintf("%d of 20 requests on a kept connection", reused))

	stream(client)
	row("large", ask(client, request(all, strings.NewReader(body(large, nil)))) == digest(large), fmt.Sprintf("%d bytes", len(large)))
	// A reader of no known length is sent in chunks.
	row("chunked", ask(client, request(all, io.MultiReader(strings.NewReader(body(large, nil))))) == digest(large), fmt.Sprintf("%d bytes", len(large)))

	continued := false
	waits := &httptrace.ClientTrace{Got100Continue: func() { continued = true }}
	expecting := request(httptrace.WithClientTrace(all, waits), strings.NewReader(body(large, nil)))
	expecting.Header.Set("Expect", "100-continue")
	right := ask(client, expecting) == digest(large)
	row("100-continue", right && continued, "waited for and got")

	ctx, cancel := context.WithCancel(all)
	got, err := client.Do(request(ctx, strings.NewReader(body(prompt, map[string]any{"stream": true, "user": "leave-stream-" + library}))))
	must(err)
	_, err = bufio.NewReader(got.Body).ReadString('\n')
	must(err)
	cancel()
	row("leaves a stream", true, "cancelled")
	ctx, cancel = context.WithTimeout(all, 300*time.Millisecond)
	defer cancel()
	_, err = client.Do(request(ctx, strings.NewReader(body(prompt, map[string]any{"user": "leave-whole-" + library}))))
	row("leaves its answer", err != nil, "timed out")
}

func stream(client *http.Client) {
	asked := map[string]any{"stream": true, "max_tokens": events}
	got, err := client.Do(request(context.Background(), strings.NewReader(body(prompt, asked))))
	must(err)
	defer got.Body.Close()
	said, right, done, count := "", "", false, 0
	var first, last time.Time
	lines := bufio.NewScanner(got.Body)
	for lines.Scan() {
		data, found := strings.CutPrefix(lines.Text(), "data: ")
		if !found {
			continue
		}
		if data == "[DONE]" {
			done = true
			continue
		}
		last = time.Now()
		if count == 0 {
			first = last
		}
		said += textOf([]byte(data))
		right += fmt.Sprintf("t%d ", count)
		count++
	}
	spread := last.Sub(first).Milliseconds()
	row("stream", done && said == right && count == events && spread > events*5, fmt.Sprintf("%d events, %d ms apart in all", count, spread))
}

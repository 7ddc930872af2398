package main

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"
)

type tc3Vector struct {
	Name          string
	SecretID      string
	SecretKey     string
	Service       string
	Timestamp     int64
	Method        string
	Query         string
	Headers       [][2]string
	Body          string
	PayloadHash   string
	CanonicalHash string
	Signature     string
	Authorization string
}

// The vectors are those of the operator itself.
func TestSignatureVectors(t *testing.T) {
	text, err := os.ReadFile("../../tests/vectors/tencent-tc3.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors []tc3Vector
	if err := json.Unmarshal(text, &vectors); err != nil {
		t.Fatal(err)
	}
	tried := 0
	for _, vector := range vectors {
		if vector.Service != tc3Service || vector.SecretKey == "" {
			continue
		}
		tried++
		t.Run(vector.Name, func(t *testing.T) { checkVector(t, vector) })
	}
	if tried < 11 {
		t.Errorf("only %d vectors are of this service", tried)
	}
}

func checkVector(t *testing.T, vector tc3Vector) {
	request := tc3Request{method: vector.Method, query: vector.Query, payloadHash: vector.PayloadHash}
	for _, pair := range vector.Headers {
		request.headers = append(request.headers, header{pair[0], pair[1]})
	}
	if unsigned := sha256Hex([]byte("UNSIGNED-PAYLOAD")); vector.PayloadHash != unsigned {
		request.payloadHash = sha256Hex([]byte(vector.Body))
	}
	if request.payloadHash != vector.PayloadHash {
		t.Errorf("payload hash %s, want %s", request.payloadHash, vector.PayloadHash)
	}
	if hash := sha256Hex([]byte(request.canonical())); hash != vector.CanonicalHash {
		t.Errorf("canonical request hashes to %s, want %s:\n%s", hash, vector.CanonicalHash, request.canonical())
	}
	got := tc3Authorization(vector.SecretID, vector.SecretKey, time.Unix(vector.Timestamp, 0), request)
	if !strings.HasSuffix(got, ", Signature="+vector.Signature) {
		t.Errorf("%s\ndoes not end with signature %s", got, vector.Signature)
	}
	if vector.Authorization != "" && got != vector.Authorization {
		t.Errorf("got  %s\nwant %s", got, vector.Authorization)
	}
}

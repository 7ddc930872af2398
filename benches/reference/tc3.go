package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"
)

const (
	tc3Algorithm = "TC3-HMAC-SHA256"
	tc3Service   = "iotcloud"
)

// header is a signed header: its name in lower case and the value in the form that is signed.
type header struct{ name, value string }

// tc3Request is what of a request is signed. The path is always "/".
type tc3Request struct {
	method, query string
	headers       []header // sorted by name
	payloadHash   string
}

func (r tc3Request) signedHeaders() string {
	names := make([]string, len(r.headers))
	for i, h := range r.headers {
		names[i] = h.name
	}
	return strings.Join(names, ";")
}

func (r tc3Request) canonical() string {
	var block strings.Builder
	for _, h := range r.headers {
		fmt.Fprintf(&block, "%s:%s\n", h.name, strings.TrimSpace(h.value))
	}
	return strings.Join([]string{r.method, "/", r.query, block.String(), r.signedHeaders(), r.payloadHash}, "\n")
}

// tc3Authorization signs a request and returns the value of its Authorization header.
func tc3Authorization(secretID, secretKey string, now time.Time, r tc3Request) string {
	date := now.UTC().Format(time.DateOnly)
	scope := date + "/" + tc3Service + "/tc3_request"
	toSign := fmt.Sprintf("%s\n%d\n%s\n%s", tc3Algorithm, now.Unix(), scope, sha256Hex([]byte(r.canonical())))

	key := hmacSHA256([]byte("TC3"+secretKey), date)
	key = hmacSHA256(key, tc3Service)
	key = hmacSHA256(key, "tc3_request")
	signature := hex.EncodeToString(hmacSHA256(key, toSign))

	return fmt.Sprintf("%s Credential=%s/%s, SignedHeaders=%s, Signature=%s",
		tc3Algorithm, secretID, scope, r.signedHeaders(), signature)
}

func sha256Hex(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

func hmacSHA256(key []byte, text string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(text))
	return mac.Sum(nil)
}

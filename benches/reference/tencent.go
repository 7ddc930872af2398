package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"golang.org/x/time/rate"
)

const (
	tencentVersion  = "2021-04-08"
	tencentEndpoint = "https://iotcloud.tencentcloudapi.com"
	contentType     = "application/json"
	maxAnswer       = 4 << 20
	pageSize        = 250 // the largest of DescribeProducts

	codeNotFound = "ResourceNotFound.ProductNotExist"
	codeExists   = "InvalidParameterValue.ProductAlreadyExist"
)

// tencentError is the vendor's refusal.
type tencentError struct {
	Action    string `json:"-"`
	Code      string
	Message   string
	RequestID string `json:"-"`
}

func (e *tencentError) Error() string {
	return fmt.Sprintf("%s: %s: %s", e.Action, e.Code, e.Message)
}

func hasCode(err error, code string) bool {
	var refusal *tencentError
	return errors.As(err, &refusal) && refusal.Code == code
}

// isThrottling knows RequestLimitExceeded and the codes below it.
func isThrottling(err error) bool {
	var refusal *tencentError
	return errors.As(err, &refusal) && strings.HasPrefix(refusal.Code, "RequestLimitExceeded")
}

// tencentProperties is the part of ProductProperties that is used.
type tencentProperties struct {
	ProductDescription string
	EncryptionType     string `json:",omitempty"`
	Region             string `json:",omitempty"`
	ProductType        int64
	Format             string `json:",omitempty"`
	ModelID            string `json:"ModelId,omitempty"`
	AppEUI             string `json:",omitempty"`

	// Only in answers.
	RegisterType  int64  `json:",omitempty"`
	RegisterLimit int64  `json:",omitempty"`
	ProductSecret string `json:",omitempty"`
}

type tencentProduct struct {
	ProductID         string `json:"ProductId"`
	ProductName       string
	ProductProperties tencentProperties
}

type productAnswer struct {
	answer
	tencentProduct
}

// tencentClient calls the API with the key of one account.
type tencentClient struct {
	http     *http.Client
	limiter  func(action string) *rate.Limiter
	endpoint *url.URL
	region   string
	secretID string
	key      string
	token    string
}

func newHTTPClient() *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConns = 200
	transport.MaxIdleConnsPerHost = 100
	return &http.Client{Transport: transport, Timeout: 30 * time.Second}
}

// call makes one attempt and reads the members of the answer into out.
func (c *tencentClient) call(ctx context.Context, action string, in any, out response) error {
	body, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("%s: %w", action, err)
	}
	if err := c.limiter(action).Wait(ctx); err != nil {
		return fmt.Errorf("%s: %w", action, err)
	}
	request, err := c.request(ctx, action, body)
	if err != nil {
		return fmt.Errorf("%s: %w", action, err)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return fmt.Errorf("%s: %w", action, err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("%s: %w", action, err)
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: HTTP status %s", action, response.Status)
	}
	return decode(action, text, out)
}

func (c *tencentClient) request(ctx context.Context, action string, body []byte) (*http.Request, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.endpoint.String(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	now := time.Now()
	authorization := tc3Authorization(c.secretID, c.key, now, tc3Request{
		method: http.MethodPost,
		headers: []header{
			{"content-type", contentType},
			{"host", c.endpoint.Host},
		},
		payloadHash: sha256Hex(body),
	})
	request.Header.Set("Content-Type", contentType)
	request.Header.Set("Authorization", authorization)
	request.Header.Set("X-TC-Action", action)
	request.Header.Set("X-TC-Version", tencentVersion)
	request.Header.Set("X-TC-Timestamp", strconv.FormatInt(now.Unix(), 10))
	request.Header.Set("X-TC-Region", c.region)
	request.Header.Set("X-TC-Language", "en-US")
	if c.token != "" {
		request.Header.Set("X-TC-Token", c.token)
	}
	return request, nil
}

// answer is what every answer has. A refusal comes with HTTP status 200, too.
type answer struct {
	Error     *tencentError
	RequestID string `json:"RequestId"`
}

func (a *answer) refusal() (*tencentError, string) { return a.Error, a.RequestID }

type response interface {
	refusal() (*tencentError, string)
}

// decode reads {"Response": {...}}.
func decode(action string, text []byte, out response) error {
	envelope := struct{ Response response }{out}
	if err := json.Unmarshal(text, &envelope); err != nil {
		return fmt.Errorf("%s: the answer cannot be read: %w", action, err)
	}
	refused, requestID := out.refusal()
	if refused != nil {
		refused.Action, refused.RequestID = action, requestID
		return refused
	}
	if requestID == "" {
		return fmt.Errorf("%s: the answer is not of this API", action)
	}
	return nil
}

// create creates a product. Registration is left to setRegistration: that a create honours it is not documented.
func (c *tencentClient) create(ctx context.Context, name string, properties tencentProperties) (string, error) {
	in := struct {
		ProductName       string
		ProductProperties tencentProperties
	}{name, properties}
	var out productAnswer
	if err := c.call(ctx, "CreateProduct", in, &out); err != nil {
		return "", err
	}
	if out.ProductID == "" {
		return "", errors.New("CreateProduct: the answer has no ProductId")
	}
	return out.ProductID, nil
}

func (c *tencentClient) describe(ctx context.Context, id string) (*tencentProduct, error) {
	var out productAnswer
	if err := c.call(ctx, "DescribeProduct", productRef{id}, &out); err != nil {
		return nil, err
	}
	return &out.tencentProduct, nil
}

// page reads products from an offset on, newest first, and their total number.
func (c *tencentClient) page(ctx context.Context, offset int) ([]tencentProduct, int, error) {
	in := struct{ Offset, Limit int }{offset, pageSize}
	var out struct {
		answer
		TotalCount int
		Products   []tencentProduct
	}
	if err := c.call(ctx, "DescribeProducts", in, &out); err != nil {
		return nil, 0, err
	}
	return out.Products, out.TotalCount, nil
}

// findRecent looks for a product by name on the first page of the list, which has no filter by name. There
// a product is found whose id was lost between its creation and the update of the status.
func (c *tencentClient) findRecent(ctx context.Context, name string) (string, error) {
	products, _, err := c.page(ctx, 0)
	return named(products, name), err
}

// find looks for a product by name in the whole list.
func (c *tencentClient) find(ctx context.Context, name string) (string, error) {
	for offset := 0; ; {
		products, total, err := c.page(ctx, offset)
		if err != nil {
			return "", err
		}
		if id := named(products, name); id != "" {
			return id, nil
		}
		offset += len(products)
		if len(products) == 0 || offset >= total {
			return "", nil
		}
	}
}

func named(products []tencentProduct, name string) string {
	for i := range products {
		if products[i].ProductName == name {
			return products[i].ProductID
		}
	}
	return ""
}

// setRegistration switches dynamic registration and returns the product's secret.
func (c *tencentClient) setRegistration(ctx context.Context, id string, kind, limit int64) (string, error) {
	in := struct {
		ProductID     string `json:"ProductId"`
		RegisterType  int64
		RegisterLimit int64
	}{id, kind, limit}
	var out struct {
		answer
		ProductSecret string
	}
	if err := c.call(ctx, "UpdateProductDynamicRegister", in, &out); err != nil {
		return "", err
	}
	return out.ProductSecret, nil
}

// delete deletes a product; one that is not there is deleted.
func (c *tencentClient) delete(ctx context.Context, id string) error {
	err := c.call(ctx, "DeleteProduct", productRef{id}, &answer{})
	if hasCode(err, codeNotFound) {
		return nil
	}
	return err
}

type productRef struct {
	ProductID string `json:"ProductId"`
}

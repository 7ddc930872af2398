package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"golang.org/x/time/rate"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// connector makes vendor clients from accounts and their key Secrets.
type connector struct {
	reader   client.Reader
	http     *http.Client
	limiters *limiters
}

func (c *connector) connect(ctx context.Context, product *IotProduct) (*tencentClient, error) {
	ref := product.Spec.AccountRef
	if ref.Kind != "" && ref.Kind != kindIotAccount {
		return nil, reconcile.TerminalError(fmt.Errorf("accounts of kind %s are not served", ref.Kind))
	}
	var account IotAccount
	key := types.NamespacedName{Namespace: product.Namespace, Name: ref.Name}
	if err := c.reader.Get(ctx, key, &account); err != nil {
		return nil, fmt.Errorf("reading the account: %w", err)
	}
	if account.Spec.Vendor != vendorTencent {
		return nil, reconcile.TerminalError(fmt.Errorf("account %s is at %s", key, account.Spec.Vendor))
	}
	var secret corev1.Secret
	key.Name = account.Spec.Credentials.SecretRef.Name
	if err := c.reader.Get(ctx, key, &secret); err != nil {
		return nil, fmt.Errorf("reading the account's key: %w", err)
	}
	return c.clientOf(&account, &secret)
}

func (c *connector) clientOf(account *IotAccount, secret *corev1.Secret) (*tencentClient, error) {
	id, key := string(secret.Data["secretId"]), string(secret.Data["secretKey"])
	if id == "" || key == "" {
		return nil, fmt.Errorf("Secret %s needs secretId and secretKey", client.ObjectKeyFromObject(secret))
	}
	region, address := account.Spec.Region, account.Spec.Endpoint
	if region == "" {
		region = defaultRegion
	}
	if address == "" {
		address = tencentEndpoint
	}
	endpoint, err := url.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("endpoint of account %s: %w", client.ObjectKeyFromObject(account), err)
	}
	endpoint.Path = "/"
	return &tencentClient{
		http:     c.http,
		limiter:  func(action string) *rate.Limiter { return c.limiters.of(account.UID, action) },
		endpoint: endpoint,
		region:   region,
		secretID: id,
		key:      key,
		token:    string(secret.Data["token"]),
	}, nil
}

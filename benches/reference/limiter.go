package main

import (
	"sync"

	"golang.org/x/time/rate"
	"k8s.io/apimachinery/pkg/types"
)

// limiters holds one token bucket per account and action, as the vendor counts.
type limiters struct {
	limit rate.Limit

	mu  sync.Mutex
	all map[counted]*rate.Limiter
}

type counted struct {
	account types.UID
	action  string
}

// newLimiters takes calls per second; 0 is no limit.
func newLimiters(qps float64) *limiters {
	limit := rate.Limit(qps)
	if qps <= 0 {
		limit = rate.Inf
	}
	return &limiters{limit: limit, all: map[counted]*rate.Limiter{}}
}

func (l *limiters) of(account types.UID, action string) *rate.Limiter {
	l.mu.Lock()
	defer l.mu.Unlock()
	key := counted{account, action}
	limiter, ok := l.all[key]
	if !ok {
		// A burst would be answered with RequestLimitExceeded.
		limiter = rate.NewLimiter(l.limit, 1)
		l.all[key] = limiter
	}
	return limiter
}

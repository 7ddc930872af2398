package main

import (
	"sync"

	"golang.org/x/time/rate"
	"k8s.io/apimachinery/pkg/types"
)

// limiters holds one token bucket per account, which all of its calls share.
type limiters struct {
	limit rate.Limit

	mu        sync.Mutex
	byAccount map[types.UID]*rate.Limiter
}

// newLimiters takes calls per second; 0 is no limit.
func newLimiters(qps float64) *limiters {
	limit := rate.Limit(qps)
	if qps <= 0 {
		limit = rate.Inf
	}
	return &limiters{limit: limit, byAccount: map[types.UID]*rate.Limiter{}}
}

func (l *limiters) of(account types.UID) *rate.Limiter {
	l.mu.Lock()
	defer l.mu.Unlock()
	limiter, ok := l.byAccount[account]
	if !ok {
		// A burst would be answered with RequestLimitExceeded.
		limiter = rate.NewLimiter(l.limit, 1)
		l.byAccount[account] = limiter
	}
	return limiter
}

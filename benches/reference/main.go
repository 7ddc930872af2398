// Command reference is an ordinary operator for IotProducts at Tencent Cloud, written with controller-runtime:
// what the benchmark compares the operator with.
package main

import (
	"context"
	"errors"
	"flag"
	"net/http"
	"os"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
)

// kinds are those that are cached.
var kinds = []client.Object{&IotProduct{}, &IotAccount{}, &corev1.Secret{}}

type options struct {
	metricsAddr string
	namespace   string
	resync      time.Duration
	qps         float64
	workers     int
	leaderElect bool
}

// parseFlags reads the flags; controller-runtime adds --kubeconfig.
func parseFlags() options {
	var o options
	flag.StringVar(&o.metricsAddr, "metrics-addr", ":8080", "Address of /metrics, /healthz and /readyz.")
	flag.StringVar(&o.namespace, "namespace", "", "The only namespace to watch; empty is all.")
	flag.DurationVar(&o.resync, "resync", 0, "How often each product is compared with the vendor; 0 is never.")
	flag.Float64Var(&o.qps, "qps", 20, "Vendor calls per second, account and action; 0 is no limit.")
	flag.IntVar(&o.workers, "workers", 20, "How many products are reconciled at once.")
	flag.BoolVar(&o.leaderElect, "leader-elect", false, "Whether to elect a leader first.")
	flag.Parse()
	return o
}

func main() {
	o := parseFlags()
	ctrl.SetLogger(zap.New())
	if err := run(ctrl.SetupSignalHandler(), o); err != nil {
		ctrl.Log.Error(err, "the operator ends")
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) error {
	scheme := runtime.NewScheme()
	utilruntime.Must(clientgoscheme.AddToScheme(scheme))
	utilruntime.Must(AddToScheme(scheme))

	config, err := ctrl.GetConfig()
	if err != nil {
		return err
	}
	// The default of 20 per second would be slower than the vendor.
	config.QPS, config.Burst = 1000, 2000

	var ready readiness
	caches := cache.Options{DefaultTransform: cache.TransformStripManagedFields()}
	if o.namespace != "" {
		caches.DefaultNamespaces = map[string]cache.Config{o.namespace: {}}
	}
	mgr, err := ctrl.NewManager(config, ctrl.Options{
		Scheme: scheme,
		Cache:  caches,
		Metrics: metricsserver.Options{
			BindAddress: o.metricsAddr,
			ExtraHandlers: map[string]http.Handler{
				"/healthz": healthz.CheckHandler{Checker: healthz.Ping},
				"/readyz":  healthz.CheckHandler{Checker: ready.check},
			},
		},
		LeaderElection:   o.leaderElect,
		LeaderElectionID: "reference.iot-products.io",
	})
	if err != nil {
		return err
	}
	ready.cache = mgr.GetCache()
	// Watched from the beginning, so that readiness speaks of all of them.
	for _, kind := range kinds {
		if _, err := mgr.GetCache().GetInformer(ctx, kind); err != nil {
			return err
		}
	}
	reconciler := &ProductReconciler{
		Client: mgr.GetClient(),
		resync: o.resync,
		connector: &connector{
			reader:   mgr.GetClient(),
			http:     newHTTPClient(),
			limiters: newLimiters(o.qps),
		},
	}
	if err := reconciler.SetupWithManager(mgr, o.workers); err != nil {
		return err
	}
	return mgr.Start(ctx)
}

// readiness says whether the caches are filled.
type readiness struct{ cache cache.Cache }

func (r *readiness) check(request *http.Request) error {
	ctx, cancel := context.WithTimeout(request.Context(), 100*time.Millisecond)
	defer cancel()
	if r.cache == nil || !r.cache.WaitForCacheSync(ctx) {
		return errors.New("the caches are not filled yet")
	}
	return nil
}

package main

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
)

// +kubebuilder:object:generate=false

// ProductReconciler keeps products at Tencent Cloud as written.
type ProductReconciler struct {
	client.Client
	connector *connector
	resync    time.Duration
}

// SetupWithManager registers the controller.
func (r *ProductReconciler) SetupWithManager(mgr ctrl.Manager, workers int) error {
	// The reconciler's own creation of a Secret is no news to it.
	notCreated := predicate.Funcs{CreateFunc: func(event.CreateEvent) bool { return false }}
	return ctrl.NewControllerManagedBy(mgr).
		For(&IotProduct{}, builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Owns(&corev1.Secret{}, builder.WithPredicates(notCreated)).
		WithOptions(controller.Options{MaxConcurrentReconciles: workers}).
		Complete(r)
}

// Reconcile brings one product to the state that its object describes.
func (r *ProductReconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	var product IotProduct
	if err := r.Get(ctx, req.NamespacedName, &product); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if product.Spec.Vendor != vendorTencent {
		return ctrl.Result{}, nil
	}
	if !product.DeletionTimestamp.IsZero() {
		return ctrl.Result{}, r.reconcileDelete(ctx, &product)
	}
	if err := r.addFinalizer(ctx, &product); err != nil {
		return ctrl.Result{}, err
	}
	if err := r.reconcileNormal(ctx, &product); err != nil {
		return ctrl.Result{}, r.fail(ctx, &product, err)
	}
	return ctrl.Result{RequeueAfter: r.resync}, nil
}

func (r *ProductReconciler) addFinalizer(ctx context.Context, product *IotProduct) error {
	before := product.DeepCopy()
	if !controllerutil.AddFinalizer(product, finalizer) {
		return nil
	}
	return r.Patch(ctx, product, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{}))
}

func (r *ProductReconciler) reconcileNormal(ctx context.Context, product *IotProduct) error {
	cloud, err := r.connector.connect(ctx, product)
	if err != nil {
		return err
	}
	observed, err := r.observe(ctx, cloud, product)
	if err != nil {
		return err
	}
	if observed == nil {
		if observed, err = r.create(ctx, cloud, product); err != nil {
			return err
		}
	}
	if err := r.setRegistration(ctx, cloud, product, observed); err != nil {
		return err
	}
	if err := r.writeSecret(ctx, cloud, product, observed); err != nil {
		return err
	}
	return r.succeed(ctx, product, observed)
}

// observe reads the product; nil if there is none, or none any more.
func (r *ProductReconciler) observe(
	ctx context.Context, cloud *tencentClient, product *IotProduct,
) (*tencentProduct, error) {
	id := product.Status.ProductID
	if id == "" {
		return nil, nil
	}
	observed, err := cloud.describe(ctx, id)
	if hasCode(err, codeNotFound) {
		log.FromContext(ctx).Info("product is gone and will be created anew", "productId", id)
		return nil, nil
	}
	return observed, err
}

// create creates the product, or adopts the one of its name, and writes down its id.
func (r *ProductReconciler) create(
	ctx context.Context, cloud *tencentClient, product *IotProduct,
) (*tencentProduct, error) {
	id, err := cloud.findRecent(ctx, product.Spec.Name)
	if err != nil {
		return nil, err
	}
	adopted := id != ""
	properties := desiredProperties(&product.Spec)
	if !adopted {
		id, err = cloud.create(ctx, product.Spec.Name, properties)
		if hasCode(err, codeExists) {
			adopted = true
			id, err = cloud.find(ctx, product.Spec.Name)
		}
		if err != nil {
			return nil, err
		}
	}
	if id == "" {
		return nil, fmt.Errorf("the name %s is taken by a product that the list does not show", product.Spec.Name)
	}
	product.Status.ProductID = id
	setCondition(product, conditionReady, metav1.ConditionFalse, "Creating", "the product exists and is being set up")
	// From here on the product is not lost, whatever happens next.
	if err := r.Status().Update(ctx, product); err != nil {
		return nil, fmt.Errorf("writing down product %s: %w", id, err)
	}
	log.FromContext(ctx).Info("product created", "productId", id, "adopted", adopted)
	if adopted {
		return cloud.describe(ctx, id)
	}
	return &tencentProduct{ProductID: id, ProductName: product.Spec.Name, ProductProperties: properties}, nil
}

func (r *ProductReconciler) setRegistration(
	ctx context.Context, cloud *tencentClient, product *IotProduct, observed *tencentProduct,
) error {
	wish := product.Spec.DynamicRegistration
	if !registrationDiffers(wish, &observed.ProductProperties) {
		return nil
	}
	kind, limit := desiredRegistration(wish)
	secret, err := cloud.setRegistration(ctx, observed.ProductID, kind, limit)
	if err != nil {
		return err
	}
	if secret != "" {
		observed.ProductProperties.ProductSecret = secret
	}
	log.FromContext(ctx).Info("dynamic registration set", "productId", observed.ProductID, "mode", wish.Mode)
	return nil
}

// writeSecret creates or updates the Secret that workloads mount.
func (r *ProductReconciler) writeSecret(
	ctx context.Context, cloud *tencentClient, product *IotProduct, observed *tencentProduct,
) error {
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: product.Namespace, Name: secretName(product)}}
	_, err := controllerutil.CreateOrUpdate(ctx, r.Client, secret, func() error {
		if secret.CreationTimestamp.IsZero() {
			secret.Type = secretType
		}
		if secret.Labels == nil {
			secret.Labels = map[string]string{}
		}
		secret.Labels[managedByLabel] = managedBy
		if secret.Data == nil {
			secret.Data = map[string][]byte{}
		}
		secret.Data["vendor"] = []byte(vendorTencent)
		secret.Data["productId"] = []byte(observed.ProductID)
		secret.Data["productName"] = []byte(observed.ProductName)
		secret.Data["region"] = []byte(cloud.region)
		secret.Data["endpoint"] = []byte(observed.ProductID + ".iotcloud.tencentdevices.com")
		// Where registration is off the vendor may not show the secret: it is kept.
		if observed.ProductProperties.ProductSecret != "" {
			secret.Data["productSecret"] = []byte(observed.ProductProperties.ProductSecret)
		}
		return controllerutil.SetControllerReference(product, secret, r.Scheme())
	})
	if err != nil {
		return fmt.Errorf("writing Secret %s: %w", secret.Name, err)
	}
	return nil
}

func secretName(product *IotProduct) string {
	if template := product.Spec.Secret; template != nil && template.Name != "" {
		return template.Name
	}
	return product.Name + "-credentials"
}

// succeed writes the status, if it is another one than before.
func (r *ProductReconciler) succeed(ctx context.Context, product *IotProduct, observed *tencentProduct) error {
	before := product.Status.DeepCopy()
	product.Status.ObservedGeneration = product.Generation
	setCondition(product, conditionReady, metav1.ConditionTrue, "Reconciled", "the product is as written")
	if drift := immutableDrift(&product.Spec, observed); drift != "" {
		setCondition(product, conditionDrift, metav1.ConditionTrue, "ImmutableDrift", drift)
	} else {
		meta.RemoveStatusCondition(&product.Status.Conditions, conditionDrift)
	}
	return r.updateStatus(ctx, product, before)
}

// fail writes down why it did not work, and returns the reason for the back-off. Throttling says nothing of
// the product.
func (r *ProductReconciler) fail(ctx context.Context, product *IotProduct, reason error) error {
	if isThrottling(reason) {
		return reason
	}
	before := product.Status.DeepCopy()
	product.Status.ObservedGeneration = product.Generation
	setCondition(product, conditionReady, metav1.ConditionFalse, "Failed", reason.Error())
	if err := r.updateStatus(ctx, product, before); err != nil {
		log.FromContext(ctx).Error(err, "writing the status")
	}
	return reason
}

func (r *ProductReconciler) updateStatus(
	ctx context.Context, product *IotProduct, before *IotProductStatus,
) error {
	if equality.Semantic.DeepEqual(before, &product.Status) {
		return nil
	}
	return client.IgnoreNotFound(r.Status().Update(ctx, product))
}

func setCondition(product *IotProduct, kind string, status metav1.ConditionStatus, reason, message string) {
	meta.SetStatusCondition(&product.Status.Conditions, metav1.Condition{
		Type: kind, Status: status, Reason: reason, Message: message, ObservedGeneration: product.Generation,
	})
}

func (r *ProductReconciler) reconcileDelete(ctx context.Context, product *IotProduct) error {
	if !controllerutil.ContainsFinalizer(product, finalizer) {
		return nil
	}
	if id := product.Status.ProductID; id != "" {
		cloud, err := r.connector.connect(ctx, product)
		if err == nil {
			err = cloud.delete(ctx, id)
		}
		if err != nil {
			return r.fail(ctx, product, err)
		}
		log.FromContext(ctx).Info("product deleted", "productId", id)
	}
	before := product.DeepCopy()
	controllerutil.RemoveFinalizer(product, finalizer)
	lock := client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})
	return client.IgnoreNotFound(r.Patch(ctx, product, lock))
}

// +kubebuilder:object:generate=true

package main

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// The kinds of crds/, as far as products of Tencent Cloud's API 3.0 need them.

// GroupVersion is that of the kinds.
var GroupVersion = schema.GroupVersion{Group: "iot-products.io", Version: "v1alpha1"}

// AddToScheme registers the kinds.
func AddToScheme(scheme *runtime.Scheme) error {
	scheme.AddKnownTypes(GroupVersion, &IotProduct{}, &IotProductList{}, &IotAccount{}, &IotAccountList{})
	metav1.AddToGroupVersion(scheme, GroupVersion)
	return nil
}

const (
	vendorTencent   = "TencentCloud"
	kindIotAccount  = "IotAccount"
	modeDisabled    = "Disabled"
	modeAutoCreate  = "AutoCreate"
	conditionReady  = "Ready"
	conditionDrift  = "Drifted"
	finalizer       = "iot-products.io/reference"
	secretType      = "iot-products.io/product-credentials"
	managedByLabel  = "app.kubernetes.io/managed-by"
	managedBy       = "iot-reference-operator"
	defaultRegion   = "ap-guangzhou"
	defaultRegLimit = 10000
)

// +kubebuilder:object:root=true

// IotProduct is a product at a vendor.
type IotProduct struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   IotProductSpec   `json:"spec"`
	Status IotProductStatus `json:"status,omitempty"`
}

// IotProductSpec is what the product should be.
type IotProductSpec struct {
	Vendor              string               `json:"vendor"`
	AccountRef          AccountRef           `json:"accountRef,omitempty"`
	Name                string               `json:"name"`
	Description         string               `json:"description,omitempty"`
	Encryption          string               `json:"encryption,omitempty"`
	NodeType            string               `json:"nodeType,omitempty"`
	DataFormat          string               `json:"dataFormat,omitempty"`
	DynamicRegistration *DynamicRegistration `json:"dynamicRegistration,omitempty"`
	Tencent             *TencentSpec         `json:"tencent,omitempty"`
	Secret              *SecretTemplate      `json:"secret,omitempty"`
}

// AccountRef names the account of a product.
type AccountRef struct {
	Kind string `json:"kind,omitempty"`
	Name string `json:"name,omitempty"`
}

// DynamicRegistration says who may register devices.
type DynamicRegistration struct {
	Mode  string `json:"mode"`
	Limit int64  `json:"limit,omitempty"`
}

// TencentSpec is what only Tencent has.
type TencentSpec struct {
	ProductType string `json:"productType,omitempty"`
	ModelID     string `json:"modelId,omitempty"`
	AppEUI      string `json:"appEui,omitempty"`
}

// SecretTemplate names the output Secret.
type SecretTemplate struct {
	Name        string            `json:"name,omitempty"`
	Labels      map[string]string `json:"labels,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

// IotProductStatus is what is known of the product.
type IotProductStatus struct {
	ProductID          string             `json:"productId,omitempty"`
	ObservedGeneration int64              `json:"observedGeneration,omitempty"`
	Conditions         []metav1.Condition `json:"conditions,omitempty"`
}

// +kubebuilder:object:root=true

// IotProductList is a list of IotProduct.
type IotProductList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []IotProduct `json:"items"`
}

// +kubebuilder:object:root=true

// IotAccount is an account at a vendor.
type IotAccount struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec IotAccountSpec `json:"spec"`
}

// IotAccountSpec says where the account is and which key it has.
type IotAccountSpec struct {
	Vendor      string             `json:"vendor"`
	Region      string             `json:"region,omitempty"`
	Endpoint    string             `json:"endpoint,omitempty"`
	Credentials AccountCredentials `json:"credentials"`
}

// AccountCredentials refers to the Secret with the vendor's key.
type AccountCredentials struct {
	SecretRef SecretRef `json:"secretRef"`
}

// SecretRef is the name of a Secret in the account's namespace.
type SecretRef struct {
	Name string `json:"name"`
}

// +kubebuilder:object:root=true

// IotAccountList is a list of IotAccount.
type IotAccountList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []IotAccount `json:"items"`
}

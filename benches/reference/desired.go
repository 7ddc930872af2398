package main

import (
	"fmt"
	"slices"
	"strings"
)

// The manifest's words and the vendor's values.
var (
	encryptionTypes = map[string]string{"": "1", "Asymmetric": "1", "Symmetric": "2"}
	productTypes    = map[string]int64{"Normal": 0, "NBIoT": 2, "LoRaGateway": 3, "LoRa": 4, "Gateway": 5}
	nodeTypes       = map[string]int64{"": 0, "Device": 0, "Gateway": 5}
	formats         = map[string]string{"": "json", "JSON": "json", "Custom": "custom"}
	registerTypes   = map[string]int64{modeDisabled: 0, "PreRegistered": 1, modeAutoCreate: 2}
)

// desiredProperties is what a product is created with.
func desiredProperties(spec *IotProductSpec) tencentProperties {
	properties := tencentProperties{
		ProductDescription: spec.Description,
		EncryptionType:     encryptionTypes[spec.Encryption],
		Region:             "gz",
		ProductType:        nodeTypes[spec.NodeType],
		Format:             formats[spec.DataFormat],
	}
	if spec.Tencent != nil {
		if spec.Tencent.ProductType != "" {
			properties.ProductType = productTypes[spec.Tencent.ProductType]
		}
		properties.ModelID = spec.Tencent.ModelID
		properties.AppEUI = spec.Tencent.AppEUI
	}
	return properties
}

// desiredRegistration is type and limit; both have to be sent, whatever the type.
func desiredRegistration(wish *DynamicRegistration) (kind, limit int64) {
	limit = wish.Limit
	if limit == 0 {
		limit = defaultRegLimit
	}
	return registerTypes[wish.Mode], limit
}

// registrationDiffers compares the limit only where it means something: otherwise the vendor does not keep it.
func registrationDiffers(wish *DynamicRegistration, is *tencentProperties) bool {
	if wish == nil {
		return false
	}
	kind, limit := desiredRegistration(wish)
	return is.RegisterType != kind || wish.Mode == modeAutoCreate && is.RegisterLimit != limit
}

// immutableDrift names what differs and cannot be set back: the API changes neither of these.
func immutableDrift(spec *IotProductSpec, is *tencentProduct) string {
	want, have := desiredProperties(spec), is.ProductProperties
	var drifted []string
	differ := func(field string, differs bool) {
		if differs {
			drifted = append(drifted, field)
		}
	}
	differ("name", is.ProductName != spec.Name)
	differ("description", spec.Description != "" && have.ProductDescription != spec.Description)
	differ("encryption", spec.Encryption != "" && have.EncryptionType != want.EncryptionType)
	differ("productType", have.ProductType != want.ProductType)
	differ("dataFormat", spec.DataFormat != "" && have.Format != want.Format)
	if len(drifted) == 0 {
		return ""
	}
	slices.Sort(drifted)
	return fmt.Sprintf("at the vendor these are not as written, and no call changes them: %s", strings.Join(drifted, ", "))
}

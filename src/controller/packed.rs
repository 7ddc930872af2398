//! An object as text, packed. Most of that text is the same in all products, so it is written once and each keeps
//! what is its own: LZ4 takes a text that both sides know as what came before.

use lz4_flex::block::{compress_with_dict, decompress_with_dict};

use crate::api::IotProduct;

/// What products have in common, as they are written. Nothing depends on its being complete or right: what is not
/// in it takes more memory.
const ALIKE: &[u8] = br#"{"apiVersion":"iot-products.io/v1alpha1","kind":"IotProduct","metadata":{"annotations":{"argocd.argoproj.io/tracking-id":"products:iot-products.io/IotProduct:","iot-products.io/creation":"{\"uid\":\"\",\"connection\":\"\",\"name\":\"\",\"attempt\":1,\"deadline\":\"2026-01-01T00:00:00Z\",\"state\":\"closed\"}","iot-products.io/creation":"","deadline\":\"2026-\",\"state\":\"open\"}"},"finalizers":["iot-products.io/product"],"generation":1,"labels":{"app.kubernetes.io/instance":"","app.kubernetes.io/managed-by":"Helm","kustomize.toolkit.fluxcd.io/name":"","kustomize.toolkit.fluxcd.io/namespace":""}},"spec":{"vendor":"HuaweiCloud","accountRef":{"kind":"ClusterIotAccount","name":"huawei"},"name":"","description":"","huawei":{"protocolType":"mqtt","manufacturerName":"","model":""},"resyncInterval":"10m","vendor":"AlibabaCloud","alibaba":{"aliyunCommodityCode":"iothub","tags":{}},"vendor":"TencentCloudLegacy","accountRef":{"kind":"IotAccount","name":"tencent"},"name":"","encryption":"Symmetric","dataFormat":"Custom","nodeType":"Gateway","dynamicRegistration":{"mode":"AutoCreate","limit":1000},"dynamicRegistration":{"mode":"Disabled"},"vendor":"TencentCloud","accountRef":{"kind":"IotAccount","name":"tencent"},"name":"","description":"","encryption":"Asymmetric","nodeType":"Device","dataFormat":"JSON","dynamicRegistration":{"mode":"PreRegistered"},"enabled":true,"adoptionPolicy":"Owned","managementPolicy":"Full","driftPolicy":"Correct","deletionPolicy":"Retain","deletionPolicy":"Delete","suspend":false},"status":{"observedGeneration":1,"productId":"","productName":"","observed":{"name":"","description":"","encryption":"Asymmetric","nodeType":"Device","dataFormat":"JSON","dynamicRegistration":{"mode":"PreRegistered"},"enabled":true},"createdAt":"2026-01-01T00:00:00Z","endpoint":".iotcloud.tencentdevices.com","secretRef":{"name":"-credentials"},"creationAttempt":1,"appliedHash":"","conditions":[{"lastTransitionTime":"2026-01-01T00:00:00Z","message":"product  is as the manifest says","observedGeneration":1,"reason":"Available","status":"True","type":"Ready"}]}}"#;

/// A packed object.
#[derive(Clone, Debug)]
pub struct Packed {
    bytes: Box<[u8]>,
    /// Bytes of the text.
    length: usize,
}

impl Packed {
    /// Packs an object.
    pub fn of(object: &IotProduct) -> Self {
        // A struct of texts and numbers always serialises.
        let text = serde_json::to_vec(object).unwrap_or_default();
        Self { bytes: compress_with_dict(&text, ALIKE).into(), length: text.len() }
    }

    /// The object.
    #[expect(
        clippy::expect_used,
        clippy::missing_panics_doc,
        reason = "written by `of` from an object of the same type"
    )]
    pub fn open(&self) -> IotProduct {
        let text = decompress_with_dict(&self.bytes, self.length, ALIKE).expect("what was packed");
        serde_json::from_slice(&text).expect("an object as it was packed")
    }

    /// Bytes that it takes.
    pub fn size(&self) -> usize {
        self.bytes.len()
    }
}

//! An operator that sees its accounts before it sees its products.

use crate::manifest::{KEY, TENCENT_ACCOUNT, THERMOSTAT};
use crate::object::{Kind, Object};
use crate::session::tests;
use crate::vendor::LIST;
use crate::world::{PATIENCE, World, until};

tests!(Shared { an_account_is_not_let_go_before_its_products_are_known });

/// What an operator of one namespace needs, but for the products.
pub(crate) const ROLE: &str = "
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: operator}
rules:
- {apiGroups: [iot-products.io], resources: [iotaccounts, iotaccounts/status, iotaccounts/finalizers], verbs: ['*']}
- {apiGroups: [''], resources: [secrets], verbs: [get, create, update, patch, delete]}
- {apiGroups: [''], resources: [namespaces], verbs: [get]}
- {apiGroups: ['', events.k8s.io], resources: [events], verbs: [create, patch]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: operator}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: operator}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: USER}]
";

/// And those.
pub(crate) const PRODUCTS: &str = "
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: products}
rules:
- {apiGroups: [iot-products.io], resources: [iotproducts, iotproducts/status, iotproducts/finalizers], verbs: ['*']}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: products}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: products}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: USER}]
";

/// The account is deleted while no operator runs. The next one must not take a store that is not filled yet
/// for an account without products: key and account would go, and nothing could delete the product.
async fn an_account_is_not_let_go_before_its_products_are_known(world: World) {
    let contract = world.contract();
    let mut first = world.operator().await;
    world.apply_all(&contract).await;
    world.one_ready_product(THERMOSTAT).await;
    first.terminate();
    assert!(first.end(PATIENCE).await.success());
    for (kind, name) in [(Kind::Account, TENCENT_ACCOUNT), (Kind::Secret, KEY)] {
        world.delete(kind, name).await;
    }
    let before = world.get(Kind::Account, TENCENT_ACCOUNT).await.unwrap();

    // The products' watch is refused for a while, which is a slow one that a test can hold.
    let user = format!("narrow-{}", world.namespace().name());
    let kubeconfig = world.plane().kubeconfig_as(&user, &[]).expect("a kubeconfig");
    world.kubectl(&["apply", "--filename", "-"], &ROLE.replace("USER", &user));
    let (mark, calls) = (world.audit_mark(), world.call_mark());
    let _next = world.start_operator(&[("kubeconfig", kubeconfig.to_str().expect("a path"))]);
    let audit = world.plane().audit().expect("the audit log");
    until("the accounts to be seen, and the products three times not", PATIENCE, async || {
        let asked = audit.requests_by(&user, mark).await.expect("the audit log");
        let of = |resource: &str, code: u16| {
            asked.iter().filter(|request| request.resource == resource && request.code == Some(code)).count()
        };
        let seen = (of("iotaccounts", 200), of("iotproducts", 403));
        if seen.0 >= 1 && seen.1 >= 3 { Ok(()) } else { Err(format!("{seen:?}")) }
    })
    .await;
    let account = world.get(Kind::Account, TENCENT_ACCOUNT).await.expect("the account is held");
    assert_eq!(account.finalizers(), before.finalizers());
    let key = world.get(Kind::Secret, KEY).await.expect("the key is held");
    assert_eq!(key.finalizers(), ["iot-products.io/in-use"]);
    assert_eq!(world.calls_since(calls).keys().filter(|action| *action != LIST).count(), 0);

    world.kubectl(&["apply", "--filename", "-"], &PRODUCTS.replace("USER", &user));
    world
        .object_until(Kind::Account, TENCENT_ACCOUNT, "InUse", PATIENCE, |a: &Object| a.reason() == "InUse")
        .await;
    world.delete(Kind::Product, THERMOSTAT).await;
    for (kind, name) in [(Kind::Product, THERMOSTAT), (Kind::Account, TENCENT_ACCOUNT), (Kind::Secret, KEY)] {
        world.gone(kind, name, PATIENCE).await;
    }
    assert_eq!(world.products(), []);
}

//! Two operators, of which one works.

use iot_simulator::{Fault, Rule};

use crate::manifest::THERMOSTAT;
use crate::object::{Kind, Object};
use crate::session::tests;
use crate::vendor::CREATE;
use crate::world::{PATIENCE, World, until};

tests!(Shared {
    a_leader_frozen_while_it_creates_does_no_harm,
    the_next_takes_over_from_a_leader_that_stops,
    a_replica_that_may_not_read_the_lease_is_not_ready,
});

/// What a replica needs to stand by.
const LEASES: &str = "
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: leases}
rules:
- {apiGroups: [coordination.k8s.io], resources: [leases], verbs: [get, create, update]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: leases}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: leases}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: USER}]
";

const LEASE: &str = "iot-operator";

/// A lease that is over soon, with room for a vendor call.
pub(crate) fn flags(world: &World) -> Vec<(&'static str, &str)> {
    vec![
        ("leader-elect", "true"),
        ("lease-namespace", world.namespace().name()),
        ("lease-name", LEASE),
        ("vendor-timeout", "3s"),
        ("lease-duration", "8s"),
        ("lease-renew-interval", "1s"),
        ("lease-renew-deadline", "5s"),
    ]
}

async fn holder(world: &World) -> String {
    let lease = world.get(Kind::Lease, LEASE).await;
    lease.as_ref().map(|lease| lease.text("/spec/holderIdentity").to_owned()).unwrap_or_default()
}

async fn holder_other_than(world: &World, former: &str) -> String {
    until("a holder of the lease", PATIENCE, async || {
        let holder = holder(world).await;
        if holder.is_empty() || holder == former { Err(holder) } else { Ok(holder) }
    })
    .await
}

async fn a_leader_frozen_while_it_creates_does_no_harm(world: World) {
    let contract = world.contract();
    let mut first = world.operator_with(&flags(&world)).await;
    let leader = holder_other_than(&world, "").await;
    let _second = world.start_operator(&flags(&world));
    world.connect(&contract).await;
    world.admin().add_fault(Rule::on(CREATE, Fault::hold()).times(1));
    world.apply(&contract.product).await;
    let held = world.held(CREATE).await;
    first.freeze();
    holder_other_than(&world, &leader).await;
    let (ready, _) = world.one_ready_product(THERMOSTAT).await;
    let (calls, version) = (world.call_mark(), ready.text("/metadata/resourceVersion"));

    // The call that it waited for is answered, and its lease is long over.
    world.admin().release(held.sequence);
    first.thaw();
    until("the former leader to notice", PATIENCE, async || match first.ended() {
        Some(_) => Ok(()),
        None => match first.health("/readyz").await {
            Ok(200) => Err("it runs and is ready".to_owned()),
            _ => Ok(()),
        },
    })
    .await;
    assert_ne!(holder(&world).await, leader);
    let (_, product) = world.one_ready_product(THERMOSTAT).await;
    assert_eq!(world.calls_since(calls).get(CREATE), None);
    assert_eq!(product.product_id, ready.id().unwrap());
    let now = world.get(Kind::Product, THERMOSTAT).await.unwrap();
    assert_eq!(now.text("/metadata/resourceVersion"), version, "nothing was written over: {}", now.brief());
}

async fn the_next_takes_over_from_a_leader_that_stops(world: World) {
    let contract = world.contract();
    let mut first = world.operator_with(&flags(&world)).await;
    let leader = holder_other_than(&world, "").await;
    let mut second = world.start_operator(&flags(&world));
    world.apply_all(&contract).await;
    world.one_ready_product(THERMOSTAT).await;
    first.terminate();
    assert!(first.end(PATIENCE).await.success());
    holder_other_than(&world, &leader).await;
    world
        .edit(
            Kind::Product,
            THERMOSTAT,
            serde_json::json!({"spec": {"dynamicRegistration": {"limit": 6000}}}),
        )
        .await;
    world.product_until(THERMOSTAT, "the edit", PATIENCE, Object::is_available).await;
    assert_eq!(world.only_product().register_limit, 6000);
    assert_eq!(second.ended(), None);
}

async fn a_replica_that_may_not_read_the_lease_is_not_ready(world: World) {
    let _leader = world.operator_with(&flags(&world)).await;
    let user = format!("lease-{}", world.namespace().name());
    let kubeconfig = world.plane().kubeconfig_as(&user, &[]).expect("a kubeconfig");
    let mut narrow = flags(&world);
    narrow.push(("kubeconfig", kubeconfig.to_str().expect("a path")));
    let mut replica = world.start_operator(&narrow);
    until("the replica to say why it is not ready", PATIENCE, async || {
        let page = replica.health_page("/readyz").await.map_err(|error| error.to_string())?;
        let says =
            page.contains(" 503 ") && page.contains("Lease: not ready: the Lease cannot be read: grant");
        if says { Ok(()) } else { Err(page) }
    })
    .await;
    world.kubectl(&["apply", "--filename", "-"], &LEASES.replace("USER", &user));
    replica.ready().await;
}

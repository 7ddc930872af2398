//! An operator that starts before its definitions do.

use crate::manifest::THERMOSTAT;
use crate::session::{install_definitions, tests};
use crate::world::{PATIENCE, World, until};

tests!(Bare { an_operator_without_definitions_waits_for_them });

async fn an_operator_without_definitions_waits_for_them(world: World) {
    let contract = world.contract();
    let mut operator = world.start_operator(&[]);
    until("the operator to be alive and not ready", PATIENCE, async || {
        if let Some(status) = operator.ended() {
            panic!("the operator ended with {status}");
        }
        match (operator.health("/livez").await, operator.health("/readyz").await) {
            (Ok(200), Ok(ready)) if ready != 200 => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
    install_definitions(world.plane()).await;
    operator.ready().await;
    world.apply_all(&contract).await;
    world.one_ready_product(THERMOSTAT).await;
}

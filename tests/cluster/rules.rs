//! The rules of the definitions, as tests of this run.

use crate::cel;
use crate::session::tests;
use crate::world::World;

tests!(Shared {
    contract_manifests_are_accepted,
    rules_accept_and_refuse,
    every_cell_of_the_matrix,
    console_names_are_accepted,
    names_are_taken_as_the_operator_takes_them,
    accounts_stay_where_they_are,
    unseen_objects_are_not_current,
    rules_spare_stored_objects,
});

macro_rules! of_cel {
    ($($name:ident),+ $(,)?) => {
        $(async fn $name(world: World) {
            let outcome = cel::$name(world.client(), world.namespace().name()).await;
            outcome.unwrap_or_else(|faults| panic!("{faults}"));
        })+
    };
}

of_cel!(
    contract_manifests_are_accepted,
    rules_accept_and_refuse,
    every_cell_of_the_matrix,
    console_names_are_accepted,
    names_are_taken_as_the_operator_takes_them,
    accounts_stay_where_they_are,
    unseen_objects_are_not_current,
    rules_spare_stored_objects,
);

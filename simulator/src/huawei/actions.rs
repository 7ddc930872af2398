//! What the product calls do: rules, effects, errors, as the vendor's reference has them.

use http::StatusCode;
use serde_json::{Map, Value, json};

use super::Done;
use super::account::{App, Instance, State};
use super::check::{self, Check};
use super::product::{Product, password};
use super::refusal::Refusal;
use crate::random::Random;
use crate::server::Moment;
use crate::settings::Settings;

const PROTOCOLS: &[i64] = &[0, 1, 2, 4, 5];

/// What a call works on.
pub(crate) struct Context<'a> {
    pub(crate) instance: &'a str,
    pub(crate) settings: &'a Settings,
    pub(crate) moment: &'a Moment,
    pub(crate) random: &'a Random,
}

impl Context<'_> {
    fn now_ms(&self) -> i64 {
        self.moment.unix_seconds.saturating_mul(1000)
    }

    pub(crate) fn instance<'a>(&self, state: &'a State) -> Result<&'a Instance, Refusal> {
        let found = state.config.instances.iter().find(|instance| instance.instance_id == self.instance);
        found.ok_or_else(|| Refusal::no_instance(&state.config.project_id, self.instance))
    }

    /// The product with the id of the request.
    fn find(&self, state: &State, id: i64) -> Result<Product, Refusal> {
        let found = state.products.get(id).filter(|product| product.instance_id == self.instance);
        let product = found.map(|product| Product::clone(product));
        let product = product.ok_or_else(|| Refusal::no_resource("product", id))?;
        if is_granted(self.instance(state)?, &product.app_id) {
            return Ok(product);
        }
        Err(Refusal::told("ROMA.00110008", &format!("No permission on resource {id}.")))
    }

    /// A product as an answer shows it, with its masked password.
    pub(crate) fn shown(&self, instance: &Instance, product: &Product) -> Value {
        let mut shown = shown_bare(instance, product);
        shown["authentication"] = product.authentication(self.settings.huawei.clear_passwords);
        shown
    }

    /// What another product of the instance has already, seen or not.
    fn check_taken(&self, state: &State, product: &Product) -> Result<(), Refusal> {
        let quirks = &self.settings.huawei;
        let mut others = state.products.all().iter().filter(|other| {
            other.instance_id == product.instance_id && (product.id == 0 || other.id != product.id)
        });
        let taken = others.find_map(|other| {
            let name = quirks.unique_names && other.name == product.name;
            let model = quirks.unique_models
                && other.manufacturer_id == product.manufacturer_id
                && other.model == product.model;
            name.then_some("name").or_else(|| model.then_some("model"))
        });
        let Some(field) = taken else {
            return Ok(());
        };
        let message = format!("Invalid parameter. [{field}:exists already]");
        Err(Refusal::told(&quirks.duplicate_code, &message))
    }
}

fn shown_bare(instance: &Instance, product: &Product) -> Value {
    let app_name = app(instance, &product.app_id).map_or("", |app| app.name.as_str());
    let template = product.template_id.and_then(|id| instance.templates.get(&id));
    product.shown(app_name, template.map(String::as_str))
}

fn app<'a>(instance: &'a Instance, id: &str) -> Option<&'a App> {
    instance.apps.iter().find(|app| app.app_id == id)
}

/// Products of an application that is not granted are hidden.
pub(crate) fn is_granted(instance: &Instance, app_id: &str) -> bool {
    app(instance, app_id).is_some_and(|app| app.granted)
}

fn members(body: &Value) -> Map<String, Value> {
    body.as_object().cloned().unwrap_or_default()
}

/// The fields that a create and an update have in common.
fn common(check: &mut Check<'_>, product: &mut Product) {
    product.name = check.text("name", 1..=64, check::of_names);
    product.manufacturer_id = check.text("manufacturer_id", 2..=50, check::of_ids);
    product.manufacturer_name = check.text("manufacturer_name", 2..=64, check::any);
    product.model = check.text("model", 2..=50, check::of_models);
    product.description = check.text("description", 0..=200, check::any);
    product.version = check.text("version", 0..=64, check::any);
}

pub(crate) fn create(context: &Context<'_>, state: &mut State, body: &Value) -> Result<Done, Refusal> {
    let members = members(body);
    let mut check = Check::new(&members);
    let mut product = Product { instance_id: context.instance.to_owned(), ..Product::default() };
    common(&mut check, &mut product);
    product.app_id = check.text("app_id", 1..=36, check::any);
    product.product_type = check.number("product_type", &[0, 1], None);
    product.protocol_type = check.number("protocol_type", PROTOCOLS, None);
    product.data_format = check.number("data_format", &[0, 1], Some(0));
    product.device_type = check.text("device_type", 0..=256, check::any);
    if product.device_type.is_empty() {
        "Default".clone_into(&mut product.device_type);
    }
    product.template_id = check.floored("template_id");
    check.end()?;
    let instance = context.instance(state)?;
    let granted = app(instance, &product.app_id).map(|app| app.granted);
    let granted = granted.ok_or_else(|| Refusal::no_resource("application", &product.app_id))?;
    if !granted {
        return Err(Refusal::told("ROMA.00110005", "No permission on the application."));
    }
    if let Some(template) = product.template_id.filter(|id| !instance.templates.contains_key(id)) {
        return Err(Refusal::no_resource("product template", template));
    }
    context.check_taken(state, &product)?;
    let used = state.products.all().iter().filter(|other| other.instance_id == context.instance).count();
    if used >= instance.product_limit {
        let message = format!("The instance has its {} products already.", instance.product_limit);
        return Err(Refusal::told("ROMA.00110004", &message));
    }
    product.id = state.products.free_id(context.settings.huawei.large_ids);
    product.complete(context.random, context.now_ms());
    let product = state.products.insert(product);
    let shown = context.shown(context.instance(state)?, &product);
    Ok(Done::with(StatusCode::CREATED, shown).about(&product))
}

pub(crate) fn show(context: &Context<'_>, state: &State, id: i64) -> Result<Done, Refusal> {
    let product = context.find(state, id)?;
    let shown = context.shown(context.instance(state)?, &product);
    Ok(Done::with(StatusCode::OK, shown).about(&product))
}

pub(crate) fn update(
    context: &Context<'_>,
    state: &mut State,
    id: i64,
    body: &Value,
) -> Result<Done, Refusal> {
    let members = members(body);
    let mut check = Check::new(&members);
    let before = context.find(state, id)?;
    let mut product = before.clone();
    common(&mut check, &mut product);
    product.device_type = check.text("device_type", 1..=256, check::any);
    if context.settings.huawei.update_keeps_omitted {
        if !check.has("description") {
            product.description.clone_from(&before.description);
        }
        if !check.has("version") {
            product.version.clone_from(&before.version);
        }
    }
    check.end()?;
    context.check_taken(state, &product)?;
    product.last_updated_datetime = context.now_ms();
    let shown = shown_bare(context.instance(state)?, &product);
    state.products.replace(product.clone());
    Ok(Done::with(StatusCode::OK, shown).about(&product))
}

pub(crate) fn delete(context: &Context<'_>, state: &mut State, id: i64) -> Result<Done, Refusal> {
    let product = context.find(state, id)?;
    if product.device_count > 0 && context.settings.huawei.devices_block_delete {
        let message = format!("The product has {} devices.", product.device_count);
        return Err(Refusal::told("ROMA.00110001", &message));
    }
    state.products.remove(id);
    Ok(Done { body: None, ..Done::with(StatusCode::NO_CONTENT, Value::Null) }.about(&product))
}

pub(crate) fn devices(context: &Context<'_>, state: &State, id: i64) -> Result<Done, Refusal> {
    let product = context.find(state, id)?;
    Ok(Done::with(StatusCode::OK, json!({"summary": product.device_count})).about(&product))
}

pub(crate) fn show_authentication(context: &Context<'_>, state: &State, id: i64) -> Result<Done, Refusal> {
    let product = context.find(state, id)?;
    let shown = product.authentication(context.settings.huawei.clear_passwords);
    Ok(Done::with(StatusCode::OK, shown).about(&product))
}

/// Both values empty or left out: the vendor makes a new password.
pub(crate) fn reset_authentication(
    context: &Context<'_>,
    state: &mut State,
    id: i64,
    body: &Value,
) -> Result<Done, Refusal> {
    let mut product = context.find(state, id)?;
    let mut members = members(body);
    members.retain(|_, value| value.as_str() != Some(""));
    let mut check = Check::new(&members);
    if check.has("user_name") {
        product.user_name = check.text("user_name", 10..=50, check::of_user_names);
    }
    if check.has("password") {
        product.password = check.text("password", 16..=32, check::of_passwords);
        product.password_changes += 1;
        if !check::is_strong(&product.password) {
            check.complain("password", "needs a digit, an upper-case, a lower-case and a special character");
        }
    } else if !check.has("user_name") {
        product.password = password(context.random);
        product.password_changes += 1;
    }
    check.end()?;
    let shown = product.authentication(context.settings.huawei.clear_passwords);
    state.products.replace(product.clone());
    Ok(Done::with(StatusCode::OK, shown).about(&product))
}

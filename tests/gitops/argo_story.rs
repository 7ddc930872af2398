//! Argo CD: the operator's charts and a folder of products from Git.

use iot_simulator::{Fault, Rule};
use serde::Deserialize as _;
use serde_json::{Value, json};

use crate::argo::{Argo, History, state};
use crate::document;
use crate::factory::{
    CREATE, DELETE, LIST, REGISTRATION, cluster_account, contract, limited, named, second_wave,
};
use crate::git::Repository;
use crate::lab::{Kind, Lab, condition, text};
use crate::report::{memory, part, quiet, see, seen};

const FACTORY: &str = "factory";
const ACCOUNTS: [(&str, &str); 2] = [("IotAccount", "tencent"), ("ClusterIotAccount", "tencent-for-all")];
const THERMOSTAT: (&str, &str) = ("IotProduct", "thermostat");
const THERMOSTAT_OBJECT: (Kind, &str, &str) = (Kind::Product, FACTORY, "thermostat");
const CREDENTIALS: (Kind, &str, &str) = (Kind::Secret, FACTORY, "thermostat-credentials");
const THERMOSTAT_FILE: &str = "products/thermostat.yaml";

/// What is in Git, and where it comes from.
struct Story<'a> {
    lab: &'a Lab,
    argo: Argo<'a>,
    git: Repository,
    thermostat: Value,
}

pub(crate) async fn tell(lab: &Lab) {
    part("Argo CD: its programs");
    let argo = Argo::start(lab).await;
    controllers_of_deployments(lab);
    let git = Repository::new(&lab.folder("git"));
    let [_, _, product] = contract(lab, FACTORY);
    let mut story = Story { lab, argo, git, thermostat: second_wave(&product) };
    let history = story.waves().await;
    story.health(&history).await;
    story.no_drift(&history).await;
    story.edits().await;
    story.self_heal().await;
    story.actions(&history).await;
    story.prune().await;
    memory(lab);
    story.everything_goes().await;
}

/// The two controllers of Deployments, which the control plane here has no use for elsewhere.
fn controllers_of_deployments(lab: &Lab) {
    let arguments = [
        format!("--kubeconfig={}", lab.admin_kubeconfig().display()),
        "--controllers=deployment-controller,replicaset-controller".to_owned(),
        "--leader-elect=false".to_owned(),
        "--secure-port=0".to_owned(),
    ];
    lab.run("kube-controller-manager", &lab.control_plane("kube-controller-manager"), &arguments, &[]);
}

impl Story<'_> {
    /// The applications as documented, with this repository and a vendor on loopback.
    fn write_applications(&self) {
        let mut all = document::objects("Argo CD");
        all.retain(|object| object["kind"] == "Application");
        for application in &mut all {
            application["spec"]["source"]["repoURL"] = json!(self.git.url());
            if application["metadata"]["name"] == "iot-operator" {
                // There is no node here: the operator runs beside the cluster.
                application["spec"]["source"]["helm"]["valuesObject"] = json!({"ownerId": "gitops",
                    "replicas": 0, "allowedEndpoints": ["127.0.0.1:*"], "allowPlainHttp": true});
            }
        }
        let (root, rest): (Vec<Value>, Vec<Value>) =
            all.into_iter().partition(|application| application["metadata"]["name"] == "root");
        self.git.write("applications/all.yaml", &rest);
        self.git.push("The operator and its products");
        self.argo.apply(&root[0]);
    }

    async fn waves(&self) -> History {
        part("Argo CD: definitions, operator, account, products, one after the other");
        let [key, account, product] = contract(self.lab, FACTORY);
        let mut lamp = second_wave(&named(&product, "street-lamp"));
        lamp["spec"]["accountRef"] = json!({"kind": "ClusterIotAccount", "name": "tencent-for-all"});
        let cluster_account = cluster_account(&account);
        self.git.copy("charts/iot-operator-crds");
        self.git.copy("charts/iot-operator");
        self.git.write("products/accounts.yaml", &[key, account, cluster_account]);
        self.git.write("products/street-lamp.yaml", &[lamp]);
        self.git.write(THERMOSTAT_FILE, std::slice::from_ref(&self.thermostat));
        let history = self.argo.follow("factory");
        self.write_applications();

        self.argo.settled("wave -1, the definitions", "iot-operator-crds").await;
        self.argo.settled("wave 0, the operator's chart", "iot-operator").await;
        seen("no operator runs yet");
        for account in ACCOUNTS {
            self.argo.health(account, "Progressing", "waiting for the operator to see generation 1").await;
        }
        self.lab.vendor().add_fault(Rule::on(LIST, Fault::hold()));
        self.lab.start_operator().await;
        self.lab.vendor().wait_held(LIST, std::time::Duration::from_mins(1)).await.expect("a held list");
        quiet(3).await;
        assert!(self.lab.get(Kind::Product, FACTORY, "thermostat").await.is_none());
        seen("the vendor has not answered yet: no product is there");
        self.lab.vendor().set_faults(vec![Rule::on(CREATE, Fault::hold()).times(2)]);
        self.lab.vendor().release_all();
        history
    }

    async fn health(&self, history: &History) {
        part("Argo CD: health as products do");
        for account in ACCOUNTS {
            self.argo.health(account, "Healthy", "Available").await;
        }
        see("wave 1, the products: creates have reached the vendor", async || {
            let held = self.lab.vendor().calls().iter().filter(|call| call.action == CREATE).count();
            if held == 2 { Ok(()) } else { Err(format!("{held} creates")) }
        })
        .await;
        self.lab
            .object("the operator says that the product is being created", THERMOSTAT_OBJECT, |product| {
                condition(product, "Ready")["reason"] == "Creating"
            })
            .await;
        // Argo CD looks at a message again only where the health changes with it.
        self.argo.health(THERMOSTAT, "Progressing", "").await;
        self.lab.vendor().release_all();
        self.argo.health(THERMOSTAT, "Healthy", "Available").await;
        self.argo.settled("products exist", "factory").await;
        self.argo.settled("all of it", "root").await;
        assert_eq!(self.lab.applied(CREATE), 2);
        let states = history.since(0);
        assert!(states.iter().any(|state| state.ends_with("/Progressing")), "{states:?}");
        seen(&format!("states of factory so far: {}", states.join(", ")));
    }

    async fn no_drift(&self, history: &History) {
        part("Argo CD: nothing the operator writes is drift");
        let finished =
            |application: &Value| text(application, "/status/operationState/finishedAt").to_owned();
        let before = finished(&self.argo.application("factory").await);
        let mark = history.mark();
        self.lab.delete(CREDENTIALS.0, CREDENTIALS.1, CREDENTIALS.2).await;
        let asked = json!({"metadata": {"annotations": {"reconcile.fluxcd.io/requestedAt": "by hand"}}});
        self.lab.patch(Kind::Product, FACTORY, "thermostat", asked).await;
        self.lab
            .object("a check that was asked for is done", THERMOSTAT_OBJECT, |product| {
                text(product, "/status/lastHandledReconcileAt") == "by hand"
            })
            .await;
        self.lab.object("a Secret that was deleted is back", CREDENTIALS, |_| true).await;
        self.argo.refreshed("factory").await;
        quiet(5).await;
        let application = self.argo.application("factory").await;
        assert_eq!(state(&application), "Synced/Healthy");
        assert_eq!(finished(&application), before, "a sync was started");
        let states = history.since(mark);
        assert!(states.iter().all(|state| state.starts_with("Synced/")), "{states:?}");
        seen("status, finalizers, annotation, Secret, defaults: never OutOfSync, and no sync was started");
        let resources = application["status"]["resources"].as_array().expect("resources");
        let secrets: Vec<&str> =
            resources.iter().filter(|one| one["kind"] == "Secret").map(|one| text(one, "/name")).collect();
        assert_eq!(secrets, ["tencent-key"]);
        seen("the operator's Secrets are not among what Argo CD manages");
    }

    /// Changes the product in Git.
    async fn push(&mut self, limit: u64, message: &str) {
        self.thermostat = limited(&self.thermostat, limit);
        self.git.write(THERMOSTAT_FILE, std::slice::from_ref(&self.thermostat));
        self.git.push(message);
        self.argo.refresh("factory", "normal").await;
    }

    async fn vendor_has(&self, what: &str, limit: u64) {
        see(what, async || match self.lab.limit_at_vendor("thermostat") {
            Some(found) if found == limit => Ok(()),
            other => Err(format!("{other:?}")),
        })
        .await;
    }

    async fn edits(&mut self) {
        part("Argo CD: edits in Git");
        let before = self.lab.applied(REGISTRATION);
        self.push(7000, "More devices").await;
        self.vendor_has("an edit in Git has reached the vendor", 7000).await;
        assert_eq!(self.lab.applied(REGISTRATION), before + 1);
        seen("by one vendor call");
        self.argo.settled("the edit is observed", "factory").await;
        let refusal = Fault::Error {
            code: "InvalidParameterValue".to_owned(),
            message: Some("RegisterLimit is too large".to_owned()),
        };
        self.lab.vendor().add_fault(Rule::on(REGISTRATION, refusal));
        self.push(900_000, "Too many").await;
        let said = self.argo.health(THERMOSTAT, "Degraded", "InvalidSpec").await;
        assert!(said.contains("RegisterLimit"), "{said}");
        self.argo.is("what the vendor refuses", "factory", "Synced/Degraded").await;
        self.lab.vendor().clear_faults();
        self.push(9000, "Fewer again").await;
        self.vendor_has("mended in Git", 9000).await;
        self.argo.settled("mended", "factory").await;
    }

    async fn self_heal(&self) {
        part("Argo CD: self-heal");
        let by_hand = json!({"spec": {"dynamicRegistration": {"limit": 1}}});
        self.lab.patch(Kind::Product, FACTORY, "thermostat", by_hand).await;
        self.lab
            .object("a change by hand is taken back", THERMOSTAT_OBJECT, |product| {
                product["spec"]["dynamicRegistration"]["limit"] == 9000
            })
            .await;
        self.vendor_has("the vendor has what Git says", 9000).await;
        self.argo.settled("self-healed", "factory").await;
    }

    async fn actions(&self, history: &History) {
        part("Argo CD: actions, through argocd-server");
        let mark = history.mark();
        assert_eq!(self.argo.actions(THERMOSTAT).await, ["reconcile", "suspend"]);
        for account in ACCOUNTS {
            assert_eq!(self.argo.actions(account).await, ["reconcile"]);
        }
        seen("listed: reconcile and suspend of a product, reconcile of accounts");
        self.argo.act(THERMOSTAT, "reconcile").await;
        let handled = "/status/lastHandledReconcileAt";
        self.lab
            .object("reconcile: the operator has checked", THERMOSTAT_OBJECT, |product| {
                text(product, handled).starts_with("By Argo CD at: 2")
            })
            .await;
        for (kind, name) in ACCOUNTS {
            self.argo.act((kind, name), "reconcile").await;
            see(&format!("reconcile: the operator has looked at {kind} {name}"), async || {
                let namespaces = ["get", kind, name, "--namespace", FACTORY, "--output"];
                let path = format!("jsonpath={{{}}}", handled.replace('/', "."));
                let found = self.lab.kubectl(&[&namespaces[..], &[&path]].concat(), "");
                if found.starts_with("By Argo CD at: 2") { Ok(()) } else { Err(found) }
            })
            .await;
        }
        self.argo.act(THERMOSTAT, "suspend").await;
        self.lab
            .object("suspend: Suspended, Ready stays True", THERMOSTAT_OBJECT, |product| {
                condition(product, "Suspended")["status"] == "True"
                    && condition(product, "Ready")["status"] == "True"
            })
            .await;
        self.argo.health(THERMOSTAT, "Suspended", "spec.suspend").await;
        assert_eq!(self.argo.actions(THERMOSTAT).await, ["resume"]);
        seen("listed: resume");
        quiet(5).await;
        self.argo.act(THERMOSTAT, "resume").await;
        self.lab
            .object("resume: no longer Suspended", THERMOSTAT_OBJECT, |product| {
                condition(product, "Suspended").is_null() && product["spec"]["suspend"] == false
            })
            .await;
        self.argo.settled("resumed", "factory").await;
        let states = history.since(mark);
        assert!(states.iter().all(|state| state.starts_with("Synced/")), "{states:?}");
        seen("what actions change is no drift: Git does not name it");
    }

    async fn prune(&self) {
        part("Argo CD: prune");
        self.lab.vendor().add_fault(Rule::on(DELETE, Fault::hold()).times(1));
        self.git.remove(THERMOSTAT_FILE);
        self.git.push("No thermostats");
        self.argo.refresh("factory", "normal").await;
        self.lab.vendor().wait_held(DELETE, std::time::Duration::from_mins(1)).await.expect("a held delete");
        seen("removed from Git: the vendor is asked to delete");
        let pending = |application: &Value| state(application).ends_with("/Progressing");
        let factory = (Kind::Application, "argocd", "factory");
        self.lab.object("while the vendor deletes: factory is Progressing", factory, pending).await;
        assert!(self.lab.get(CREDENTIALS.0, CREDENTIALS.1, CREDENTIALS.2).await.is_some());
        seen("while the vendor deletes: the Secret is still there");
        self.lab.vendor().release_all();
        self.lab.gone("deleted at the vendor: the object is gone", THERMOSTAT_OBJECT).await;
        self.lab.gone("deleted at the vendor: the Secret is gone", CREDENTIALS).await;
        assert_eq!(self.lab.applied(DELETE), 1);
        self.argo.settled("pruned", "factory").await;
    }

    /// First what Git no longer has of products, with the operator still there; then the operator.
    async fn everything_goes(&self) {
        part("Argo CD: everything goes");
        self.keep_applications(&["iot-operator-crds", "iot-operator"]);
        self.argo.refresh("root", "normal").await;
        let application = |name| (Kind::Application, "argocd", name);
        self.lab.gone("products' application removed from Git: it is gone", application("factory")).await;
        let left =
            self.lab.kubectl(&["get", "iotproducts,iotaccounts,clusteriotaccounts", "-A", "-o", "name"], "");
        assert_eq!(left, "");
        assert_eq!(self.lab.applied(DELETE), 2);
        seen("the vendor has deleted every product, accounts are gone");
        self.keep_applications(&["iot-operator-crds"]);
        self.argo.refresh("root", "normal").await;
        self.lab
            .gone("the operator's application removed from Git: it is gone", application("iot-operator"))
            .await;
        self.lab.stop("iot-operator").await;
        let deployment = (Kind::Deployment, "iot-operator", "iot-operator");
        self.lab.gone("and with it the Deployment", deployment).await;
        let definitions = self.lab.kubectl(&["get", "crd", "-o", "name"], "");
        assert_eq!(definitions.matches(".iot-products.io").count(), 3, "{definitions}");
        seen("the definitions are there: removed by hand only");
        for name in ["argocd-server", "argocd-application-controller", "argocd-repo-server", "redis"] {
            self.lab.stop(name).await;
        }
    }

    /// Leaves only these applications in Git.
    fn keep_applications(&self, names: &[&str]) {
        let path = self.git.tree().join("applications/all.yaml");
        let all = std::fs::read_to_string(path).expect("the applications");
        let kept: Vec<Value> = serde_yaml_ng::Deserializer::from_str(&all)
            .map(|document| Value::deserialize(document).expect("YAML"))
            .filter(|one| names.contains(&text(one, "/metadata/name")))
            .collect();
        self.git.write("applications/all.yaml", &kept);
        self.git.push("Fewer applications");
    }
}

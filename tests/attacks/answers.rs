//! What hostile vendors answer, in the forms of the two vendors that attacks are tried with.

use iot_test_harness::manifest::Contract;
use serde_json::{Value, json};

use crate::double::{Answer, Ask, Double};

/// A vendor's form of requests and answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Tencent,
    Huawei,
}

/// Both of them.
pub(crate) const FORMS: [Form; 2] = [Form::Tencent, Form::Huawei];

/// The longest answer that the operator reads.
pub(crate) const LONGEST: usize = 4 * 1024 * 1024;

impl Form {
    /// The contract's manifests, with a double as the vendor.
    pub(crate) fn contract(self, double: &Double) -> Contract {
        match self {
            Self::Tencent => Contract::tencent("nowhere", &double.url()),
            Self::Huawei => Contract::huawei("nowhere", &double.url()),
        }
    }

    /// The action that reads one product.
    pub(crate) fn read(self) -> &'static str {
        match self {
            Self::Tencent => "DescribeProduct",
            Self::Huawei => "ShowProduct",
        }
    }

    /// The action that lists products.
    pub(crate) fn list(self) -> &'static str {
        match self {
            Self::Tencent => "DescribeProducts",
            Self::Huawei => "ListProducts",
        }
    }

    /// A list's page with these products, of so many in all.
    pub(crate) fn page(self, total: u64, products: &[Value]) -> String {
        match self {
            Self::Tencent => {
                json!({"Response": {"RequestId": "r", "TotalCount": total, "Products": products}}).to_string()
            }
            Self::Huawei => json!({"total": total, "items": products}).to_string(),
        }
    }

    /// A page as long as an answer may be, of entries that are no products.
    pub(crate) fn page_of_zeros(self) -> String {
        let page = self.page(1, &[]);
        let (head, tail) = page.split_once("[]").expect("a list");
        let room = LONGEST - page.len() - 16;
        format!("{head}[0{}]{tail}", ",0".repeat(room / 2))
    }

    /// A page with one product whose description is as long as fits.
    pub(crate) fn page_of_one_long(self, number: usize) -> String {
        let description = "x".repeat(LONGEST - 1024);
        let product = match self {
            Self::Tencent => json!({
                "ProductId": format!("P{number:09}"), "ProductName": format!("long-{number}"),
                "ProductProperties": {"ProductDescription": description},
            }),
            Self::Huawei => json!({
                "id": 500_000 + number, "name": format!("long-{number}"), "description": description,
            }),
        };
        self.page(1_000_000_000, &[product])
    }

    /// An error with this code and message.
    pub(crate) fn error(self, code: &str, message: &str) -> Answer {
        match self {
            Self::Tencent => {
                let error = json!({"Code": code, "Message": message});
                Answer::ok(json!({"Response": {"RequestId": "r", "Error": error}}).to_string())
            }
            Self::Huawei => {
                let error = json!({"error_code": code, "error_msg": message, "request_id": "r"});
                Answer::with(400, error.to_string())
            }
        }
    }

    /// An empty account: lists are empty, and all else is refused.
    pub(crate) fn empty(self, ask: &Ask) -> Answer {
        if ask.action == self.list() {
            return Answer::ok(self.page(0, &[]));
        }
        match self {
            Self::Tencent => self.error("ResourceNotFound.ProductNotExist", "none"),
            Self::Huawei => match self.error("ROMA.00110006", "none") {
                Answer::Now { headers, body, .. } => Answer::Now { status: 404, headers, body },
                other @ (Answer::Held | Answer::Stalled(_)) => other,
            },
        }
    }
}

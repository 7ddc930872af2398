//! `docs/fields.md`, read.

#![allow(clippy::panic, reason = "test code: a broken matrix is to stop the run")]

use iot_product_operator::api::Vendor;

/// What a cell of the matrix says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    /// May be written at any time.
    Mutable,
    /// May be written until the product exists.
    Frozen,
    /// Is refused.
    NotSupported,
}

/// One field at one vendor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cell {
    /// Its vendor.
    pub(crate) vendor: Vendor,
    /// What can be done with it.
    pub(crate) usage: Use,
    /// The vendor never shows it.
    pub(crate) unreadable: bool,
}

/// One field at every vendor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    /// Path below `spec`.
    pub(crate) field: String,
    /// It must be written (in its section).
    pub(crate) required: bool,
    /// What can be done at each vendor.
    pub(crate) cells: Vec<Cell>,
}

/// Every row of the matrix.
pub(crate) fn rows() -> Vec<Row> {
    let text = include_str!("../../../docs/fields.md");
    let lines = text
        .lines()
        .skip_while(|line| !line.starts_with("| field |"))
        .take_while(|line| line.starts_with('|'));
    let table: Vec<Vec<&str>> =
        lines.map(|line| line.trim_matches('|').split('|').map(str::trim).collect()).collect();
    let vendors: Vec<Vendor> = table[0][1..]
        .iter()
        .map(|name| Vendor::parse(name).unwrap_or_else(|| panic!("vendor {name}")))
        .collect();
    table[2..].iter().map(|line| row(line, &vendors)).collect()
}

fn row(line: &[&str], vendors: &[Vendor]) -> Row {
    let (field, required) = match line[0].strip_suffix('*') {
        Some(field) => (field, true),
        None => (line[0], false),
    };
    assert_eq!(line.len(), vendors.len() + 1, "cells of {field}");
    let cells = line[1..].iter().zip(vendors).map(|(text, &vendor)| cell(text, vendor)).collect();
    Row { field: field.trim_matches('`').to_owned(), required, cells }
}

fn cell(text: &str, vendor: Vendor) -> Cell {
    let (usage, unreadable) = match text.strip_suffix(", unreadable") {
        Some(usage) => (usage, true),
        None => (text, false),
    };
    let usage = match usage {
        "mutable" => Use::Mutable,
        "frozen" => Use::Frozen,
        "not supported" => Use::NotSupported,
        other => panic!("unknown word in docs/fields.md: {other}"),
    };
    Cell { vendor, usage, unreadable }
}

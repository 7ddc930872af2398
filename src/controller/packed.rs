//! An object as text, packed. Most of that text is the same in all products, so it is written once and each keeps
//! what is its own: LZ4 takes a text that both sides know as what came before.

use lz4_flex::block::{compress_with_dict, decompress_with_dict};

use crate::api::IotProduct;

/// What products have in common, as they are written. Nothing depends on its being complete or right: what is not
/// in it takes more memory.
const ALIKE: &[u8] = include_bytes!("alike.txt");

/// An object as it is kept.
#[derive(Clone, Debug)]
pub enum Packed {
    /// As it is: it will change in a moment.
    Whole(Box<IotProduct>),
    /// Packed.
    Text {
        /// The text, packed.
        bytes: Box<[u8]>,
        /// Bytes of the text.
        length: usize,
    },
}

impl Packed {
    /// Packs an object.
    pub fn of(object: &IotProduct) -> Self {
        // A struct of texts and numbers always serialises.
        let text = serde_json::to_vec(object).unwrap_or_default();
        Self::Text { bytes: compress_with_dict(&text, ALIKE).into(), length: text.len() }
    }

    /// The object.
    #[expect(
        clippy::expect_used,
        clippy::missing_panics_doc,
        reason = "written by `of` from an object of the same type"
    )]
    pub fn open(&self) -> IotProduct {
        match self {
            Self::Whole(object) => IotProduct::clone(object),
            Self::Text { bytes, length } => {
                let text = decompress_with_dict(bytes, *length, ALIKE).expect("what was packed");
                serde_json::from_slice(&text).expect("an object as it was packed")
            }
        }
    }

    /// Bytes that it takes, where it is packed.
    #[cfg(test)]
    pub fn size(&self) -> Option<usize> {
        match self {
            Self::Whole(_) => None,
            Self::Text { bytes, .. } => Some(bytes.len()),
        }
    }
}

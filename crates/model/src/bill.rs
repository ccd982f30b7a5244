//! What a product is made of: software bills of materials (CycloneDX, SPDX).

use serde::{Deserialize, Serialize};

use crate::Label;

/// A part of a product.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Component {
    /// Who makes it, in the words of the bill; empty where it does not say.
    pub vendor: Label,
    /// Name.
    pub name: Label,
    /// Version.
    pub version: Option<Label>,
}

/// A bill of materials.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BillOfMaterials {
    /// The product that it is about.
    pub product: Component,
    /// Its parts, those within parts as well.
    pub components: Vec<Component>,
}

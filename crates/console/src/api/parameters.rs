//! What a request asks for.

use axum::extract::{FromRequestParts, Path, Query};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, de};
use wardline_model::Timestamp;

use crate::problem::Problem;

/// Records on a page where nothing is asked.
const PAGE: u64 = 50;

/// Records on a page at most.
const PAGE_MAX: u64 = 500;

/// The part of the address after `?`, refused whole where a part of it is not understood.
pub(crate) struct Parameters<T>(pub(crate) T);

impl<S: Sync, T: DeserializeOwned> FromRequestParts<S> for Parameters<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        let query = Query::<T>::try_from_uri(&parts.uri);
        query.map(|Query(value)| Self(value)).map_err(|refused| Problem::parameter(refused.body_text()))
    }
}

/// The identifier that the address names.
pub(crate) struct Identifier(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for Identifier {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = Path::<String>::from_request_parts(parts, state).await;
        path.map(|Path(id)| Self(id)).map_err(|refused| Problem::parameter(refused.body_text()))
    }
}

/// How many records a page holds.
pub(super) fn page_limit(limit: Option<u64>) -> Result<u64, Problem> {
    match limit {
        None => Ok(PAGE),
        Some(limit @ 1..=PAGE_MAX) => Ok(limit),
        Some(limit) => {
            Err(Problem::parameter(format!("`limit` is {limit}; it must be between 1 and {PAGE_MAX}.")))
        }
    }
}

/// A time, where `""` is none.
pub(super) fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    let Some(text) = Option::<String>::deserialize(deserializer)?.filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let parsed = Timestamp::deserialize(de::value::StrDeserializer::<de::value::Error>::new(&text));
    parsed.map(Some).map_err(|_| {
        de::Error::custom(format_args!("{text:?} is no time; write it as 2026-01-31T08:30:00Z (RFC 3339)"))
    })
}

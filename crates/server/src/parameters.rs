//! Parameters: what a request asks for, from the query string and the body alike.
//!
//! CARTO's clients send the same call as GET with strings, or, when the URL would get too long,
//! as POST with the values as native JSON. Both arrive here as one map; the body wins.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{StatusCode, Uri, header};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::problem::Problem;

/// Largest body of parameters or JSON, in bytes. A 100 kB query and a big map document fit.
pub(crate) const MAX_BODY_BYTES: usize = 10 * 1024 * 1024;

/// The merged parameters of a request to `/v3`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Merged(pub(crate) sources::Parameters);

impl<S: Send + Sync> FromRequest<S> for Merged {
    type Rejection = Problem;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Problem> {
        let mut url = form_pairs(request.uri().query().unwrap_or_default().as_bytes());
        let is_form = request
            .headers()
            .get(header::CONTENT_TYPE)
            .is_some_and(|value| value.as_bytes().starts_with(b"application/x-www-form-urlencoded"));
        let body = read_body(request, MAX_BODY_BYTES).await?;
        let mut members = Map::new();
        if is_form {
            url.extend(form_pairs(&body));
        } else {
            members = json_object(&body)?;
        }
        Ok(Self(sources::Parameters::new(url, members)))
    }
}

impl Merged {
    /// The parameters of a request without a body.
    pub(crate) fn of_url(uri: &Uri) -> Self {
        let url = form_pairs(uri.query().unwrap_or_default().as_bytes());
        Self(sources::Parameters::from_url(url))
    }
}

fn form_pairs(text: &[u8]) -> Vec<(String, String)> {
    url::form_urlencoded::parse(text)
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect()
}

/// A JSON body read into a type of ours, with errors in JSON too.
#[derive(Debug)]
pub(crate) struct Json<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Problem> {
        let body = read_body(request, MAX_BODY_BYTES).await?;
        let members = json_object(&body)?;
        serde_json::from_value(Value::Object(members))
            .map(Self)
            .map_err(|error| Problem::bad_request(format!("The request body does not fit: {error}.")))
    }
}

/// A query string read into a type of ours.
#[derive(Debug)]
pub(crate) struct Query<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> axum::extract::FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut axum::http::request::Parts, state: &S) -> Result<Self, Problem> {
        axum::extract::Query::from_request_parts(parts, state)
            .await
            .map(|axum::extract::Query(value)| Self(value))
            .map_err(|refused| Problem::bad_request(format!("{}.", refused.body_text())))
    }
}

/// Reads a whole body, at most `limit` bytes of it.
pub(crate) async fn read_body(request: Request, limit: usize) -> Result<Bytes, Problem> {
    axum::body::to_bytes(request.into_body(), limit).await.map_err(|error| {
        let is_too_long =
            std::error::Error::source(&error).is_some_and(|source| source.is::<http_body_util::LengthLimitError>());
        if is_too_long {
            Problem::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                format!("The request body is longer than {limit} bytes."),
            )
        } else {
            Problem::bad_request("The request body ended before it was complete.")
        }
    })
}

/// Parses a body as a JSON object; an empty body is an empty object.
fn json_object(body: &[u8]) -> Result<Map<String, Value>, Problem> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(Map::new());
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(_) => Err(Problem::bad_request("The request body must be a JSON object.")),
        Err(error) => Err(Problem::bad_request(format!(
            "The request body is not valid JSON: {error}."
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn merged(uri: &str, content_type: &str, body: &str) -> Result<sources::Parameters, Problem> {
        let request = Request::builder()
            .uri(uri)
            .header(header::CONTENT_TYPE, content_type)
            .body(axum::body::Body::from(body.to_owned()))
            .expect("a request");
        Merged::from_request(request, &()).await.map(|merged| merged.0)
    }

    #[tokio::test]
    async fn query_and_body_are_one_map_and_the_body_wins() {
        for (uri, kind, body, expected) in [
            ("/x?q=SELECT+1&v=3.4", "application/json", "", "SELECT 1"),
            ("/x?q=a", "application/json", r#"{"q":"b"}"#, "b"),
            ("/x?q=a", "text/plain", r#"{"q":"b"}"#, "b"),
            ("/x", "application/x-www-form-urlencoded", "q=c+d", "c d"),
        ] {
            let parameters = merged(uri, kind, body).await.expect("readable");
            assert_eq!(parameters.text("q").expect("a text").as_deref(), Some(expected));
        }
    }

    #[tokio::test]
    async fn a_broken_body_says_where() {
        let problem = merged("/x", "application/json", "{\"q\": ").await.expect_err("broken");
        assert_eq!(problem.status(), StatusCode::BAD_REQUEST);
        assert!(problem.message().contains("line 1"), "{}", problem.message());
    }

    #[tokio::test]
    async fn a_body_without_end_is_refused_with_the_limit() {
        let body = " ".repeat(MAX_BODY_BYTES + 1);
        let problem = merged("/x", "application/json", &body).await.expect_err("too long");
        assert_eq!(problem.status(), StatusCode::PAYLOAD_TOO_LARGE);
    }
}

//! Auth: who makes a request.
//!
//! A Bearer token or `access_token=` first, else the session cookie, which counts only for our own pages.
//! `/v3` takes a [`Caller`] (token or person), `/workspace-api` a [`Member`] (person), the public map
//! document a [`Visitor`] (anybody).

pub(crate) mod cookie;
pub(crate) mod same_site;
pub(crate) mod throttle;

use std::borrow::Cow;
use std::sync::Arc;

use access::{Actor, Api, ApiToken, Organisation, SignedIn};
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, Method, Uri, header};
use connections::Connection;
use database::Id;
use warehouse::Sql;

use crate::address::Address;
use crate::opened_sources::Opened;
use crate::problem::Problem;
use crate::state::Groma;

/// What every change through `/workspace-api` has to bring along.
const CSRF: HeaderName = HeaderName::from_static("x-groma-csrf");

/// Somebody who may use `/v3`: a person who is signed in, or a token.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    who: Who,
    actor: Actor,
    /// A statement that changes data came in a way that a link could not.
    is_deliberate: bool,
}

#[derive(Debug, Clone)]
enum Who {
    Person,
    Token(Arc<ApiToken>),
}

/// A person who is signed in and uses our own pages.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    pub(crate) actor: Actor,
    pub(crate) organisation: Id<Organisation>,
    pub(crate) signed_in: Arc<SignedIn>,
    /// The secret of the session.
    pub(crate) secret: String,
}

/// Anybody: a caller, or nobody in particular.
#[derive(Debug, Clone)]
pub(crate) struct Visitor(Option<Caller>);

impl Visitor {
    pub(crate) fn actor(&self) -> &Actor {
        self.0.as_ref().map_or(&Actor::Anonymous, |caller| &caller.actor)
    }

    /// Whether somebody showed who they are.
    pub(crate) fn is_known(&self) -> bool {
        self.0.is_some()
    }
}

impl Caller {
    pub(crate) fn actor(&self) -> &Actor {
        &self.actor
    }

    /// Whose things they work with.
    pub(crate) fn organisation(&self) -> Id<Organisation> {
        self.actor
            .organisation()
            .expect("a caller is a person or a token, and both belong to an organisation")
    }

    /// Whether statements that change data may be tried: by people, and by tokens that may do everything.
    pub(crate) fn may_write(&self, connection: &Connection) -> bool {
        let is_allowed = match &self.who {
            Who::Person => true,
            // No table and no query is named: only a grant for everything allows that.
            Who::Token(token) => token.may_use(Api::Sql, canonical(connection), &[], None),
        };
        is_allowed && self.is_deliberate
    }

    /// Refuses a query whose tables the caller may not read.
    pub(crate) async fn may_run(&self, connection: &Connection, sql: &Sql) -> Result<(), Problem> {
        let Who::Token(token) = &self.who else { return Ok(()) };
        let name = canonical(connection);
        let is_granted_as_it_stands = token.may_use(Api::Sql, name, &[], Some(&sql.text));
        if is_granted_as_it_stands {
            return Ok(());
        }
        if !token.apis.contains(Api::Sql) {
            return Err(api_not_allowed(Api::Sql));
        }
        let described = connection.warehouse().describe(sql).await?;
        let reads: Vec<String> = described.tables.iter().map(ToString::to_string).collect();
        if token.may_use(Api::Sql, name, &reads, Some(&sql.text)) {
            Ok(())
        } else {
            Err(not_granted())
        }
    }

    /// Refuses a source whose tables the caller may not read. Cheap: asked for every tile.
    pub(crate) fn may_read(&self, api: Api, opened: &Opened) -> Result<(), Problem> {
        let Who::Token(token) = &self.who else { return Ok(()) };
        if !token.apis.contains(api) {
            return Err(api_not_allowed(api));
        }
        let source = &opened.source;
        if token.may_use(api, canonical(source.connection()), &opened.reads, source.query_text()) {
            Ok(())
        } else {
            Err(not_granted())
        }
    }
}

/// The name of a connection in grants: the one that stays when an organisation renames it.
pub(crate) fn canonical(connection: &Connection) -> &'static str {
    match connection.provider {
        connections::FIXED_NAME => connections::FIXED_NAME,
        other => unreachable!("there is one kind of connection, not '{other}'"),
    }
}

fn not_granted() -> Problem {
    Problem::forbidden("You don't have permissions to read this resource")
        .code("not_granted")
        .hint(
            "The token's grants do not cover every table that this reads. Add a grant for the tables or for the query.",
        )
}

fn api_not_allowed(api: Api) -> Problem {
    Problem::forbidden(format!("The token does not allow the {} API", api.name())).code("api_not_allowed")
}

impl FromRequestParts<Groma> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, groma: &Groma) -> Result<Self, Problem> {
        match recognise(parts, groma).await? {
            Some(caller) => Ok(caller),
            None => Err(Problem::token_missing()),
        }
    }
}

impl FromRequestParts<Groma> for Visitor {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, groma: &Groma) -> Result<Self, Problem> {
        recognise(parts, groma).await.map(Visitor)
    }
}

impl FromRequestParts<Groma> for Member {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, groma: &Groma) -> Result<Self, Problem> {
        if token_secret(&parts.method, &parts.uri, &parts.headers).is_some() {
            return Err(Problem::forbidden(
                "Tokens do not open the workspace API; sign in instead.",
            ));
        }
        let address = Address::from_request_parts(parts, groma).await?;
        let (signed_in, secret) = session(parts, groma, &address).await?.ok_or_else(not_signed_in)?;
        if !same_site::is_safe(&parts.method) {
            let sent = parts.headers.get(CSRF).and_then(|value| value.to_str().ok());
            if sent != Some(cookie::csrf_value(&secret).as_str()) {
                return Err(Problem::forbidden("The change was not made by a page of this server.")
                    .code("csrf")
                    .hint("Send the value of csrf from /workspace-api/me as the header X-Groma-Csrf."));
            }
        }
        let actor = signed_in.actor();
        Ok(Self {
            actor,
            organisation: signed_in.person.organisation,
            signed_in,
            secret,
        })
    }
}

fn not_signed_in() -> Problem {
    Problem::new(axum::http::StatusCode::UNAUTHORIZED, "You are not signed in.").code("not_signed_in")
}

/// The one who asks: by token, or by a session whose cookie our own page sent.
async fn recognise(parts: &mut Parts, groma: &Groma) -> Result<Option<Caller>, Problem> {
    if let Some((secret, is_deliberate)) = token_secret(&parts.method, &parts.uri, &parts.headers) {
        let token = groma
            .doorkeeper()
            .token(&secret, database::now())
            .await?
            .ok_or_else(Problem::token_invalid)?;
        return caller_with(token, &parts.headers, is_deliberate).map(Some);
    }
    let address = Address::from_request_parts(parts, groma).await?;
    let Some((signed_in, _)) = session(parts, groma, &address).await? else {
        return Ok(None);
    };
    let is_deliberate = !same_site::is_safe(&parts.method);
    Ok(Some(Caller {
        actor: signed_in.actor(),
        who: Who::Person,
        is_deliberate,
    }))
}

/// The one who asks with a token that is remembered; nothing when [`recognise`] has to say more.
pub(crate) fn recognise_at_once(method: &Method, uri: &Uri, headers: &HeaderMap, groma: &Groma) -> Option<Caller> {
    let (secret, is_deliberate) = token_secret(method, uri, headers)?;
    let token = groma.doorkeeper().remembered_token(&secret, database::now())?;
    caller_with(token, headers, is_deliberate).ok()
}

/// The one who asks with a token, from a page where it may be used.
fn caller_with(token: Arc<ApiToken>, headers: &HeaderMap, is_deliberate: bool) -> Result<Caller, Problem> {
    let text = |name| {
        headers
            .get(name)
            .and_then(|value: &axum::http::HeaderValue| value.to_str().ok())
    };
    if !token.may_be_used_from(text(header::ORIGIN), text(header::REFERER)) {
        return Err(Problem::forbidden("Unauthorized referer")
            .code("unauthorized_referer")
            .hint("The token may only be used from the pages that it lists."));
    }
    Ok(Caller {
        actor: token.actor(),
        who: Who::Token(token),
        is_deliberate,
    })
}

/// Who is signed in with the cookie of the request, and the secret in it.
async fn session(parts: &Parts, groma: &Groma, address: &Address) -> Result<Option<(Arc<SignedIn>, String)>, Problem> {
    let Some(secret) = cookie::session_secret(&parts.headers, address) else {
        return Ok(None);
    };
    let claim = same_site::claim(&parts.headers, address);
    let brings_csrf = parts
        .headers
        .get(CSRF)
        .is_some_and(|sent| sent.as_bytes() == cookie::csrf_value(&secret).as_bytes());
    let may_count =
        same_site::cookie_counts(&parts.method, claim) || (claim == same_site::Claim::Unsaid && brings_csrf);
    if !may_count {
        return Err(
            Problem::forbidden("The cookie of this server works from its own pages only.")
                .code("cross_site")
                .hint("Use an API access token from other pages."),
        );
    }
    let signed_in = groma.doorkeeper().session(&secret, database::now()).await?;
    Ok(signed_in.map(|signed_in| (signed_in, secret)))
}

/// The token that came with the request, and whether it came in a way that a link could not.
/// Words that older clients send for "none" are none.
fn token_secret<'r>(method: &Method, uri: &'r Uri, headers: &'r HeaderMap) -> Option<(Cow<'r, str>, bool)> {
    let is_token = |text: &str| !matches!(text, "" | "undefined" | "null");
    let from_header = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim())
        .filter(|token| is_token(token));
    if let Some(token) = from_header {
        return Some((Cow::Borrowed(token), true));
    }
    let query = uri.query().filter(|query| query.contains("access_token="))?;
    url::form_urlencoded::parse(query.as_bytes())
        .find(|(name, value)| name == "access_token" && is_token(value))
        .map(|(_, token)| {
            let is_deliberate = *method != Method::GET && *method != Method::HEAD;
            (token, is_deliberate)
        })
}

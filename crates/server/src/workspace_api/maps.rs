//! `/workspace-api/maps`: the maps of the person who is signed in.

use axum::Json as JsonAnswer;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use database::{Cursor, Id, PageRequest};
use maps::{Action, Edit, Map, Privacy};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::address::Address;
use crate::auth::Member;
use crate::grants;
use crate::parameters::{Json, Query};
use crate::problem::Problem;
use crate::state::Groma;

/// Which maps.
#[derive(Debug, Deserialize)]
pub(crate) struct Wanted {
    search: Option<String>,
    cursor: Option<Cursor>,
    limit: Option<u32>,
}

/// `GET maps?search=&cursor=`
pub(crate) async fn list(
    State(groma): State<Groma>,
    member: Member,
    address: Address,
    Query(wanted): Query<Wanted>,
) -> Result<JsonAnswer<Value>, Problem> {
    let cursor = wanted.cursor.filter(|cursor| !cursor.to_string().is_empty());
    let page = PageRequest::new(wanted.limit, cursor);
    let page = groma
        .rooms()
        .maps
        .list(&member.actor, wanted.search.as_deref(), &page)
        .await?;
    let page = page.map(|map| {
        let mut item = json!(map);
        item["public_url"] = public_url(&address, map.id, map.privacy);
        item
    });
    Ok(JsonAnswer(json!(page)))
}

/// `POST maps`
pub(crate) async fn create(
    State(groma): State<Groma>,
    member: Member,
    address: Address,
    Json(edit): Json<Edit>,
) -> Result<(StatusCode, JsonAnswer<Value>), Problem> {
    let map = groma.rooms().maps.create(&member.actor, edit, database::now()).await?;
    Ok((StatusCode::CREATED, JsonAnswer(describe(&address, &map))))
}

/// `GET maps/{id}`
pub(crate) async fn open(
    State(groma): State<Groma>,
    member: Member,
    address: Address,
    Path(id): Path<String>,
) -> Result<JsonAnswer<Value>, Problem> {
    let map = groma
        .rooms()
        .maps
        .open(&member.actor, map_id(&id)?, Action::Read)
        .await?;
    Ok(JsonAnswer(describe(&address, &map)))
}

/// A change, and the version that it was made to.
#[derive(Debug, Deserialize)]
pub(crate) struct Change {
    version: i64,
    #[serde(flatten)]
    edit: Edit,
}

/// `PATCH maps/{id}`: 409 carries the newer map.
pub(crate) async fn update(
    State(groma): State<Groma>,
    member: Member,
    address: Address,
    Path(id): Path<String>,
    Json(change): Json<Change>,
) -> Result<JsonAnswer<Value>, Problem> {
    let maps = &groma.rooms().maps;
    match maps
        .update(
            &member.actor,
            map_id(&id)?,
            change.version,
            change.edit,
            database::now(),
        )
        .await
    {
        Ok(map) => Ok(JsonAnswer(describe(&address, &map))),
        Err(maps::Error::Conflict(newer)) => {
            let shown = describe(&address, &newer);
            Err(Problem::from(maps::Error::Conflict(newer)).with("map", shown))
        }
        Err(error) => Err(error.into()),
    }
}

/// `DELETE maps/{id}`
pub(crate) async fn delete(
    State(groma): State<Groma>,
    member: Member,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    groma
        .rooms()
        .maps
        .delete(&member.actor, map_id(&id)?, database::now())
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST maps/{id}/publish`
pub(crate) async fn publish(
    State(groma): State<Groma>,
    member: Member,
    address: Address,
    Path(id): Path<String>,
) -> Result<JsonAnswer<Value>, Problem> {
    let maps = &groma.rooms().maps;
    let map = maps
        .publish(&member.actor, map_id(&id)?, &grants::of_dataset, database::now())
        .await?;
    Ok(JsonAnswer(describe(&address, &map)))
}

/// Who may look.
#[derive(Debug, Deserialize)]
pub(crate) struct Shared {
    privacy: Privacy,
}

/// `POST maps/{id}/privacy`
pub(crate) async fn set_privacy(
    State(groma): State<Groma>,
    member: Member,
    address: Address,
    Path(id): Path<String>,
    Json(shared): Json<Shared>,
) -> Result<JsonAnswer<Value>, Problem> {
    let maps = &groma.rooms().maps;
    let id = map_id(&id)?;
    let map = maps
        .set_privacy(&member.actor, id, shared.privacy, &grants::of_dataset, database::now())
        .await?;
    Ok(JsonAnswer(describe(&address, &map)))
}

/// The name of a copy.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Copy {
    title: Option<String>,
}

/// `POST maps/{id}/duplicate`
pub(crate) async fn duplicate(
    State(groma): State<Groma>,
    member: Member,
    address: Address,
    Path(id): Path<String>,
    Json(copy): Json<Copy>,
) -> Result<(StatusCode, JsonAnswer<Value>), Problem> {
    let map = groma
        .rooms()
        .maps
        .duplicate(&member.actor, map_id(&id)?, copy.title, database::now())
        .await?;
    Ok((StatusCode::CREATED, JsonAnswer(describe(&address, &map))))
}

fn map_id(text: &str) -> Result<Id<Map>, Problem> {
    text.parse().map_err(|_| Problem::not_found("There is no such map."))
}

fn describe(address: &Address, map: &Map) -> Value {
    json!({
        "id": map.id,
        "version": map.version,
        "title": map.content.title,
        "description": map.content.description,
        "privacy": map.privacy,
        "public_url": public_url(address, map.id, map.privacy),
        "keplerMapConfig": map.content.configuration,
        "datasets": map.content.datasets,
        "owner": map.owner,
        "published_at": map.published_at,
        "has_unpublished_changes": map.has_unpublished_changes,
        "created_at": map.created_at,
        "updated_at": map.updated_at,
    })
}

fn public_url(address: &Address, id: Id<Map>, privacy: Privacy) -> Value {
    match privacy {
        Privacy::Private => Value::Null,
        Privacy::Public => format!("{}/map/{id}", address.base()).into(),
    }
}

//! Basemaps: the world behind the data, from inside the binary or from the administrator, never from elsewhere.
//!
//! The addresses end as those of CARTO's basemaps do, so that pages written for them need another host only.

mod tiles;

use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, Response};
use axum::response::{IntoResponse, Redirect};
use rust_embed::RustEmbed;
use serde_json::{Value, json};

use crate::address::Address;
use crate::caching;
use crate::problem::Problem;
use crate::state::Groma;

pub(crate) use tiles::{find, tile, tilejson};

/// Styles, baked when the program is built.
#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/../../assets/baked/styles"]
#[allow_missing = true]
struct Styles;

/// Glyphs, `{stack}/{range}.pbf`.
#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/../../assets/baked/fonts"]
#[allow_missing = true]
struct Fonts;

/// Icons of the styles.
#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/../../assets/baked/sprites"]
#[allow_missing = true]
struct Sprites;

/// The built-in styles, under the names that CARTO gave theirs. Each has a sister without labels.
const STYLES: [&str; 3] = ["positron", "dark-matter", "voyager"];
const NO_LABELS: &str = "-nolabels";

/// Basemaps change with the program or with a file of the administrator, so a day is safe.
const A_DAY: HeaderValue = HeaderValue::from_static("public, max-age=86400");

/// `GET /basemaps/gl/{name}-gl-style/style.json`: ours, or the way to the one that the administrator chose.
pub(crate) async fn style(
    State(groma): State<Groma>,
    address: Address,
    headers: HeaderMap,
    Path(name): Path<String>,
) -> Result<Response<Body>, Problem> {
    if let Some(chosen) = &groma.options().basemap_style_url {
        return Ok(Redirect::temporary(chosen.as_str()).into_response());
    }
    let name = name.strip_suffix("-gl-style").unwrap_or(&name);
    let style = named_style(name).ok_or_else(|| {
        let names = STYLES.join(", ");
        Problem::not_found(format!(
            "There is no basemap style '{name}'. There are {names}, each also with {NO_LABELS}."
        ))
    })?;
    Ok(caching::bytes(
        &headers,
        "application/json",
        absolute(&style, &address),
        A_DAY,
    ))
}

/// The text of a style; `None` when there is none of that name, or none was baked.
fn named_style(name: &str) -> Option<String> {
    let plain = name.strip_suffix(NO_LABELS).unwrap_or(name);
    if !STYLES.contains(&plain) {
        return None;
    }
    let file = Styles::get(&format!("{name}.json"))?;
    Some(String::from_utf8_lossy(&file.data).into_owned())
}

/// Styles are baked with addresses from the root of the server; MapLibre wants whole ones.
fn absolute(style: &str, address: &Address) -> Bytes {
    style
        .replace("\"/basemaps/", &format!("\"{}/basemaps/", address.base()))
        .into()
}

/// `GET /basemaps/fonts/{stack}/{range}.pbf`: glyphs. Of several names in the stack, the first that we have.
pub(crate) async fn glyphs(
    headers: HeaderMap,
    Path((stack, range)): Path<(String, String)>,
) -> Result<Response<Body>, Problem> {
    let file = stack
        .split(',')
        .find_map(|font| Fonts::get(&format!("{}/{range}", font.trim())));
    let file = file
        .or_else(|| Fonts::get(&format!("{FALLBACK_FONT}/{range}")))
        .ok_or_else(|| Problem::not_found(format!("There are no glyphs '{range}' of '{stack}'.")))?;
    Ok(caching::bytes(
        &headers,
        "application/x-protobuf",
        Bytes::from(file.data.into_owned()),
        A_DAY,
    ))
}

/// The font that stands in for those of other people's styles.
const FALLBACK_FONT: &str = "Noto Sans Regular";

/// `GET /basemaps/sprites/{name}`: icons of the styles.
pub(crate) async fn sprite(headers: HeaderMap, Path(name): Path<String>) -> Result<Response<Body>, Problem> {
    let file = Sprites::get(&name).ok_or_else(|| Problem::not_found(format!("There is no sprite '{name}'.")))?;
    let content_type = if name.ends_with(".json") {
        "application/json"
    } else {
        "image/png"
    };
    Ok(caching::bytes(
        &headers,
        content_type,
        Bytes::from(file.data.into_owned()),
        A_DAY,
    ))
}

/// `GET /basemaps/styles.json`: which styles there are, for the basemap picker.
pub(crate) async fn styles(address: Address, headers: HeaderMap) -> Result<Response<Body>, Problem> {
    let items: Vec<Value> = STYLES
        .iter()
        .filter(|name| named_style(name).is_some())
        .map(|name| json!({"id": name, "url": style_url(&address, name)}))
        .collect();
    Ok(caching::json(&headers, &json!({"items": items}), caching::REVALIDATE))
}

fn style_url(address: &Address, name: &str) -> String {
    format!("{}/basemaps/gl/{name}-gl-style/style.json", address.base())
}

/// In a map document that leaves the house, points CARTO's basemaps to ours: their clients know those
/// names only as addresses on CARTO's own host.
pub(crate) fn point_to_ours(configuration: &mut Value, address: &Address) {
    let config = &mut configuration["config"];
    let Some(id) = config["mapStyle"]["styleType"]
        .as_str()
        .filter(|id| STYLES.contains(id))
        .map(str::to_owned)
    else {
        return;
    };
    let hides_labels = config["mapStyle"]["visibleLayerGroups"]["label"] == Value::Bool(false);
    let name = if hides_labels {
        format!("{id}{NO_LABELS}")
    } else {
        id.clone()
    };
    config["mapStyle"]["styleType"] = format!("custom:{id}").into();
    config["customBaseMaps"] = json!({
        "customStyle": {"id": id, "label": id, "url": style_url(address, &name), "customAttribution": Value::Null},
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address() -> Address {
        let public = url::Url::parse("https://maps.example.org").expect("a URL");
        Address::of(Some(&public), &[], &HeaderMap::new(), None)
    }

    #[test]
    fn a_document_for_other_pages_names_our_basemap_by_its_address() {
        let mut configuration =
            json!({"config": {"mapStyle": {"styleType": "dark-matter", "visibleLayerGroups": {"label": false}}}});
        point_to_ours(&mut configuration, &address());
        assert_eq!(configuration["config"]["mapStyle"]["styleType"], "custom:dark-matter");
        assert_eq!(
            configuration["config"]["customBaseMaps"]["customStyle"]["url"],
            "https://maps.example.org/basemaps/gl/dark-matter-nolabels-gl-style/style.json"
        );
    }

    #[test]
    fn a_basemap_of_somebodys_own_stays_as_it_is() {
        let before = json!({"config": {"mapStyle": {"styleType": "custom:mine"}, "customBaseMaps": {"customStyle": {"url": "x"}}}});
        let mut after = before.clone();
        point_to_ours(&mut after, &address());
        assert_eq!(after, before);
    }

    #[test]
    fn a_style_has_whole_addresses() {
        let style = absolute(r#"{"url": "/basemaps/world.json"}"#, &address());
        assert_eq!(
            &style[..],
            br#"{"url": "https://maps.example.org/basemaps/world.json"}"#
        );
    }
}

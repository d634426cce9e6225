//! A spatial filter as an SQL condition.
//!
//! `ST_Intersects(column, constant)` is what the warehouse reads key ranges from, so every part stands alone.

use std::fmt::Write as _;

use geo::{LineString, Polygon};
use spatial::LonLatBox;
use warehouse::quote;

use crate::field::Field;
use crate::filter_sql::joined;
use crate::spatial_filter::Area;

/// More polygons than this become one multipolygon.
const MOST_PARTS: usize = 4;

/// Rows whose geometry in this column touches the area (degrees).
#[must_use]
pub(crate) fn condition(area: &Area, field: &Field) -> String {
    match area {
        Area::World => format!("{} IS NOT NULL", quote(&field.name)),
        Area::Boxes(boxes) => any(boxes.iter().map(|area| intersects(field, &wkt_of_box(area))).collect()),
        Area::Polygons(polygons) if polygons.len() > MOST_PARTS => {
            let parts: Vec<String> = polygons.iter().map(rings_of).collect();
            intersects(field, &format!("MULTIPOLYGON({})", parts.join(", ")))
        }
        Area::Polygons(polygons) => any(polygons
            .iter()
            .map(|polygon| intersects(field, &format!("POLYGON{}", rings_of(polygon))))
            .collect()),
    }
}

fn any(conditions: Vec<String>) -> String {
    if conditions.is_empty() {
        "FALSE".to_owned()
    } else {
        joined(conditions, " OR ")
    }
}

fn intersects(field: &Field, wkt: &str) -> String {
    let column = quote(&field.name);
    match field.crs.as_deref() {
        // A geometry that a query makes may name no system: it is taken for longitudes and latitudes.
        None => format!("ST_Intersects({column}, ST_GeomFromText('{wkt}'))"),
        Some("EPSG:4326" | "OGC:CRS84") => format!("ST_Intersects({column}, ST_GeomFromText('{wkt}', 4326))"),
        Some(_) => format!("ST_Intersects(ST_Transform({column}, 'EPSG:4326'), ST_GeomFromText('{wkt}', 4326))"),
    }
}

fn wkt_of_box(area: &LonLatBox) -> String {
    let [west, south, east, north] = area.to_array();
    format!("POLYGON(({west} {south}, {east} {south}, {east} {north}, {west} {north}, {west} {south}))")
}

fn rings_of(polygon: &Polygon<f64>) -> String {
    let rings: Vec<String> = std::iter::once(polygon.exterior())
        .chain(polygon.interiors())
        .map(ring_of)
        .collect();
    format!("({})", rings.join(", "))
}

fn ring_of(ring: &LineString<f64>) -> String {
    let mut text = String::from("(");
    for (index, position) in ring.coords().enumerate() {
        let comma = if index == 0 { "" } else { ", " };
        let _ = write!(text, "{comma}{} {}", position.x, position.y);
    }
    text.push(')');
    text
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::datatypes::{DataType, Field as ArrowField};
    use serde_json::json;

    use super::*;
    use crate::spatial_filter::SpatialFilter;

    fn field(crs: Option<&str>) -> Field {
        let mut field = Field::of(&ArrowField::new("geom", DataType::Binary, true));
        field.crs = crs.map(str::to_owned);
        field
    }

    fn sql(coordinates: serde_json::Value, crs: Option<&str>) -> String {
        let filter = SpatialFilter::new(
            "geom".to_owned(),
            &json!({"type": "Polygon", "coordinates": coordinates}),
        )
        .unwrap();
        condition(&filter.area, &field(crs))
    }

    #[test]
    fn a_box_is_one_constant() {
        insta::assert_snapshot!(sql(json!([[[1, 2], [3, 2], [3, 4], [1, 4], [1, 2]]]), Some("EPSG:4326")),
            @r#"ST_Intersects("geom", ST_GeomFromText('POLYGON((1 2, 3 2, 3 4, 1 4, 1 2))', 4326))"#);
        insta::assert_snapshot!(sql(json!([[[1, 2], [3, 2], [3, 4], [1, 4], [1, 2]]]), None),
            @r#"ST_Intersects("geom", ST_GeomFromText('POLYGON((1 2, 3 2, 3 4, 1 4, 1 2))'))"#);
    }

    #[test]
    fn a_box_over_the_antimeridian_is_two() {
        insta::assert_snapshot!(sql(json!([[[170, 2], [190, 2], [190, 4], [170, 4]]]), Some("OGC:CRS84")),
            @r#"(ST_Intersects("geom", ST_GeomFromText('POLYGON((170 2, 180 2, 180 4, 170 4, 170 2))', 4326)) OR ST_Intersects("geom", ST_GeomFromText('POLYGON((-180 2, -170 2, -170 4, -180 4, -180 2))', 4326)))"#);
    }

    #[test]
    fn the_world_needs_no_shape() {
        insta::assert_snapshot!(sql(json!([[[-180, -90], [180, -90], [180, 90], [-180, 90]]]), None), @r#""geom" IS NOT NULL"#);
    }

    #[test]
    fn other_coordinate_systems_are_transformed() {
        insta::assert_snapshot!(sql(json!([[[0, 0], [1, 0], [0, 1]]]), Some("EPSG:3857")),
            @r#"ST_Intersects(ST_Transform("geom", 'EPSG:4326'), ST_GeomFromText('POLYGON((0 0, 1 0, 0 1, 0 0))', 4326))"#);
    }
}

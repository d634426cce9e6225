//! Spherical Web Mercator (EPSG:3857) as a unit square and as 32-bit integers.

use std::f64::consts::PI;

/// The latitude at which the Web Mercator square ends, degrees.
pub const MAX_LATITUDE: f64 = 85.051_128_779_806_59;

/// Steps of a world coordinate along one side of the square.
pub const WORLD_SIZE: f64 = 4_294_967_296.0;

/// Longitude and latitude in degrees to `[x, y]` in the unit square, y down.
///
/// Latitudes beyond the square are clamped to its edge; longitudes are not
/// wrapped, so that shapes over the antimeridian stay in one piece.
#[inline]
pub fn unit_from_lonlat(lon: f64, lat: f64) -> [f64; 2] {
    let sine = lat.clamp(-MAX_LATITUDE, MAX_LATITUDE).to_radians().sin();
    let y = 0.5 - ((1.0 + sine) / (1.0 - sine)).ln() / (4.0 * PI);
    [lon / 360.0 + 0.5, y.clamp(0.0, 1.0)]
}

/// The inverse of [`unit_from_lonlat`]: `[longitude, latitude]` in degrees.
#[inline]
pub fn lonlat_from_unit(x: f64, y: f64) -> [f64; 2] {
    [(x - 0.5) * 360.0, latitude_from_unit(y)]
}

/// The latitude in degrees of a unit y.
#[inline]
pub fn latitude_from_unit(y: f64) -> f64 {
    (PI * (1.0 - 2.0 * y)).sinh().atan().to_degrees()
}

/// Longitude and latitude in degrees to world coordinates, `None` when either
/// is not a finite number.
///
/// Longitudes beyond ±180 are wrapped; exactly 180 belongs to the eastern edge,
/// so that a window that ends at 180 finds it.
#[inline]
pub fn world_from_lonlat(lon: f64, lat: f64) -> Option<[u32; 2]> {
    if !(lon.is_finite() && lat.is_finite()) {
        return None;
    }
    let [x, y] = unit_from_lonlat(lon, lat);
    let x = if (0.0..=1.0).contains(&x) { x } else { x.rem_euclid(1.0) };
    Some([world_from_unit(x), world_from_unit(y)])
}

/// One unit coordinate to a world coordinate; values outside the square are
/// moved to its edge.
#[inline]
pub fn world_from_unit(unit: f64) -> u32 {
    // A float cast saturates, which is the clamp that is wanted here.
    (unit * WORLD_SIZE) as u32
}

/// The unit coordinate of the middle of a world step.
#[inline]
pub fn unit_from_world(world: u32) -> f64 {
    (f64::from(world) + 0.5) / WORLD_SIZE
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_square_has_the_origin_in_its_middle_and_north_on_top() {
        assert_eq!(unit_from_lonlat(0.0, 0.0), [0.5, 0.5]);
        let [x, y] = unit_from_lonlat(-180.0, 90.0);
        assert!(x == 0.0 && y.abs() < 1e-12, "{x} {y}");
        let [x, y] = unit_from_lonlat(180.0, -90.0);
        assert!(x == 1.0 && (y - 1.0).abs() < 1e-12, "{x} {y}");
    }

    /// pyproj 3.7: Transformer 4326 → 3857 of (2.3522, 48.8566) gives
    /// 261845.7061, 6250564.3497 metres.
    #[test]
    fn paris_is_where_proj_puts_it() {
        let half = PI * 6_378_137.0;
        let [x, y] = unit_from_lonlat(2.3522, 48.8566);
        assert!(((x - 0.5) * 2.0 * half - 261_845.706).abs() < 0.01);
        assert!(((0.5 - y) * 2.0 * half - 6_250_564.35).abs() < 0.01);
    }

    #[test]
    fn coordinates_that_are_no_numbers_have_no_place() {
        assert_eq!(world_from_lonlat(f64::NAN, 1.0), None);
        assert_eq!(world_from_lonlat(1.0, f64::INFINITY), None);
    }

    #[test]
    fn longitudes_wrap_and_180_is_the_eastern_edge() {
        assert_eq!(world_from_lonlat(190.0, 5.0), world_from_lonlat(-170.0, 5.0));
        assert_eq!(world_from_lonlat(-190.0, 5.0), world_from_lonlat(170.0, 5.0));
        assert_eq!(world_from_lonlat(180.0, 0.0), Some([u32::MAX, 1 << 31]));
        assert_eq!(world_from_lonlat(-180.0, 90.0), Some([0, 0]));
    }

    proptest! {
        #[test]
        fn lonlat_survives_the_round_trip(lon in -180.0..180.0f64, lat in -85.0..85.0f64) {
            let [x, y] = unit_from_lonlat(lon, lat);
            let [lon2, lat2] = lonlat_from_unit(x, y);
            prop_assert!((lon - lon2).abs() < 1e-9 && (lat - lat2).abs() < 1e-9);
        }

        #[test]
        fn world_coordinates_survive_the_round_trip(x: u32, y: u32) {
            let [lon, lat] = lonlat_from_unit(unit_from_world(x), unit_from_world(y));
            prop_assert_eq!(world_from_lonlat(lon, lat), Some([x, y]));
        }
    }
}
